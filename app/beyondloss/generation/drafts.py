"""Where the next tokens of an answer may be found: in earlier answers to the same probe, else in what is written.

A draft is a guess and nothing more: the model checks every token of it. Knows tokens only, no model and no cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from beyondloss.domain.engine import Reference

_LONGEST_MATCH = 4
_SHORTEST_MATCH = 2


class Source(Enum):
    """What a draft is taken from, in the order in which they are asked."""

    FOLLOWED = "followed"
    """The newest earlier answer, which agrees so far or agreed again for several tokens."""
    REJOINED = "rejoined"
    """An earlier answer, found again by its last few tokens after a disagreement."""
    ITSELF = "itself"
    """The prompt and the answer so far (Saxena's prompt lookup)."""


@dataclass(frozen=True, slots=True)
class Draft:
    tokens: list[int]
    source: Source


class TokenText:
    """A sequence of tokens with an index of where its runs of 2, 3 and 4 tokens end."""

    def __init__(self, tokens: Sequence[int] = ()) -> None:
        self.tokens: list[int] = []
        self._ends: dict[tuple[int, ...], list[int]] = {}
        self.extend(tokens)

    def extend(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            self.tokens.append(token)
            end = len(self.tokens)
            for length in range(_SHORTEST_MATCH, min(_LONGEST_MATCH, end) + 1):
                self._ends.setdefault(tuple(self.tokens[end - length :]), []).append(end)

    def after(self, tail: Sequence[int], *, near: int, before: int | None = None) -> int | None:
        """Where the longest match of the end of `tail` ends, the one nearest to `near` (and before `before`)."""
        for length in range(min(_LONGEST_MATCH, len(tail)), _SHORTEST_MATCH - 1, -1):
            ends = self._ends.get(tuple(tail[-length:]), ())
            usable = [end for end in ends if before is None or end < before]
            if usable:
                return min(usable, key=lambda end: abs(end - near))
        return None


class Drafter:
    """Follows one answer while it is written and proposes how it may go on."""

    def __init__(self, prompt: Sequence[int], references: Sequence[Reference], *, end_id: int | None) -> None:
        """`references` newest first. `end_id` closes those that ended by themselves, so that an end is foreseen too."""
        ends = [] if end_id is None else [end_id]
        self._texts = [TokenText([*r.token_ids, *(ends if r.ended else [])]) for r in references]
        self._written = TokenText(prompt)
        self._start = len(prompt)
        self._pointer = 0
        """Where the next token should stand in the newest reference."""
        self._agreed = _LONGEST_MATCH
        """Tokens of agreement with the newest reference up to here."""
        self._intact = True

    @property
    def intact(self) -> bool:
        """Whether the answer so far is the beginning of the newest reference."""
        return bool(self._texts) and self._intact

    @property
    def remaining(self) -> int | None:
        """Tokens left if the answer goes on as the newest reference does; None without one, or past its end."""
        if not self._texts:
            return None
        left = len(self._texts[0].tokens) - self._pointer
        return left if left > 0 else None

    def follow(self, tokens: Sequence[int]) -> None:
        """Tokens were settled; keep the pointer with them."""
        newest = self._texts[0].tokens if self._texts else []
        for token in tokens:
            agrees = self._pointer < len(newest) and newest[self._pointer] == token
            self._agreed = self._agreed + 1 if agrees else 0
            self._intact = self._intact and agrees
            self._pointer += 1
        self._written.extend(tokens)

    def propose(self, length: int) -> Draft:
        """At most `length` tokens; none if nothing is found."""
        if length <= 0:
            return Draft([], Source.ITSELF)
        tail = self._written.tokens[max(self._start, len(self._written.tokens) - _LONGEST_MATCH) :]
        if self._texts:
            newest = self._texts[0]
            if self._agreed < _SHORTEST_MATCH and (found := newest.after(tail, near=self._pointer)) is not None:
                self._pointer, self._agreed = found, 0
                return Draft(newest.tokens[found : found + length], Source.REJOINED)
            if self._agreed > 0:
                source = Source.FOLLOWED if self._agreed >= _LONGEST_MATCH else Source.REJOINED
                return Draft(newest.tokens[self._pointer : self._pointer + length], source)
        for older in self._texts[1:]:
            if (found := older.after(tail, near=len(self._written.tokens) - self._start)) is not None:
                return Draft(older.tokens[found : found + length], Source.REJOINED)
        end = len(self._written.tokens)
        if (found := self._written.after(self._written.tokens[-_LONGEST_MATCH:], near=end, before=end)) is not None:
            return Draft(self._written.tokens[found : found + length], Source.ITSELF)
        return Draft([], Source.ITSELF)
