"""No draft, batch, order or shortage of memory changes an answer: real (tiny) models of every family, by property.

What is right is computed the simplest way: the whole text through the model anew for every token, no cache, one row.
"""

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from beyondloss.domain.answers import Finish
from beyondloss.domain.engine import Reference
from beyondloss.domain.sampling import Sampling
from beyondloss.generation.attention import Chunk
from beyondloss.generation.decoding import Decoded, Decoder, Drafting, Order
from beyondloss.generation.foreign import LanguageModel
from beyondloss.generation.loading import choose_placement, load_model
from beyondloss.generation.pace import PassCosts
from beyondloss.generation.passes import Passes, passes_for
from beyondloss.generation.rule import Draw, TokenRule
from tests.factories.tiny_models import FAMILIES, save_tiny_model
from tests.integration.generation.conftest import ENDS

pytestmark = pytest.mark.torch
LIMIT = 30
STOPS = frozenset(ENDS)
TIE_MARGIN = 1e-3
"""Under it another kernel may rightly choose otherwise."""
PROMPTS = (
    (70, 71, 72, 73),
    (99,),
    (5, 6, 7, 8, 9, 10, 11, 12, 13, 40),
    (5, 6, 7, 8, 9, 10, 11, 12, 13, 41, 42),
    (3,) * 33,
)
SAMPLINGS = (Sampling(), Sampling(temperature=0.9, noise_key="p"), Sampling(temperature=0.7, top_p=0.8, noise_key="p"))
CROPPABLE = sorted(set(FAMILIES) - {"mamba"})


class TightPasses:
    """A model's passes on a device that cannot hold more than some tokens of a pass."""

    can_crop = True

    def __init__(self, inner: Passes, most_tokens: int | None) -> None:
        self._inner, self._most_tokens = inner, most_tokens
        self.vocabulary = inner.vocabulary
        self.open, self.copy, self.close = inner.open, inner.copy, inner.close

    def run(self, chunks: Sequence[Chunk]) -> torch.Tensor:
        if self._most_tokens is not None and len(chunks) > 1 and sum(len(c.tokens) for c in chunks) > self._most_tokens:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self._inner.run(chunks)


@cache
def passes_of(family: str) -> Passes:
    passes, note = passes_for(_model(family), free_bytes=1 << 34)
    assert not note
    return passes


def _model(family: str) -> LanguageModel:
    with tempfile.TemporaryDirectory() as folder:
        return load_model(save_tiny_model(Path(folder), family), choose_placement("cpu", "float32"))


@cache
def oracle_model(family: str) -> LanguageModel:
    return _model(family)


@cache
def right_answer(family: str, prompt: tuple[int, ...], sampling: Sampling) -> Decoded:
    """Tokens and margins by one pass over the whole text per token."""
    rule, order = TokenRule(sampling), Order(0, prompt, LIMIT, key=bytes(prompt))
    tokens: list[int] = []
    margins: list[float] = []
    while len(tokens) < LIMIT:
        with torch.inference_mode():
            logits = oracle_model(family)(input_ids=torch.tensor([[*prompt, *tokens]]), use_cache=False).logits[0, -1:]
        choice = rule.choose(logits, [Draw(order.key, len(tokens))])
        margins += choice.margins
        if choice.tokens[0] in STOPS:
            break
        tokens += choice.tokens
    finish = Finish.LENGTH if len(tokens) == LIMIT else Finish.STOP
    return Decoded(0, tuple(tokens), finish, tuple(margins), stats=None)  # type: ignore[arg-type]


@st.composite
def a_reference(draw: st.DrawFn, own: tuple[int, ...], other: tuple[int, ...]) -> Reference:
    """An earlier answer: equal, shuffled, truncated, ended early, edited, or one to another probe."""
    kind = draw(st.sampled_from(["equal", "shuffled", "truncated", "early end", "edited", "other probe"]))
    tokens = list(other if kind == "other probe" else own)
    cut = draw(st.integers(0, len(tokens)))
    if kind == "shuffled":
        tokens = draw(st.permutations(tokens))
    elif kind in {"truncated", "early end"}:
        tokens = tokens[:cut]
    elif kind == "edited":
        tokens[cut : cut + draw(st.integers(0, 3))] = draw(st.lists(st.integers(3, 200), max_size=3))
    ended = {"truncated": False, "early end": True}.get(kind, draw(st.booleans()))
    return Reference(tuple(tokens), ended)


def assert_right(got: Decoded, right: Decoded) -> None:
    """Token for token, up to a choice that was as good as a toss."""
    for at, margin in enumerate(right.margins):
        if margin < TIE_MARGIN and got.token_ids[at : at + 1] != right.token_ids[at : at + 1]:
            return
        assert got.token_ids[at : at + 1] == right.token_ids[at : at + 1], f"token {at}"
        assert got.margins[at] == pytest.approx(margin, abs=2e-3)
    assert (got.token_ids, got.finish) == (right.token_ids, right.finish)


@pytest.mark.parametrize("family", CROPPABLE)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_every_family_answers_rightly_whatever_the_drafts(family: str, data: st.DataObject) -> None:
    sampling = data.draw(st.sampled_from(SAMPLINGS))
    right = {prompt: right_answer(family, prompt, sampling) for prompt in PROMPTS}
    asked = data.draw(st.lists(st.sampled_from(PROMPTS), min_size=1, max_size=6))
    orders = []
    for index, prompt in enumerate(asked):
        other = right[data.draw(st.sampled_from(PROMPTS))].token_ids
        references = data.draw(st.lists(a_reference(right[prompt].token_ids, other), max_size=2))
        orders.append(Order(index, prompt, LIMIT, key=bytes(prompt), references=tuple(references)))
    drafting = Drafting(PassCosts(fixed_seconds=data.draw(st.sampled_from([0.0, 1.0, 1000.0])), token_seconds=1.0))
    decoder = Decoder(
        TightPasses(passes_of(family), data.draw(st.sampled_from([None, None, 60, 20]))),
        TokenRule(sampling),
        stop_ids=STOPS,
        max_batch=data.draw(st.integers(1, 6)),
        drafting=data.draw(st.sampled_from([drafting, drafting, None])),
    )
    got = {decoded.index: decoded for decoded in decoder.run(data.draw(st.permutations(orders)))}
    for index, prompt in enumerate(asked):
        assert_right(got[index], right[prompt])


@pytest.mark.parametrize("family", CROPPABLE)
def test_the_right_answer_is_what_generate_gives(family: str) -> None:
    model = oracle_model(family)
    for prompt in PROMPTS:
        output = model.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=LIMIT,
            do_sample=False,
            eos_token_id=sorted(STOPS),
            pad_token_id=0,
        )
        new = output[0, len(prompt) :].tolist()
        assert tuple(new[:-1] if new[-1] in STOPS else new) == right_answer(family, prompt, Sampling()).token_ids
