"""Exports of a real store: preference data in every form, tables, and ratings that find their answers again."""

import csv
import io
import json
from dataclasses import dataclass

import pytest

from beyondloss.domain.access import OWNER, LinkScope, Visitor
from beyondloss.domain.preferences import Unpaired, Wanted
from beyondloss.domain.ratings import LinkRole
from beyondloss.errors import InvalidInput, NotAllowed, NotFound
from beyondloss.services import ratings
from beyondloss.services.exports import (
    PreferenceFormat,
    RatingsImported,
    TableFormat,
    answer_lines,
    import_ratings,
    preference_lines,
    rating_lines,
)
from beyondloss.store.engine import Store
from beyondloss.store.tables import Answer, Behaviour, Probe, Rater, Run
from tests.factories import (
    a_behaviour,
    a_probe,
    a_project,
    a_rater,
    a_rating,
    a_run,
    an_answer,
    checkpoints_of,
)

HOSTILE = '=HYPERLINK("http://x","y")\r\n"quoted", \u2028 \x85 </script>\x1b[31m 你好'


@dataclass(frozen=True)
class Scene:
    """A run whose base and step 10 answered three probes; the second answer of each is the base's."""

    store: Store
    run: Run
    behaviour: Behaviour
    probes: list[Probe]
    answers: list[Answer]
    references: list[Answer]
    ann: Rater
    mei: Rater

    @property
    def run_id(self) -> int:
        return self.run.id or 0

    def rate(self, rater: Rater, *verdicts: int | None, **fields: object) -> None:
        for verdict, answer, reference in zip(verdicts, self.answers, self.references, strict=False):
            if verdict is not None:
                a_rating(self.store, rater, answer, reference, verdict=verdict, **fields)

    def preferences(self, form: PreferenceFormat = PreferenceFormat.TRL_DPO, **wanted: object) -> list[dict]:
        lines = "".join(preference_lines(self.store, self.run_id, OWNER, form=form, wanted=Wanted(**wanted)))
        return [json.loads(line) for line in lines.splitlines()]

    def exported_ratings(self, form: TableFormat) -> str:
        return "".join(rating_lines(self.store, self.run_id, OWNER, form=form))

    def in_force(self) -> list[tuple[str, int, int | None, str]]:
        found = ratings.list_ratings(self.store, OWNER, self.run_id)
        return sorted((one.rater, one.verdict, one.behaviour_id, one.comment) for one in found)


@pytest.fixture
def scene(store: Store) -> Scene:
    project = a_project(store)
    behaviour = a_behaviour(store, project, name="asks first")
    probes = [a_probe(store, project, prompt=f"Question {n}?", behaviours=[behaviour]) for n in range(3)]
    run = a_run(store, project, steps=(10,), name="support")
    base, step = checkpoints_of(store, run)
    references = [an_answer(store, base, probe, text=f"Base {n}.") for n, probe in enumerate(probes)]
    texts = ["Tuned 0.", HOSTILE, "Tuned 2."]
    answers = [an_answer(store, step, probe, text=text) for text, probe in zip(texts, probes, strict=True)]
    return Scene(
        store,
        run,
        behaviour,
        probes,
        answers,
        references,
        ann=a_rater(store, name="Ann"),
        mei=a_rater(store, name="Mei"),
    )


def test_a_preference_becomes_a_pair_with_the_preferred_answer_chosen(scene: Scene) -> None:
    scene.rate(scene.ann, 1, -1)
    first, second = scene.preferences()
    assert first["prompt"] == [{"role": "user", "content": "Question 0?"}]
    assert first["chosen"] == [{"role": "assistant", "content": "Tuned 0."}]
    assert first["rejected"] == [{"role": "assistant", "content": "Base 0."}]
    assert second["chosen"][0]["content"] == "Base 1."
    assert second["rejected"][0]["content"] == HOSTILE
    said = first["provenance"]
    assert (said["run"], said["step"], said["reference_step"], said["raters"], said["agreeing"]) == (
        "support",
        10,
        0,
        1,
        1,
    )
    assert said["answer_id"] == scene.answers[0].id


