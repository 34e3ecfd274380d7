"""The transformers engine against what a person's own script answers, on tiny random models."""

import gc
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from beyondloss.domain.answers import Finish
from beyondloss.domain.engine import Target
from beyondloss.domain.runs import CheckpointKind
from beyondloss.domain.sampling import Sampling
from beyondloss.errors import GenerationFailed, ModelNotFound, UnreadableCheckpoint
from beyondloss.generation.engine import TransformersEngine
from beyondloss.generation.quiet import quiet_libraries
from tests.factories.tiny_models import FAMILIES, edit_json, save_adapter, save_tiny_model, spoil_adapter
from tests.integration.generation.conftest import (
    ENDS,
    Ask,
    Script,
    adapter_target,
    base_target,
    questions_of,
)

pytestmark = pytest.mark.torch
LIMIT = 40


def test_base_and_three_adapters_answer_as_a_script_does(
    ask: Ask, script: Script, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    finishes = set()
    for adapter in (None, *tiny_adapters):
        target = base_target(tiny_base) if adapter is None else adapter_target(tiny_base, adapter)
        got = ask(target)
        assert [got[index].token_ids for index in range(len(got))] == script(tiny_base, adapter, LIMIT)
        assert got[0].provenance.adapter_check == ("" if adapter is None else "on")
        assert got[0].provenance.notes == ()
        finishes |= {answer.finish for answer in got.values()}
    assert finishes == {Finish.STOP, Finish.LENGTH}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_answers_as_a_script_does(family: str, ask: Ask, script: Script, tmp_path: Path) -> None:
    base = save_tiny_model(tmp_path / "base", family, ends=ENDS)
    modules = ["in_proj", "x_proj"] if family == "mamba" else "all-linear"
    adapter = save_adapter(tmp_path / "adapter", base, target_modules=modules)
    for path in (None, adapter):
        got = ask(base_target(base) if path is None else adapter_target(base, path))
        assert [got[index].token_ids for index in range(len(got))] == script(base, path, LIMIT)


def test_a_model_without_a_croppable_cache_says_that_it_decodes_plainly(ask: Ask, tmp_path: Path) -> None:
    answer = ask(base_target(save_tiny_model(tmp_path / "base", "mamba")))[0]
    assert answer.provenance.decoding == "plain"
    assert "plain decoding" in answer.provenance.notes[0]


def test_going_back_to_an_adapter_gives_its_answers_again(ask: Ask, tiny_base: Path, tiny_adapters: list[Path]) -> None:
    first, second, _ = tiny_adapters
    before = ask(adapter_target(tiny_base, first))
    between = ask(adapter_target(tiny_base, second))
    after = ask(adapter_target(tiny_base, first))
    assert [a.token_ids for a in before.values()] == [a.token_ids for a in after.values()]
    assert [a.token_ids for a in before.values()] != [a.token_ids for a in between.values()]


def test_the_base_is_the_same_to_the_bit_after_adapters_were_on(
    plain_engine: TransformersEngine, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    questions, sampling = questions_of(), Sampling(max_new_tokens=LIMIT)
    before = list(plain_engine.answer(base_target(tiny_base), questions, sampling))
    for adapter in tiny_adapters:
        list(plain_engine.answer(adapter_target(tiny_base, adapter), questions, sampling))
    after = list(plain_engine.answer(base_target(tiny_base), questions, sampling))
    assert [a.margins for a in before] == [a.margins for a in after]
    wardrobe = plain_engine._resident._wardrobe
    assert wardrobe is not None
    saved = load_file(tiny_base / "model.safetensors")
    for name, tensor in saved.items():
        assert torch.equal(wardrobe.model.get_parameter(name), tensor)


def test_in_sixteen_bits_adapters_are_worn_and_taken_off_again(
    tmp_path: Path, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    engine = TransformersEngine(cache_dir=tmp_path, device="cpu", dtype="bfloat16", drafts=False)
    questions, sampling = questions_of(), Sampling(max_new_tokens=10)
    before = [a.margins for a in engine.answer(base_target(tiny_base), questions, sampling)]
    adapted = list(engine.answer(adapter_target(tiny_base, tiny_adapters[0]), questions, sampling))
    after = [a.margins for a in engine.answer(base_target(tiny_base), questions, sampling)]
    assert before == after
    assert {a.provenance.adapter_check for a in adapted} == {"on"}
    assert {a.provenance.dtype for a in adapted} == {"bfloat16"}


def test_in_sixteen_bits_the_noise_of_the_base_is_measured_once_and_told(
    tmp_path: Path, ask: Ask, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    engine = TransformersEngine(cache_dir=tmp_path, device="cpu", dtype="bfloat16")
    sampling = Sampling(max_new_tokens=4)
    told = {
        answer.provenance.stats["tie_margin"]
        for target in (base_target(tiny_base), adapter_target(tiny_base, tiny_adapters[0]))
        for answer in engine.answer(target, questions_of(), sampling)
    }
    assert len(told) == 1
    assert 0 <= told.pop() < 2
    assert "tie_margin" not in ask(base_target(tiny_base), sampling=sampling)[0].provenance.stats


def test_answers_do_not_depend_on_batch_size_or_order(ask: Ask, tmp_path: Path, tiny_base: Path) -> None:
    alone = TransformersEngine(cache_dir=tmp_path, device="cpu", max_batch=1)
    questions = questions_of()
    expected = ask(base_target(tiny_base))
    for answer in alone.answer(base_target(tiny_base), questions[::-1], Sampling(max_new_tokens=LIMIT)):
        assert answer.token_ids == expected[answer.probe_id].token_ids


def test_sampled_answers_can_be_made_again_in_any_batch(tmp_path: Path, tiny_base: Path) -> None:
    sampling = Sampling(max_new_tokens=12, temperature=0.8, top_p=0.9, samples=3, noise_key="project")
    found = []
    for max_batch in (1, 4, 16):
        engine = TransformersEngine(cache_dir=tmp_path, device="cpu", max_batch=max_batch)
        answers = engine.answer(base_target(tiny_base), questions_of(samples=3), sampling)
        found.append({(a.probe_id, a.sample_index): a.token_ids for a in answers})
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 15
    assert len({found[0][0, sample] for sample in range(3)}) > 1


def test_samples_of_an_adapter_without_effect_are_those_of_the_base(
    ask: Ask, tmp_path: Path, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    sampling = Sampling(max_new_tokens=12, temperature=1.0, noise_key="project")
    idle = spoil_adapter(tiny_adapters[0], tmp_path / "idle", 0.0)
    base = ask(base_target(tiny_base), sampling=sampling)
    same = ask(adapter_target(tiny_base, idle), sampling=sampling)
    assert [a.token_ids for a in base.values()] == [a.token_ids for a in same.values()]
    assert same[0].provenance.adapter_check == "no effect"
    assert "zero" in same[0].provenance.notes[0]


def test_an_adapter_tells_how_far_it_has_moved_from_the_base_that_answered_before(
    ask: Ask, tmp_path: Path, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    base = ask(base_target(tiny_base))
    assert all("base_kl" not in answer.provenance.stats for answer in base.values())
    same = ask(adapter_target(tiny_base, spoil_adapter(tiny_adapters[0], tmp_path / "idle", 0.0)))
    for answer in same.values():
        assert answer.provenance.stats["base_kl"] == pytest.approx(0, abs=1e-5)
        assert answer.provenance.stats["base_tokens"] >= len(answer.token_ids)
    moved = ask(adapter_target(tiny_base, tiny_adapters[0]))
    assert all(answer.provenance.stats["base_kl"] > 1e-4 for answer in moved.values())


def test_a_full_fine_tune_answers_with_its_own_weights(
    ask: Ask, script: Script, tmp_path: Path, tiny_base: Path
) -> None:
    full = save_tiny_model(tmp_path / "full", seed=5, ends=ENDS)
    got = ask(Target(3, 10, CheckpointKind.FULL, full, str(tiny_base)))
    assert [got[index].token_ids for index in range(len(got))] == script(full, None, LIMIT)
    provenance = got[0].provenance
    assert (
        provenance.weights_fingerprint
        != provenance.base_fingerprint
        == ask(base_target(tiny_base))[0].provenance.weights_fingerprint
    )


def test_weights_that_are_not_numbers_give_no_answers(
    ask: Ask, tmp_path: Path, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    broken = spoil_adapter(tiny_adapters[0], tmp_path / "broken", float("nan"))
    with pytest.raises(UnreadableCheckpoint, match="The weights are not numbers"):
        ask(adapter_target(tiny_base, broken))
    full = save_tiny_model(tmp_path / "full")
    weights = load_file(full / "model.safetensors")
    save_file(
        {k: torch.full_like(v, float("nan")) for k, v in weights.items()}, full / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(UnreadableCheckpoint, match="The weights are not numbers"):
        ask(Target(3, 10, CheckpointKind.FULL, full, str(tiny_base)))
    assert ask(base_target(tiny_base))


def test_a_base_that_is_not_on_this_machine_is_named_with_the_way_out(ask: Ask, tiny_adapters: list[Path]) -> None:
    for name in ("someone/not-downloaded", "/no/such/folder", ""):
        with pytest.raises(ModelNotFound) as raised:
            ask(adapter_target(Path(name), tiny_adapters[0]) if name else Target(1, 0, CheckpointKind.BASE, None, ""))
        assert "--base" in raised.value.hint


@pytest.mark.parametrize("damage", ["no weights", "half a file", "odd config", "not numbers"])
def test_a_base_that_cannot_be_read_is_told_apart_from_the_adapters_on_it(
    damage: str, ask: Ask, tmp_path: Path, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny_base, base)
    weights = base / "model.safetensors"
    if damage == "no weights":
        weights.unlink()
    elif damage == "half a file":
        weights.write_bytes(weights.read_bytes()[:2000])
    elif damage == "odd config":
        (base / "config.json").write_text("{")
    else:
        spoilt = {name: torch.full_like(tensor, float("nan")) for name, tensor in load_file(weights).items()}
        save_file(spoilt, weights, {"format": "pt"})
    for target in (base_target(base), adapter_target(base, tiny_adapters[0])):
        with pytest.raises(ModelNotFound) as raised:
            ask(target)
        assert raised.value.message.startswith("The base model cannot be used")
        assert raised.value.hint


def test_a_checkpoint_that_vanished_is_said_to_be_gone(ask: Ask, tmp_path: Path, tiny_base: Path) -> None:
    with pytest.raises(UnreadableCheckpoint) as raised:
        ask(adapter_target(tiny_base, tmp_path / "removed"))
    assert raised.value.code == "checkpoint_gone"


def test_an_adapter_of_another_model_is_refused_and_the_base_survives(
    ask: Ask, tmp_path: Path, tiny_base: Path
) -> None:
    other = save_tiny_model(tmp_path / "other", "gpt2")
    foreign = save_adapter(tmp_path / "foreign", other)
    before = ask(base_target(tiny_base))
    with pytest.raises(UnreadableCheckpoint) as raised:
        ask(adapter_target(tiny_base, foreign))
    assert raised.value.code == "adapter_does_not_fit"
    assert [a.token_ids for a in ask(base_target(tiny_base)).values()] == [a.token_ids for a in before.values()]


def test_a_pickled_adapter_is_read_as_tensors_or_not_at_all(
    ask: Ask, tmp_path: Path, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_adapters[0], folder)
    tensors = load_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    torch.save(tensors, folder / "adapter_model.bin")
    expected = ask(adapter_target(tiny_base, tiny_adapters[0]))
    assert [a.token_ids for a in ask(adapter_target(tiny_base, folder)).values()] == [
        a.token_ids for a in expected.values()
    ]
    torch.save({"weights": Path("code")}, folder / "adapter_model.bin")
    with pytest.raises(UnreadableCheckpoint, match="more than plain tensors"):
        ask(adapter_target(tiny_base, folder))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"trainable_token_indices": [5, 6]}, "trainable_token_indices"),
        ({"bias": "all"}, "biases"),
    ],
)
def test_adapters_that_cannot_share_a_base_are_loaded_alone(
    settings: dict[str, object], reason: str, ask: Ask, script: Script, tmp_path: Path
) -> None:
    base = save_tiny_model(tmp_path / "base", "qwen2", ends=ENDS)
    adapter = save_adapter(tmp_path / "adapter", base, target_modules=["q_proj", "v_proj"], **settings)
    before = ask(base_target(base))
    got = ask(adapter_target(base, adapter))
    assert [got[index].token_ids for index in range(len(got))] == script(base, adapter, LIMIT)
    assert reason in got[0].provenance.notes[0]
    assert [a.token_ids for a in ask(base_target(base)).values()] == [a.token_ids for a in before.values()]


def test_an_adapter_on_tied_embeddings_answers_as_a_script_does(
    ask: Ask, script: Script, tmp_path: Path, tiny_base: Path
) -> None:
    adapter = save_adapter(tmp_path / "adapter", tiny_base, target_modules=["lm_head", "q_proj"])
    got = ask(adapter_target(tiny_base, adapter))
    assert [got[index].token_ids for index in range(len(got))] == script(tiny_base, adapter, LIMIT)


def test_a_run_that_added_tokens_gets_its_own_embeddings(ask: Ask, tmp_path: Path) -> None:
    base = save_tiny_model(tmp_path / "base", "qwen2", ends=ENDS)
    grown = tmp_path / "grown"
    shutil.copytree(base, grown)
    with quiet_libraries():
        model = AutoModelForCausalLM.from_pretrained(base)
        model.resize_token_embeddings(300)
        model.save_pretrained(grown)
    adapter = save_adapter(tmp_path / "adapter", grown, target_modules=["q_proj", "embed_tokens", "lm_head"])
    got = ask(adapter_target(base, adapter))
    assert "embeddings" in got[0].provenance.notes[0]
    assert got[0].provenance.adapter_check == "on"


def test_a_template_of_the_run_is_used_for_the_base_too(ask: Ask, tmp_path: Path, tiny_base: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_base / name, run)
    (run / "chat_template.jinja").write_text("{{ messages[0]['content'] }}>")
    own = ask(base_target(tiny_base))[0].provenance
    runs = ask(Target(1, 0, CheckpointKind.BASE, None, str(tiny_base), run))[0].provenance
    assert own.template_hash != runs.template_hash
    assert len(runs.prompt_token_ids) == len("Hi>")


def test_a_prompt_longer_than_the_context_is_refused_and_a_long_answer_ends_there(
    ask: Ask, tmp_path: Path, tiny_base: Path
) -> None:
    with pytest.raises(GenerationFailed, match="does not fit"):
        ask(base_target(tiny_base), questions_of(["x" * 600]))
    small = tmp_path / "small"
    shutil.copytree(tiny_base, small)
    edit_json(small / "config.json", max_position_embeddings=64)
    edit_json(small / "generation_config.json", eos_token_id=2)
    answer = ask(base_target(small), questions_of(["Hi"]))[0]
    assert len(answer.provenance.prompt_token_ids) + len(answer.token_ids) == 64


def test_memory_stays_flat_over_many_switches(
    engine: TransformersEngine, ask: Ask, tiny_base: Path, tiny_adapters: list[Path]
) -> None:
    def tensors_alive() -> int:
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    question, sampling = questions_of(["Hi"]), Sampling(max_new_tokens=2)
    counts = []
    for index in range(12):
        ask(adapter_target(tiny_base, tiny_adapters[index % 3]), question, sampling)
        counts.append(tensors_alive())
    assert counts[-1] <= counts[3]
