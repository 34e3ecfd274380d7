"""What the address of the run page says: which checkpoint, against what, and which cards. Knows no store."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from beyondloss.domain.probes import Family
from beyondloss.errors import InvalidInput

BASE = "base"
PREVIOUS = "previous"
_MAX_STEP = 2**62
_MAX_TEXT = 500

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


class Show(StrEnum):
    CHANGED = "changed"
    UNRATED = "unrated"
    ALL = "all"


class View(StrEnum):
    SIDE = "side"
    MERGED = "merged"


class Mark(StrEnum):
    CHANGED = "changed"
    STAYED = "stayed"


@dataclass(frozen=True, slots=True)
class RunQuery:
    """The page's whole state. Fields at their defaults stay out of the address, so that links are short.

    `sample` is for pages of one answer: the others show all of them. `full`, `rendered` and `kept` hold card ids:
    cards shown without folding, cards shown as Markdown, and cards that stay although a filter no longer wants them,
    because somebody has them before their eyes.
    """

    step: int | None = None
    against: str = BASE
    show: Show | None = None
    view: View = View.SIDE
    mark: Mark = Mark.CHANGED
    behaviour: str = ""
    family: str = ""
    probe: str = ""
    q: str = ""
    sampling: str = ""
    sample: int = 0
    full: frozenset[str] = frozenset()
    rendered: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()

    @property
    def filters(self) -> bool:
        """True when fewer probes are shown than the run has, whatever changed."""
        return bool(self.behaviour or self.family or self.q)

    def href(self, path: str, **changes: object) -> str:
        """The address of this state with some fields changed."""
        changed = replace(self, **changes) if changes else self  # type: ignore[arg-type]
        query = changed.query_string()
        return f"{path}?{query}" if query else path

    def query_string(self) -> str:
        named = {
            "step": "" if self.step is None else str(self.step),
            "against": "" if self.against == BASE else self.against,
            "show": self.show or "",
            "behaviour": self.behaviour,
            "family": self.family,
            "probe": self.probe,
            "q": self.q,
            "view": "" if self.view is View.SIDE else self.view,
            "mark": "" if self.mark is Mark.CHANGED else self.mark,
            "sampling": self.sampling,
            "sample": str(self.sample) if self.sample else "",
            "full": ",".join(sorted(self.full)),
            "rendered": ",".join(sorted(self.rendered)),
        }
        return urlencode([(name, value) for name, value in named.items() if value])


def read_query(parameters: Mapping[str, str]) -> RunQuery:
    """From the address. Raises InvalidInput for what is no step; unknown choices fall back to the defaults."""
    against = parameters.get("against", "") or BASE
    if against not in {BASE, PREVIOUS}:
        run, at, step = against.rpartition("@")
        against = f"{run[:_MAX_TEXT]}{at}{_step(step)}"
    family = parameters.get("family", "")
    return RunQuery(
        step=_step(parameters["step"]) if parameters.get("step") else None,
        against=against,
        show=_choice(Show, parameters.get("show")),
        view=_choice(View, parameters.get("view")) or View.SIDE,
        mark=_choice(Mark, parameters.get("mark")) or Mark.CHANGED,
        behaviour=parameters.get("behaviour", "")[:_MAX_TEXT],
        family=family if family in set(Family) else "",
        probe=parameters.get("probe", "")[:_MAX_TEXT],
        q=parameters.get("q", "").strip()[:_MAX_TEXT],
        sampling=parameters.get("sampling", "")[:_MAX_TEXT],
        sample=_sample(parameters.get("sample", "")),
        full=_ids(parameters.get("full", "")),
        rendered=_ids(parameters.get("rendered", "")),
        kept=_ids(parameters.get("kept", "")),
    )


def _step(text: str) -> int:
    """`base` is step 0."""
    if text == BASE:
        return 0
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < _MAX_STEP:
        return int(text)
    raise InvalidInput(f"{text[:40]!r} is no step.", hint="Give the number of a checkpoint's step, or 0 for the base.")


def _sample(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _choice(kind: type[ChoiceT], text: str | None) -> ChoiceT | None:
    return kind(text) if text in set(kind) else None


def _ids(text: str) -> frozenset[str]:
    return frozenset(part for part in text.split(",")[:200] if part)
