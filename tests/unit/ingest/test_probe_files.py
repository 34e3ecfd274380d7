"""Probe files in four notations: what is accepted, what is refused and with which words, and the way back."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beyondloss.domain.probes import BehaviourSpec, Family, Message, MessageRole, ProbeFile, ProbeSpec
from beyondloss.errors import InvalidInput, UnreadableProbeFile
from beyondloss.ingest.probe_files import FORMATS, dump_probe_file, parse_probe_text, read_probe_file, starter_probes
from beyondloss.ingest.probe_files.read import MAX_FILE_BYTES

CONTRACT_EXAMPLE = """
behaviours:
  - name: answers the question asked
    wanted: gives the fact or the step that was asked for
probes:
  - id: france                     # stable name within the set
    prompt: What is the capital of France?       # or messages
    family: retention
    group: geography
    behaviours: [answers the question asked]
    good: Paris, plainly.
    language: en
"""


def refused(text: str, notation: str = "yaml") -> UnreadableProbeFile:
    with pytest.raises(UnreadableProbeFile) as caught:
        parse_probe_text(text, notation)
    assert caught.value.message
    assert caught.value.hint
    return caught.value


def test_the_documented_example_reads_as_documented():
    file = parse_probe_text(CONTRACT_EXAMPLE, "yaml")
    assert file.behaviours == (
        BehaviourSpec("answers the question asked", "gives the fact or the step that was asked for"),
    )
    assert file.probes == (
        ProbeSpec(
            key="france",
            messages=(Message(MessageRole.USER, "What is the capital of France?"),),
            family=Family.RETENTION,
            group="geography",
            behaviours=("answers the question asked",),
            good="Paris, plainly.",
            language="en",
        ),
    )


def test_the_same_probe_reads_alike_from_every_notation():
    from_yaml = parse_probe_text(CONTRACT_EXAMPLE, "yaml").probes
    probe = {
        "id": "france",
        "prompt": "What is the capital of France?",
        "family": "retention",
        "group": "geography",
        "behaviours": ["answers the question asked"],
        "good": "Paris, plainly.",
        "language": "en",
    }
    header = "id,prompt,system,family,group,behaviours,good,language"
    row = 'france,What is the capital of France?,,retention,geography,answers the question asked,"Paris, plainly.",en'
    assert parse_probe_text(json.dumps({"probes": [probe]}), "json").probes == from_yaml
    assert parse_probe_text(json.dumps([probe]), "json").probes == from_yaml
    assert parse_probe_text(json.dumps(probe), "json").probes == from_yaml
    assert parse_probe_text(json.dumps(probe) + "\n\n", "jsonl").probes == from_yaml
    assert parse_probe_text(f"{header}\r\n{row}\r\n", "csv").probes == from_yaml


def test_a_bare_list_of_questions_is_a_probe_file():
    file = parse_probe_text("- Who are you?\n- prompt: What can you do?\n", "yaml")
    assert [probe.prompt for probe in file.probes] == ["Who are you?", "What can you do?"]
    assert all(probe.family is Family.UNSEEN for probe in file.probes)


def test_behaviours_that_only_probes_name_are_listed_with_an_empty_pole():
    file = parse_probe_text("behaviours: [brief]\nprobes: [{prompt: Hi, behaviours: [brief, kind]}]", "yaml")
    assert file.behaviours == (BehaviourSpec("brief"), BehaviourSpec("kind"))


def test_american_spelling_is_understood():
    file = parse_probe_text(
        "behaviors: [{name: brief, wanted: short}]\nprobes: [{prompt: Hi, behaviors: brief}]", "yaml"
    )
    assert file.behaviours == (BehaviourSpec("brief", "short"),)
    assert file.probes[0].behaviours == ("brief",)


def test_several_turns_and_a_system_prompt_are_kept_in_order():
    text = """
probes:
  - id: follow-up
    system: You are a waiter.
    messages: [{role: user, content: Tea?}, {role: assistant, content: Yes.}, {role: user, content: Black.}]
