"""What the address of rating mode says. Knows no store."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from beyondloss.web.run.query import BASE, read_query

MOST_PAIRS = 300
_LONGEST_ID = 18


@dataclass(frozen=True, slots=True)
class Shown:
    """Two answers side by side, whichever stands where: an address must not tell which is the checkpoint's."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True)
class RateQuery:
    """`skipped` comparisons wait until the others are done, `held` ones the page has already; `at` comes first.

    `last` are the ids of the ratings just given, whose names may be told now.
    """

    step: int | None = None
    against: str = BASE
    sampling: str = ""
    blind: bool = True
    skipped: tuple[Shown, ...] = ()
    held: tuple[Shown, ...] = ()
    at: Shown | None = None
    last: tuple[int, ...] = ()

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
            "last": ",".join(map(str, self.last)),
        }
        return urlencode([(name, value) for name, value in named.items() if value])


def read_rate_query(parameters: Mapping[str, str]) -> RateQuery:
    """From the address. Raises InvalidInput for what is no step; the rest falls back to nothing."""
    same = read_query({name: parameters.get(name, "") for name in ("step", "against", "sampling")})
    return RateQuery(
        step=same.step,
        against=same.against,
        sampling=same.sampling,
        blind=parameters.get("blind", "") != "0",
        skipped=_shown(parameters.get("skip", "")),
        held=_shown(parameters.get("not", "")),
        at=next(iter(_shown(parameters.get("at", ""))), None),
        last=tuple(int(part) for part in parameters.get("last", "").split(",")[:MOST_PAIRS] if _is_id(part)),
    )


def read_shown(text: str) -> Shown | None:
    return next(iter(_shown(text)), None)


def shown(one: int, other: int) -> Shown:
    return Shown(min(one, other), max(one, other))


def _shown(text: str) -> tuple[Shown, ...]:
    pairs = (part.split("-") for part in text.split(",")[:MOST_PAIRS])
    return tuple(shown(int(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2 and all(map(_is_id, pair)))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID
