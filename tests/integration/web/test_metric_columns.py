"""Points sent metric by metric are stored as those sent step by step are."""

import pytest
from starlette.testclient import TestClient

from beyondloss.store.engine import Store
from tests.factories import a_project, a_run

ADDRESS = "/api/v1/runs/support/metrics"


def test_columns_and_points_of_one_request_are_all_stored(client: TestClient, store: Store) -> None:
    a_run(store, a_project(store), name="support")
    body = {
        "points": [{"step": 1, "metrics": {"loss": 2.0}}],
        "series": {"loss": {"steps": [2, 3, 4, 3], "values": [1.5, "NaN", None, 1.0]}},
    }
    assert client.post(ADDRESS, json=body).json() == {"received": 5, "changed": 4}
    assert client.post(ADDRESS, json=body).json()["changed"] == 0
    series = client.get(f"{ADDRESS}?names=loss").json()["series"]["loss"]
    assert (series["steps"], series["values"]) == ([1, 2, 3, 4], [2.0, 1.5, 1.0, None])
    assert series["kinds"][-1] == "nan"


@pytest.mark.parametrize(
    "column",
    [
        {"steps": [1, 2], "values": [1.0]},
        {"steps": [], "values": []},
        {"steps": [-1], "values": [1.0]},
        {"steps": [2**60], "values": [1.0]},
        {"steps": [1], "values": ["much"]},
        {"steps": [1]},
    ],
)
def test_columns_that_are_none_are_refused(client: TestClient, store: Store, column: dict[str, object]) -> None:
    a_run(store, a_project(store), name="support")
    assert client.post(ADDRESS, json={"series": {"loss": column}}).status_code in {400, 422}
