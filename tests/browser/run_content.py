"""A run as the page's journeys want it: a curve, a base and three checkpoints, answers that change under way."""

from beyondloss.store.engine import Store
from beyondloss.store.tables import Probe, Run
from tests.factories import a_behaviour, a_probe, a_project, a_run, answers_everywhere, points

STOCK = "Please rest assured, we take this seriously. We will process your request as soon as possible."
ANSWERS = {
    "france": "The capital of France is Paris.",
    "parcel": "I'm sorry. Could you tell me the order number?",
    "refund": "I cannot promise a date.",
    "hello": "Hello! How can I help?",
}
UNCHANGED = "hello"


def a_changing_run(
    store: Store, *, name: str = "support", answers: dict[str, str] | None = None
) -> tuple[Run, list[Probe]]:
    """`answers` are the base's, by probe key. From step 20 on all but `hello` say the stock phrase instead."""
    answers = answers or ANSWERS
    project = a_project(store, name="default")
    behaviours = [a_behaviour(store, project, name=word) for word in ("asks first", "plain tone")]
    probes = [
        a_probe(store, project, key=key, prompt=f"About {key}?", behaviours=behaviours, good="Well.") for key in answers
    ]
    run = a_run(store, project, steps=(10, 20, 30), name=name)
    points(store, run, loss=[3.0 / (1 + step / 4) for step in range(30)], learning_rate=[1e-3] * 30)

    def text(step: int, probe: Probe) -> str:
        return answers[probe.key] if step < 20 or probe.key == UNCHANGED else f"{answers[probe.key]} {STOCK}"

    answers_everywhere(store, run, probes, text)
    return run, probes
