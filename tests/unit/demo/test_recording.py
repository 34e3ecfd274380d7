"""A recorded run comes back from its file as it went in."""

from beyondloss.demo.recording import RecordedAnswer, RecordedRating, Recording, dump, load
from beyondloss.domain.answers import Finish, GeneratedAnswer, Provenance
from beyondloss.domain.metrics import MetricPoint
from beyondloss.domain.sampling import Sampling


def recorded_answer(step: int, probe: str, text: str) -> RecordedAnswer:
    provenance = Provenance(
        engine="transformers",
        base_model="base",
        base_fingerprint="b" * 64,
        weights_fingerprint=f"{step:064}",
        template_hash="t" * 64,
        prompt_token_ids=(1, 2, len(probe)),
        dtype="float32",
        device="cpu",
        decoding="plain",
        versions={"torch": "2.13.0"},
        adapter_check="on" if step else "",
        notes=("a note",),
    )
    answer = GeneratedAnswer(0, 0, text, (5, 6, 7), Finish.STOP, (0.5, 1.25, 3.0, 0.0625), provenance)
    return RecordedAnswer(step, probe, answer)


def test_a_recording_comes_back_whole() -> None:
    recording = Recording(
        base_model="base",
        trainer="transformers",
        config={"learning_rate": 1e-3, "bf16": False, "note": None},
        sampling=Sampling(max_new_tokens=80),
        epochs={5: 0.5, 10: None},
        points=(MetricPoint("loss", 1, 2.5), MetricPoint("loss", 2, 1.5), MetricPoint("grad_norm", 1, 0.1)),
        answers=tuple(recorded_answer(step, probe, "¿“Sí”\n好") for step in (0, 5, 10) for probe in ("one", "two")),
        ratings=(RecordedRating(5, "one", -1, "worse"), RecordedRating(10, "two", 1)),
    )
    assert load(dump(recording)) == recording


def test_what_many_answers_share_stands_once() -> None:
    answers = tuple(recorded_answer(5, f"probe-{number}", "the same") for number in range(50))
    text = dump(Recording("base", "transformers", {}, Sampling(), {5: 1.0}, (), answers))
    assert text.count("t" * 64) == 1
