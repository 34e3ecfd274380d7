"""The address of the run page: what it says is what is shown, and every state has one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beyondloss.errors import InvalidInput
from beyondloss.web.run.query import Mark, RunQuery, Show, View, read_query


def address(query: RunQuery) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(query.query_string()))


def test_an_empty_address_is_the_default() -> None:
    assert read_query({}) == RunQuery()
    assert RunQuery().href("/runs/1") == "/runs/1"


def test_the_address_of_the_contract_is_read() -> None:
    query = read_query(
        {"step": "120", "against": "previous", "show": "unrated", "behaviour": "3", "probe": "france", "q": " Paris "}
    )
    assert query == RunQuery(step=120, against="previous", show=Show.UNRATED, behaviour="3", probe="france", q="Paris")


@given(
    st.builds(
        RunQuery,
        step=st.none() | st.integers(0, 10**9),
        against=st.sampled_from(["base", "previous", "30"]),
        show=st.none() | st.sampled_from(Show),
        view=st.sampled_from(View),
        mark=st.sampled_from(Mark),
        q=st.text(max_size=40).map(str.strip),
        probe=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        full=st.frozensets(st.from_regex(r"[0-9]+-[0-9]+", fullmatch=True), max_size=3),
    )
)
def test_every_state_survives_its_address(query: RunQuery) -> None:
    assert read_query(address(query)) == query


@pytest.mark.parametrize("step", ["abc", "-1", "1e5", "١", "9" * 40])
def test_what_is_no_step_is_said(step: str) -> None:
    with pytest.raises(InvalidInput):
        read_query({"step": step})


def test_unknown_choices_fall_back() -> None:
    assert read_query({"show": "everything", "view": "3d", "mark": "?", "family": "aunt"}) == RunQuery()


def test_one_thing_changes_and_the_rest_stays() -> None:
    query = RunQuery(step=40, q="refund", view=View.MERGED)
    assert query.href("/runs/1", step=50) == "/runs/1?step=50&q=refund&view=merged"