def test_kto_gets_both_answers_with_their_labels(scene: Scene) -> None:
    scene.rate(scene.ann, 1)
    lines = scene.preferences(PreferenceFormat.TRL_KTO)
    assert [(line["completion"][0]["content"], line["label"]) for line in lines] == [
        ("Tuned 0.", True),
        ("Base 0.", False),
    ]


def test_llamafactory_reads_sharegpt_turns_with_the_system_prompt_apart(scene: Scene) -> None:
    scene.rate(scene.ann, 1)
    [pair] = scene.preferences(PreferenceFormat.LLAMAFACTORY)
    assert pair["conversations"] == [{"from": "human", "value": "Question 0?"}]
    assert (pair["chosen"], pair["rejected"]) == (
        {"from": "gpt", "value": "Tuned 0."},
        {"from": "gpt", "value": "Base 0."},
    )
    assert pair["system"] == ""
    wanted, _unwanted = scene.preferences(PreferenceFormat.LLAMAFACTORY_KTO)
    assert (wanted["conversations"][-1], wanted["kto_tag"]) == ({"from": "gpt", "value": "Tuned 0."}, True)


def test_ms_swift_reads_messages_with_the_rejected_response_beside_them(scene: Scene) -> None:
    scene.rate(scene.ann, -1)
    [pair] = scene.preferences(PreferenceFormat.MS_SWIFT)
    assert pair["messages"][-1] == {"role": "assistant", "content": "Base 0."}
    assert pair["rejected_response"] == "Tuned 0."
    wanted, unwanted = scene.preferences(PreferenceFormat.MS_SWIFT_KTO)
    assert (wanted["label"], unwanted["label"]) == (True, False)
    assert unwanted["messages"][-1]["content"] == "Tuned 0."


def test_ties_and_both_bad_are_dropped_or_kept_as_one_chooses(scene: Scene) -> None:
    scene.rate(scene.ann, 0)
    scene.rate(scene.ann, None, 0, both_bad=True)
    kto = PreferenceFormat.TRL_KTO
    assert scene.preferences() == scene.preferences(kto) == []
    assert [line["label"] for line in scene.preferences(kto, ties=Unpaired.GOOD)] == [True, True]
    assert [line["label"] for line in scene.preferences(kto, both_bad=Unpaired.BAD)] == [False, False]
    with pytest.raises(InvalidInput, match="pairs"):
        scene.preferences(ties=Unpaired.GOOD)


def test_raters_who_disagree_count_only_as_far_as_is_wanted(scene: Scene) -> None:
    tom = a_rater(scene.store, name="Tom")
    scene.rate(scene.ann, 1, 1)
    scene.rate(scene.mei, 1, -1)
    scene.rate(tom, -1)
    assert [line["provenance"]["probe"] for line in scene.preferences()] == [scene.probes[0].key]
    assert scene.preferences(least_agreement=0.9) == []
    assert scene.preferences(least_raters=4) == []


def test_one_behaviour_alone_can_be_exported(scene: Scene) -> None:
    scene.rate(scene.ann, 1, rated_at=1.0)
    a_rating(
        scene.store,
        scene.ann,
        scene.answers[0],
        scene.references[0],
        verdict=-1,
        behaviour=scene.behaviour,
        rated_at=2.0,
    )
    [line] = scene.preferences(behaviour="asks first")
    assert line["chosen"][0]["content"] == "Base 0."
    assert scene.preferences() == []  # one for, one against: no preference over all
    assert scene.preferences(behaviour="unheard of") == []
    assert scene.preferences(step=20) == []


def test_undone_ratings_are_in_no_export(scene: Scene) -> None:
    a_rating(scene.store, scene.ann, scene.answers[0], scene.references[0], verdict=None)
    assert scene.preferences() == []
    assert scene.exported_ratings(TableFormat.JSONL) == ""


def test_hostile_text_stays_valid_json_and_csv(scene: Scene) -> None:
    scene.rate(scene.ann, None, 1, comment="=cmd|'/c calc'!A0")
    [line] = list(preference_lines(scene.store, scene.run_id, OWNER, form=PreferenceFormat.TRL_DPO))
    assert len(line.splitlines()) == 1
    assert json.loads(line)["chosen"][0]["content"] == HOSTILE
    table = "".join(answer_lines(scene.store, scene.run_id, OWNER, form=TableFormat.CSV))
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [row["text"] for row in rows if row["step"] == "10"] == ["Tuned 0.", f"'{HOSTILE}", "Tuned 2."]
    [rated] = csv.DictReader(io.StringIO(scene.exported_ratings(TableFormat.CSV), newline=""))
    assert rated["comment"].startswith("'=")


