"""What the address of rating mode says. Knows no store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from beyondloss.web.run.query import BASE, read_query

MOST_PAIRS = 300
_LONGEST_ID = 18
_CHECK = "c"


@dataclass(frozen=True, slots=True)
class Shown:
    """Two answers side by side, whichever stands where: an address must not tell which is the checkpoint's.

    `again`: asked a second time, with the sides swapped. Written the other way round.
    """

    low: int
    high: int
    again: bool = False

    def __str__(self) -> str:
        return f"{self.high}-{self.low}" if self.again else f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True)
class RateQuery:
    """`skipped` comparisons wait until the others are done, `held` ones the page has already; `at` comes first.

    `last` are the ids of the ratings just given, or `last_check` of the quality check, whose names may be told now.
    """

    step: int | None = None
    against: str = BASE
    sampling: str = ""
    blind: bool = True
    skipped: tuple[Shown, ...] = ()
    held: tuple[Shown, ...] = ()
    at: Shown | None = None
    last: tuple[int, ...] = ()
    last_check: int | None = None

    def href(self, path: str, **changes: object) -> str:
        changed = replace(self, **changes) if changes else self  # type: ignore[arg-type]
        query = changed.query_string()
        return f"{path}?{query}" if query else path

    def query_string(self) -> str:
        named = {
            "step": "" if self.step is None else str(self.step),
            "against": "" if self.against == BASE else self.against,
            "sampling": self.sampling,
            "blind": "" if self.blind else "0",
            "skip": ",".join(map(str, self.skipped)),
            "at": str(self.at or ""),
            "last": said_ids(self.last, self.last_check),
        }
        return urlencode([(name, value) for name, value in named.items() if value])


def read_rate_query(parameters: Mapping[str, str]) -> RateQuery:
    """From the address. Raises InvalidInput for what is no step; the rest falls back to nothing."""
    same = read_query({name: parameters.get(name, "") for name in ("step", "against", "sampling")})
    last = parameters.get("last", "")
    return RateQuery(
        step=same.step,
        against=same.against,
        sampling=same.sampling,
        blind=parameters.get("blind", "") != "0",
        skipped=_shown(parameters.get("skip", "")),
        held=_shown(parameters.get("not", "")),
        at=next(iter(_shown(parameters.get("at", ""))), None),
        last=tuple(int(part) for part in last.split(",")[:MOST_PAIRS] if _is_id(part)),
        last_check=int(last[1:]) if last[:1] == _CHECK and _is_id(last[1:]) else None,
    )


def read_shown(text: str) -> Shown | None:
    return next(iter(_shown(text)), None)


def said_ids(ratings: Sequence[int], check: int | None) -> str:
    return ",".join(map(str, ratings)) if check is None else f"{_CHECK}{check}"


def shown(one: int, other: int, *, again: bool = False) -> Shown:
    return Shown(min(one, other), max(one, other), again)


def _shown(text: str) -> tuple[Shown, ...]:
    pairs = (part.split("-") for part in text.split(",")[:MOST_PAIRS])
    numbers = (tuple(map(int, pair)) for pair in pairs if len(pair) == 2 and all(map(_is_id, pair)))
    return tuple(shown(one, other, again=one > other) for one, other in numbers)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID
