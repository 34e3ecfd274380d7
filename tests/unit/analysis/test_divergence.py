"""Where two answers part, and when that is only arithmetic."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beyondloss.analysis.divergence import first_divergence, is_numerical_tie, tie_margin
from beyondloss.domain.answers import Provenance


def a_provenance(dtype: str = "float32") -> Provenance:
    return Provenance(
        engine="fake",
        base_model="m",
        base_fingerprint="b",
        weights_fingerprint="w",
        template_hash="t",
        prompt_token_ids=(1,),
        dtype=dtype,
        device="cpu",
        decoding="plain",
        versions={},
    )


def is_tie(ours: tuple[float, ...], theirs: tuple[float, ...], *dtypes: str) -> bool:
    first, second = (a_provenance(dtype) for dtype in (dtypes or ("float32", "float32")))
    return is_numerical_tie(1, ours, theirs, provenances=(first, second))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1, 2, 3], [1, 2, 3], None),
        ([1, 2, 3], [1, 9, 3], 1),
        ([], [1], 0),
        ([1, 2], [1, 2, 3], 2),
        ([], [], None),
    ],
)
def test_answers_part_at_the_first_token_that_differs(ours: list[int], theirs: list[int], expected: int | None):
    assert first_divergence(ours, theirs) == expected


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_everything_before_the_divergence_is_equal(ours: list[int], theirs: list[int]):
    position = first_divergence(ours, theirs)

    assert (position is None) == (ours == theirs)
    if position is not None:
        assert ours[:position] == theirs[:position]
        assert ours[position : position + 1] != theirs[position : position + 1]


def test_two_undecided_models_are_a_tie_and_a_decided_one_is_behaviour():
    assert is_tie((5.0, 0.0005), (5.0, 0.0002))
    assert not is_tie((5.0, 0.0005), (5.0, 2.0))
    assert not is_tie((0.0005, 2.0), (0.0005, 3.0)), "only the token where they part counts"


def test_half_precision_ties_are_wider():
    assert is_tie((5.0, 0.1), (5.0, 0.06), "bfloat16", "bfloat16")
    assert is_tie((5.0, 0.1), (5.0, 0.06), "float32", "bfloat16")
    assert not is_tie((5.0, 0.1), (5.0, 0.06), "float16", "float32")
    assert is_tie((5.0, 0.01), (5.0, 0.01), "float16", "float16")


def test_what_the_engine_measured_on_the_base_is_the_limit():
    measured = replace(a_provenance("bfloat16"), stats={"tie_margin": 0.04})
    assert not is_numerical_tie(0, (0.1,), (0.1,), provenances=(measured, measured))
    assert is_numerical_tie(0, (0.03,), (0.03,), provenances=(measured, measured))
    assert tie_margin(replace(measured, stats={"tie_margin": 0.0})) == tie_margin(a_provenance("float32"))


def test_a_model_without_margins_does_not_speak():
    assert is_tie((), (5.0, 0.0002))
    assert not is_tie((), ())