def test_answers_as_json_lines_hold_everything_about_them(scene: Scene) -> None:
    lines = [json.loads(line) for line in answer_lines(scene.store, scene.run_id, OWNER, form=TableFormat.JSONL)]
    assert [(line["step"], line["probe"]) for line in lines] == [
        (step, probe.key) for step in (0, 10) for probe in scene.probes
    ]
    assert lines[0]["messages"] == [{"role": "user", "content": "Question 0?"}]
    assert lines[0]["token_ids"] == [ord(character) for character in "Base 0."]
    assert lines[0]["provenance"]["weights_fingerprint"]


@pytest.mark.parametrize("form", TableFormat)
def test_ratings_come_back_into_the_store_they_left_and_twice_is_once(scene: Scene, form: TableFormat) -> None:
    scene.rate(scene.ann, 1, -1, comment="-dash, 'quote\nand line", blind=True, side="left", shown_at=5.0)
    scene.rate(scene.mei, 0, both_bad=True)
    a_rating(scene.store, scene.mei, scene.answers[2], scene.references[2], behaviour=scene.behaviour)
    text, before = scene.exported_ratings(form), scene.in_force()
    assert import_ratings(scene.store, scene.run_id, text) == RatingsImported(0, 4, 0, ())
    assert scene.in_force() == before
    for rating in ratings.list_ratings(scene.store, OWNER, scene.run_id):
        _forget(scene.store, rating.id)
    assert import_ratings(scene.store, scene.run_id, text) == RatingsImported(4, 0, 0, ())
    assert scene.in_force() == before
    assert scene.exported_ratings(form) == text
    assert import_ratings(scene.store, scene.run_id, text) == RatingsImported(0, 4, 0, ())


def test_a_rating_taken_back_meanwhile_stays_taken_back(scene: Scene) -> None:
    scene.rate(scene.ann, 1)
    text = scene.exported_ratings(TableFormat.CSV)
    [given] = ratings.list_ratings(scene.store, OWNER, scene.run_id)
    ratings.undo_rating(scene.store, Visitor(rater_id=scene.ann.id), given.id)
    assert import_ratings(scene.store, scene.run_id, text) == RatingsImported(0, 1, 0, ())
    assert scene.in_force() == []


def test_a_rating_never_lands_on_other_words_than_its_rater_read(scene: Scene) -> None:
    scene.rate(scene.ann, 1)
    text = scene.exported_ratings(TableFormat.JSONL).replace(
        json.loads(scene.exported_ratings(TableFormat.JSONL))["answer_sha256"], "0" * 64
    )
    done = import_ratings(scene.store, scene.run_id, text)
    assert (done.added, done.unmatched) == (0, 1)
    assert "no answers with these words" in done.problems[0]


@pytest.mark.parametrize("text", ["", "{", "a,b\r\n1,2\r\n", '{"verdict": 7}', "[1]"])
def test_a_file_that_is_no_export_is_refused_by_its_line(scene: Scene, text: str) -> None:
    with pytest.raises(InvalidInput):
        import_ratings(scene.store, scene.run_id, text)


def test_only_the_owner_exports_and_others_do_not_even_learn_of_the_run(scene: Scene) -> None:
    def guest(run_id: int) -> Visitor:
        return Visitor(link=LinkScope(link_id=1, role=LinkRole.RATE, run_id=run_id, project_id=None))

    with pytest.raises(NotAllowed):
        rating_lines(scene.store, scene.run_id, guest(scene.run_id), form=TableFormat.CSV)
    with pytest.raises(NotFound):
        answer_lines(scene.store, scene.run_id, guest(scene.run_id + 1), form=TableFormat.CSV)
    with pytest.raises(NotFound):
        preference_lines(scene.store, 999, OWNER, form=PreferenceFormat.TRL_DPO)


def _forget(store: Store, rating_id: int) -> None:
    from beyondloss.store.tables import Rating

    with store.write() as session:
        session.delete(session.get_one(Rating, rating_id))