"""
    messages = parse_probe_text(text, "yaml").probes[0].messages
    assert [message.role.value for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0].content == "You are a waiter."


def test_a_missing_id_becomes_one_that_depends_on_the_words_alone():
    one = parse_probe_text("- What is new?\n- 你好吗？\n", "yaml").probes
    other = parse_probe_text("- 你好吗？\n- Something else\n- What is new?\n", "yaml").probes
    assert one[0].key == other[2].key
    assert one[0].key.startswith("what-is-new-")
    assert one[1].key == other[0].key
    assert one[1].key.startswith("probe-")


def test_the_same_question_twice_without_ids_is_a_duplicate():
    assert "taken by" in refused("- Hi\n- Hi\n").message


def test_a_duplicate_id_names_both_places():
    error = refused("probes:\n  - id: a\n    prompt: One\n  - id: a\n    prompt: Two\n")
    assert "Line 4" in error.message
    assert "line 2" in error.message
    assert "`a`" in error.message


def test_an_unknown_family_suggests_the_nearest():
    error = refused("- {id: q, prompt: Hi, family: retension}")
    assert "probe `q`" in error.message
    assert "Did you mean retention?" in error.hint


def test_a_mistyped_key_is_caught_instead_of_dropped():
    assert "`prompt`" in refused("- {id: q, promt: Hi}").hint
    assert parse_probe_text("- {prompt: Hi, author: somebody}", "yaml").probes[0].prompt == "Hi"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("probes:\n  - id: q\n    family: unseen\n", "no `prompt`"),
        ("probes:\n  - id: q\n    prompt: '  '\n", "no `prompt`"),
        ("probes:\n  - id: q\n    prompt: 42\n", "`42`, not text"),
        ("probes:\n  - id: q\n    prompt: yes\n", "`True`, not text"),
        ("probes:\n  - id: 2024-01-01\n    prompt: Hi\n", "not text"),
        ("probes:\n  - id: q\n    prompt: [a]\n", "a list, not text"),
        ("probes:\n  - id: q\n    prompt: Hi\n    messages: [{role: user, content: Hi}]\n", "both"),
        ("probes:\n  - id: q\n    messages: []\n", "not a list of turns"),
        ("probes:\n  - id: q\n    messages: [{role: robot, content: Hi}]\n", "role `robot`"),
        ("probes:\n  - id: q\n    messages: [{role: assistant, content: Hi}]\n", "not the user's"),
        ("probes:\n  - id: q\n    messages: [Hi]\n", "message 1 is not a mapping"),
        ("probes:\n  - id: q\n    prompt: Hi\n    behaviours: {a: b}\n", "not a list of names"),
        ("probes:\n  - id: q\n    prompt: Hi\n    behaviours: [3]\n", "not text"),
        ("probes:\n  - 42\n", "at least `prompt:`"),
        ("probes: 42\n", "not a list"),
        ("questions: []\n", "no `probes:` section"),
        ("42\n", "neither a list"),
        ("", "no probes"),
        ("behaviours: [{wanted: x}]\nprobes: [Hi]", "no `name`"),
        ("behaviours: [a, a]\nprobes: [Hi]", "stands twice"),
        ("probes: [{prompt: a, prompt: b}]", "stands twice"),
        ("probes: [{prompt: [}]", "not YAML"),
        ("- !!python/object/apply:os.system [echo]", "not YAML"),
        ('- "a \\ud800 b"', ""),
    ],
)
def test_bad_yaml_is_refused_in_a_sentence(text: str, words: str):
    assert words in refused(text).message


def test_a_yaml_bomb_is_refused_before_it_grows():
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)
    )
    assert "alias" in refused(bomb).message


@pytest.mark.parametrize("notation", ["yaml", "json", "jsonl"])
def test_endless_nesting_is_refused_without_recursion(notation: str):
    assert "levels deep" in refused("[" * 100_000, notation).message


def test_bad_json_lines_name_their_line():
    assert "Line 2" in refused('{"prompt": "a"}\n{"prompt": \n', "jsonl").message
    assert "line 3" in refused('{\n"probes": [\n{"prompt": }]}', "json").message.lower()
    assert "stands twice" in refused('{"prompt": "a", "prompt": "b"}', "json").message


def test_half_a_character_is_refused():
    assert "half a character" in refused('[{"prompt": "a \\ud800 b"}]', "json").message
    assert "half a character" in refused('[{"prompt": "a \\u0000 b"}]', "json").message


def test_json_lines_may_define_behaviours_in_a_line_of_their_own():
    text = '{"behaviours": [{"name": "brief", "wanted": "short"}]}\n{"prompt": "Hi", "behaviours": ["brief"]}\n'
    assert parse_probe_text(text, "jsonl").behaviours == (BehaviourSpec("brief", "short"),)


def test_csv_cells_hold_several_behaviours_and_several_lines():
    text = 'id,prompt,behaviours\nq,"one\ntwo","brief; asks\\; then answers"\n'
    probe = parse_probe_text(text, "csv").probes[0]
    assert probe.prompt == "one\ntwo"
    assert probe.behaviours == ("brief", "asks; then answers")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,question\nq,Hi\n", "no column `prompt`"),
        ("prompt,prompt\na,b\n", "same name"),
        ("id,prompt\nq,Hello, you\n", "3 cells"),
        ('id,prompt\nq,"open\n', "not CSV"),
        ("id,prompt\nq,\n", "no `prompt`"),
    ],
)
def test_bad_csv_is_refused_in_a_sentence(text: str, words: str):
    assert words in refused(text, "csv").message


def test_a_file_is_read_by_its_suffix_and_named_in_its_errors(tmp_path: Path):
    good = tmp_path / "set.YML"
    good.write_bytes(b"\xef\xbb\xbf- Hi\n")
    assert read_probe_file(good).probes[0].prompt == "Hi"
    for name, content in {"set.txt": b"", "set.yaml": b"- \xff\xfe", "set.jsonl": b"{", "set.csv": b"id\n"}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnreadableProbeFile, match=name):
            read_probe_file(path)
    with pytest.raises(UnreadableProbeFile, match="no such file"):
        read_probe_file(tmp_path / "absent.yaml")


def test_a_huge_file_is_refused_unread(tmp_path: Path):
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(UnreadableProbeFile, match="larger than"):
        read_probe_file(path)


def test_an_unknown_notation_is_refused_both_ways():
    assert "no probe file format" in refused("", "xml").message
    with pytest.raises(InvalidInput):
        dump_probe_file(ProbeFile((), ()), "xml")


def test_the_starter_set_covers_every_family_in_both_languages():
    file = starter_probes()
    assert 4 <= len(file.behaviours) <= 5
    assert all(behaviour.wanted for behaviour in file.behaviours)
    for prefix in ("en", "zh"):
        probes = [probe for probe in file.probes if probe.language.startswith(prefix)]
        assert len(probes) == 12
        assert {probe.family for probe in probes} == set(Family)
        assert {name for probe in probes for name in probe.behaviours} == {b.name for b in file.behaviours}
        assert all(probe.good and probe.group and probe.behaviours for probe in probes)
    assert {"en", "zh-Hans", "zh-Hant"} == {probe.language for probe in file.probes}


lines = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40).map(
    lambda s: " ".join(s.split())
)
names = lines.filter(bool)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=80)
spoken = texts.filter(str.strip)


@st.composite
def probe_files(draw: st.DrawFn) -> ProbeFile:
    behaviours = draw(
        st.lists(st.builds(BehaviourSpec, names, texts.map(str.strip)), max_size=3, unique_by=lambda b: b.name)
    )
    keys = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    probes = []
    for key in keys:
        turns = [Message(MessageRole.USER, draw(spoken))]
        if draw(st.booleans()):
            turns = [Message(MessageRole.USER, "a"), Message(MessageRole.ASSISTANT, draw(spoken)), *turns]
        if draw(st.booleans()):
            turns = [Message(MessageRole.SYSTEM, draw(spoken)), *turns]
        named = draw(st.lists(st.sampled_from(behaviours), unique=True)) if behaviours else []
        probes.append(
            ProbeSpec(
                key=key,
                messages=tuple(turns),
                family=draw(st.sampled_from(list(Family))),
                group=draw(lines),
                behaviours=tuple(behaviour.name for behaviour in named),
                good=draw(texts.map(str.strip)),
                language=draw(lines),
            )
        )
    return ProbeFile(tuple(behaviours), tuple(probes))


@pytest.mark.parametrize("notation", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(file=probe_files())
def test_what_is_written_reads_back_unchanged(notation: str, file: ProbeFile):
    back = parse_probe_text(dump_probe_file(file, notation), notation)
    assert back.probes == file.probes
    if notation != "csv":
        assert back.behaviours == file.behaviours


def test_the_starter_set_survives_every_notation():
    file = starter_probes()
    for notation in FORMATS:
        assert parse_probe_text(dump_probe_file(file, notation), notation).probes == file.probes


@pytest.mark.parametrize("notation", FORMATS)
@settings(max_examples=120, deadline=None)
@given(text=st.text(max_size=200) | st.text(alphabet="{}[]:-,\"'\n &*!|>#%@`abc0\t", max_size=80))
@example(text="- 0b")
@example(text="? [a]\n: b")
@example(text="- 2024-99-99")
@example(text="1" * 6000)
@example(text="\ud800")
def test_any_text_is_read_or_refused_with_a_hint(notation: str, text: str):
    try:
        parse_probe_text(text, notation)
    except UnreadableProbeFile as error:
        assert error.message
        assert error.hint
        error.message.encode()
