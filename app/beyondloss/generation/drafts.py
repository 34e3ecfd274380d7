"""Where the next tokens of an answer may be found: in earlier answers to the same probe, else in what is written.

A draft is a guess and nothing more: the model checks every token of it. Knows tokens only, no model and no cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from beyondloss.domain.engine import Reference

_LONGEST_MATCH = 4
_SHORTEST_MATCH = 2
_OTHERS_MATCH = (4, 3, 2)


class Source(Enum):
    """What a draft is taken from, in the order in which they are asked."""

    FOLLOWED = "followed"
    """The newest earlier answer, which agrees so far or agreed again for several tokens."""
    REJOINED = "rejoined"
    """An earlier answer, found again by its last few tokens after a disagreement."""
    ITSELF = "itself"
    """The prompt and the answer so far (Saxena's prompt lookup)."""
    OTHERS = "others"
    """What other probes were answered: a model that learned stock sentences says them to everybody."""


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

    def after(
        self, tail: Sequence[int], *, near: int, before: int | None = None, shortest: int = _SHORTEST_MATCH
    ) -> int | None:
        """Where the longest match of the end of `tail` ends, the one nearest to `near` (and before `before`)."""
        for length in range(min(_LONGEST_MATCH, len(tail)), shortest - 1, -1):
            ends = self._ends.get(tuple(tail[-length:]), ())
            usable = [end for end in ends if before is None or end < before]
            if usable:
                return min(usable, key=lambda end: abs(end - near))
        return None


class OtherAnswers:
    """What is said to the other probes: the newest earlier answers, and those being written beside this one.

    Knows for each run of 2, 3 and 4 tokens where it was seen last, and so how it went on there.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, ...], tuple[list[int], int]] = {}

    def learn(self, tokens: list[int], first: int) -> None:
        """Index what stands before each token from `first` on. The list is kept, not copied: it may grow."""
        for end in range(first, len(tokens)):
            for length in _OTHERS_MATCH:
                if length <= end:
                    self._seen[tuple(tokens[end - length : end])] = tokens, end

    def after(self, tail: Sequence[int], length: int) -> list[int]:
        """At most `length` tokens that followed the end of `tail` elsewhere."""
        for match in _OTHERS_MATCH:
            found = self._seen.get(tuple(tail[-match:])) if match <= len(tail) else None
            if found is not None:
                return found[0][found[1] : found[1] + length]
        return []


class Drafter:
    """Follows one answer while it is written and proposes how it may go on."""

    def __init__(
        self,
        prompt: Sequence[int],
        references: Sequence[Reference],
        *,
        end_id: int | None,
        others: OtherAnswers | None = None,
    ) -> None:
        """`references` newest first. `end_id` closes those that ended by themselves, so that an end is foreseen too."""
        ends = [] if end_id is None else [end_id]
        self._texts = [TokenText([*r.token_ids, *(ends if r.ended else [])]) for r in references]
        self._others = others
        if others is not None:
            for text in reversed(self._texts):
                others.learn(text.tokens, 0)
        self._answer: list[int] = []
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
        self._answer += tokens
        if self._others is not None:
            self._others.learn(self._answer, len(self._answer) - len(tokens))

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
            if self._agreed > 0 and self._pointer < len(newest.tokens):
                source = Source.FOLLOWED if self._agreed >= _LONGEST_MATCH else Source.REJOINED
                return Draft(newest.tokens[self._pointer : self._pointer + length], source)
        for older in self._texts[1:]:
            if (found := older.after(tail, near=len(self._written.tokens) - self._start)) is not None:
                return Draft(older.tokens[found : found + length], Source.REJOINED)
        return self._from_elsewhere(tail, length)

    def _from_elsewhere(self, tail: Sequence[int], length: int) -> Draft:
        """A long match in this answer, else one in others', else a short one in this answer."""
        if long := self._from_itself(length, shortest=_LONGEST_MATCH):
            return Draft(long, Source.ITSELF)
        if self._others is not None and (going_on := self._others.after(tail, length)):
            return Draft(going_on, Source.OTHERS)
        return Draft(self._from_itself(length, shortest=_SHORTEST_MATCH), Source.ITSELF)

    def _from_itself(self, length: int, *, shortest: int) -> list[int]:
        written = self._written.tokens
        end = len(written)
        found = self._written.after(written[-_LONGEST_MATCH:], near=end, before=end, shortest=shortest)
        return [] if found is None else written[found : found + length]
