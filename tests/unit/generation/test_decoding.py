"""The decoding loop on a model without weights: batching, finishing, running out of memory."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from beyondloss.domain.answers import Finish
from beyondloss.domain.engine import Reference
from beyondloss.domain.sampling import Sampling
from beyondloss.errors import OutOfMemory
from beyondloss.generation.decoding import Decoded, Decoder, Drafting, Order
from beyondloss.generation.drift import BaseAnswer
from beyondloss.generation.pace import PassCosts
from beyondloss.generation.rule import TokenRule
from tests.fakes.passes import HashPasses

pytestmark = pytest.mark.torch
STOPS = frozenset({0})
SHARED = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)


class SharperPasses(HashPasses):
    """The same answers as the model without salt, more surely."""

    def logits(self, tokens: Sequence[int]) -> Tensor:
        return super().logits(tokens) * 1.3


def orders_of(*prompts: tuple[int, ...], limit: int = 20) -> list[Order]:
    return [Order(index, prompt, limit) for index, prompt in enumerate(prompts)]


def decode(passes: HashPasses, orders: list[Order], *, max_batch: int = 4) -> dict[int, Decoded]:
    decoder = Decoder(passes, TokenRule(Sampling()), stop_ids=STOPS, max_batch=max_batch)
    return {decoded.index: decoded for decoded in decoder.run(orders)}


@pytest.mark.parametrize("max_batch", [1, 2, 3, 16])
def test_answers_do_not_depend_on_the_batch(max_batch: int) -> None:
    passes = HashPasses()
    orders = orders_of(*((*SHARED, index, 11) for index in range(9)))
    got = decode(passes, orders, max_batch=max_batch)
    for order in orders:
        assert got[order.index].token_ids == passes.answer(order.prompt, order.limit, STOPS)


def test_a_beginning_that_all_prompts_share_is_computed_once() -> None:
    passes = HashPasses()
    orders = orders_of(*((*SHARED, index) for index in range(4)), limit=1)
    decode(passes, orders)
    assert passes.fed == [len(SHARED), 4]


def test_an_answer_that_ends_itself_leaves_its_end_out_but_keeps_its_margin() -> None:
    passes = HashPasses()
    ended = [d for d in decode(passes, orders_of(*((i, 3) for i in range(12)))).values() if d.finish is Finish.STOP]
    assert ended
    for decoded in ended:
        assert 0 not in decoded.token_ids
        assert len(decoded.margins) == len(decoded.token_ids) + 1


def test_an_answer_at_its_limit_is_cut_there() -> None:
    got = decode(HashPasses(), orders_of(*((i, 3) for i in range(12)), limit=2)).values()
    cut = [decoded for decoded in got if decoded.finish is Finish.LENGTH]
    assert cut
    assert all(len(decoded.token_ids) == len(decoded.margins) == 2 for decoded in cut)


def test_finished_answers_come_out_before_the_others_are_done() -> None:
    passes = HashPasses()
    orders = orders_of(*((i, 3) for i in range(8)), limit=50)
    lengths = [len(passes.answer(order.prompt, 50, STOPS)) for order in orders]
    decoder = Decoder(passes, TokenRule(Sampling()), stop_ids=STOPS, max_batch=8)
    assert len(next(decoder.run(orders)).token_ids) == min(lengths)


def test_too_little_memory_halves_the_batch_and_loses_nothing() -> None:
    passes = HashPasses(memory_tokens=25)
    orders = orders_of(*((*SHARED[:5], index, 7, 8, 9, 10, 11) for index in range(10)))
    decoder = Decoder(passes, TokenRule(Sampling()), stop_ids=STOPS, max_batch=8)
    got = {decoded.index: decoded.token_ids for decoded in decoder.run(orders)}
    assert got == {order.index: passes.answer(order.prompt, order.limit, STOPS) for order in orders}
    assert decoder.max_batch == 2


def test_too_little_memory_for_one_answer_says_what_would_help() -> None:
    with pytest.raises(OutOfMemory) as raised:
        decode(HashPasses(memory_tokens=5), orders_of((1,) * 8))
    assert "token limit" in raised.value.hint


def test_a_cache_that_cannot_be_cropped_still_answers_every_row() -> None:
    passes = HashPasses(can_crop=False)
    orders = orders_of(*((*SHARED, index) for index in range(7)))
    got = decode(passes, orders, max_batch=3)
    for order in orders:
        assert got[order.index].token_ids == passes.answer(order.prompt, order.limit, STOPS)


@st.composite
def a_draft_for(draw: st.DrawFn, answer: tuple[int, ...]) -> Reference:
    """An earlier answer: none, the same, shuffled, cut, ended early, edited, or one to something else."""
    tokens = list(answer)
    kind = draw(st.sampled_from(["same", "shuffled", "cut", "edited", "other"]))
    if kind == "shuffled":
        tokens = draw(st.permutations(tokens))
    elif kind == "cut":
        tokens = tokens[: draw(st.integers(0, len(tokens)))]
    elif kind == "edited":
        at = draw(st.integers(0, len(tokens)))
        removed = draw(st.integers(0, 3))
        tokens[at : at + removed] = draw(st.lists(st.integers(0, 11), max_size=3))
    elif kind == "other":
        tokens = draw(st.lists(st.integers(0, 11), max_size=40))
    return Reference(tuple(tokens), draw(st.booleans()))


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_draft_batch_order_or_memory_changes_an_answer(data: st.DataObject) -> None:
    passes = HashPasses(
        salt=data.draw(st.text(max_size=3)), memory_tokens=data.draw(st.sampled_from([None, None, 120, 60]))
    )
    prompts = data.draw(st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=14), min_size=1, max_size=7))
    limit = data.draw(st.integers(1, 40))
    expected = [passes.answer(prompt, limit, STOPS) for prompt in prompts]
    orders = [
        Order(
            index,
            tuple(prompt),
            limit,
            references=tuple(data.draw(st.lists(a_draft_for(answer), max_size=2))),
        )
        for index, (prompt, answer) in enumerate(zip(prompts, expected, strict=True))
    ]
    decoder = Decoder(
        passes,
        TokenRule(Sampling()),
        stop_ids=STOPS,
        max_batch=data.draw(st.integers(1, 8)),
        drafting=Drafting(PassCosts(fixed_seconds=data.draw(st.sampled_from([0.0, 1.0, 1000.0])), token_seconds=1.0)),
    )
    got = {decoded.index: decoded for decoded in decoder.run(data.draw(st.permutations(orders)))}
    for index, answer in enumerate(expected):
        assert got[index].token_ids == answer
        assert len(got[index].margins) == len(answer) + (got[index].finish is Finish.STOP)


def test_the_same_answer_as_before_takes_few_passes() -> None:
    passes = HashPasses()
    prompts = [(index, 3) for index in range(12)]
    answers = [passes.answer(prompt, 60, STOPS) for prompt in prompts]
    orders = [
        Order(index, prompt, 60, references=(Reference(answer, len(answer) < 60),))
        for index, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
    ]
    drafting = Drafting(PassCosts(fixed_seconds=1000.0, token_seconds=1.0))
    decoder = Decoder(passes, TokenRule(Sampling()), stop_ids=STOPS, max_batch=12, drafting=drafting)
    found = list(decoder.run(orders))
    assert decoder.passes <= 3
    assert all(decoded.stats.accepted == decoded.stats.verified for decoded in found)


def test_the_probability_of_an_earlier_answer_comes_out_on_the_way() -> None:
    passes = HashPasses()
    answer = passes.answer((4, 3), 30, STOPS)
    drafting = Drafting(PassCosts(fixed_seconds=1000.0, token_seconds=1.0))
    decoder = Decoder(passes, TokenRule(Sampling()), stop_ids=STOPS, max_batch=1, drafting=drafting)
    stats = next(decoder.run([Order(0, (4, 3), 30, references=(Reference(answer, True),))])).stats
    logprobs = [passes.logits([4, 3, *answer[:at]]).log_softmax(-1)[token].item() for at, token in enumerate(answer)]
    assert stats.scored == len(answer)
    assert stats.scored_logprob == pytest.approx(sum(logprobs), rel=1e-5)


def test_the_divergence_from_the_base_comes_out_on_the_way_where_the_answer_is_still_the_bases() -> None:
    base, moved = HashPasses(), SharperPasses()
    prompt, kept = (4, 3), BaseAnswer()
    order = Order(0, prompt, 30, base=kept, is_base=True)
    said = next(Decoder(base, TokenRule(Sampling()), stop_ids=STOPS, max_batch=1).run([order]))
    assert said.stats.base_tokens == 0, "the base is not compared with itself"
    references = (Reference(said.token_ids, True),)
    asked = Order(0, prompt, 30, references=references, base=kept)
    decoder = Decoder(moved, TokenRule(Sampling()), stop_ids=STOPS, max_batch=1, drafting=Drafting())
    stats = next(decoder.run([asked])).stats
    by_hand = 0.0
    for at in range(len(said.token_ids) + 1):
        context = [*prompt, *said.token_ids[:at]]
        p, q = (passes.logits(context).log_softmax(-1) for passes in (base, moved))
        by_hand += float((p.exp() * (p - q)).sum())
    assert stats.base_tokens == len(said.token_ids) + 1
    assert stats.base_kl == pytest.approx(by_hand, rel=1e-4)


def test_what_the_base_never_said_is_not_compared() -> None:
    base, other = HashPasses(), HashPasses(salt="another model")
    prompt, kept = (4, 3), BaseAnswer()
    next(
        Decoder(base, TokenRule(Sampling()), stop_ids=STOPS, max_batch=1).run(
            [Order(0, prompt, 9, base=kept, is_base=True)]
        )
    )
    got = next(Decoder(other, TokenRule(Sampling()), stop_ids=STOPS, max_batch=1).run([Order(0, prompt, 9, base=kept)]))
    alike = next(i for i, (a, b) in enumerate(zip(got.token_ids, kept.tokens, strict=False)) if a != b)
    assert got.stats.base_tokens == alike + 1


def test_a_cache_that_cannot_be_cropped_is_never_given_a_draft() -> None:
    passes = HashPasses(can_crop=False)
    answer = passes.answer((4, 3), 30, STOPS)
    decoder = Decoder(passes, TokenRule(Sampling()), stop_ids=STOPS, max_batch=2, drafting=Drafting())
    stats = next(decoder.run([Order(0, (4, 3), 30, references=(Reference(answer, True),))])).stats
    assert stats.verified == 0
