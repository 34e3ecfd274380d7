"""What speaks for each checkpoint as JSON, in the report and on the command line: the same keys as the JSON API's."""

from dataclasses import asdict

from beyondloss.services.choosing import LowestLoss, Serving, Weighing
from beyondloss.services.runs import RunView

Json = dict[str, object]


def as_json(run: RunView, found: Weighing, serving: Serving | None = None) -> Json:
    """Finite numbers, strings, lists; null is not known. `serving` names folders: only the owner's files hold it."""
    known: Json = {
        "chosen": asdict(run.chosen) if run.chosen else None,
        "probes": found.probes,
        "best": found.best,
        "expected": asdict(found.expected) if found.expected else None,
        "standings": [asdict(one) for one in found.standings],
        "left_out": list(found.left_out),
        "evaluated": _lowest(found.evaluated),
        "train": _lowest(found.train),
    }
    return known | ({"serving": asdict(serving)} if serving else {})


def _lowest(one: LowestLoss | None) -> Json | None:
    if one is None:
        return None
    cost = {"regret": asdict(one.cost.regret), "e_value": one.cost.e_value, "word": one.cost.word} if one.cost else None
    return {"step": one.step, "value": one.value, "cost": cost, "lower_at": one.lower_at}
