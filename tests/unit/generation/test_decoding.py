"""The decoding loop on a model without weights: batching, finishing, running out of memory."""

import pytest

from beyondloss.domain.answers import Finish
from beyondloss.domain.sampling import Sampling
from beyondloss.errors import OutOfMemory
from beyondloss.generation.decoding import Decoded, Decoder, Order
from beyondloss.generation.rule import TokenRule
from tests.fakes.passes import HashPasses

pytestmark = pytest.mark.torch
STOPS = frozenset({0})
SHARED = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)


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
