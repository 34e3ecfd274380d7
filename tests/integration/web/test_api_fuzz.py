"""Whatever is sent to whichever address: a 4xx or an answer, never a 500. Drawn from the OpenAPI description itself."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from beyondloss.store.engine import Store
from tests.factories import a_probe, a_project, a_run, answers_everywhere

NASTY: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**53,
    2**63,
    2**64,
    10**30,
    -(2**63) - 1,
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    " ",
    "0",
    "1",
    "base",
    "previous",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u202e\u2028",
    "é" * 300,
    "NaN",
    "1e999",
    "../..",
    "9" * 5000,
    [],
    [[]],
    {},
    {"": None},
    {"loss": "NaN"},
    [{"step": 1, "metrics": {"x": 2**70}}],
]
VALUES = st.recursive(
    st.sampled_from(NASTY) | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.sampled_from([v for v in NASTY if isinstance(v, str) and "\ud800" not in v]) | st.integers().map(str)
JSON = {"Content-Type": "application/json"}


def operations(openapi: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(m.upper(), p, o) for p, methods in openapi["paths"].items() for m, o in methods.items()]


def body_names(openapi: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return []
    schema = openapi["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    return list(schema["properties"])


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_input_makes_the_api_fail(client: TestClient, store: Store, data: st.DataObject) -> None:
    openapi = client.get("/api/v1/openapi.json").json()
    method, path, operation = data.draw(st.sampled_from(operations(openapi)))
    known = "1" if data.draw(st.booleans()) else None
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            drawn = known or data.draw(TEXTS) or "x"
            path = path.replace(f"{{{parameter['name']}}}", drawn.replace("/", "%2F").replace("\x00", "%00"))
    query = {p["name"]: data.draw(TEXTS) for p in parameters if p["in"] == "query" and data.draw(st.booleans())}
    names = body_names(openapi, operation)
    body = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, VALUES)) | VALUES) if names else None
    content = json.dumps(body) if names else None
    answer = client.request(method, path, params=query, content=content, headers=JSON if names else None)
    assert answer.status_code < 500, (method, path, query, content, answer.text)
    if answer.status_code >= 400:
        assert set(answer.json()) >= {"code", "detail", "hint", "status"}


@pytest.fixture(autouse=True)
def something_to_find(store: Store) -> None:
    project = a_project(store)
    run = a_run(store, project, steps=(10,))
    answers_everywhere(store, run, [a_probe(store, project)])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"nul",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'"\xed\xa0\x80"',
        b"1" * 10_000,
        b"\x00",
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b'{"name": ' + b"9" * 5000 + b"}",
    ],
    ids=range(12),
)
@pytest.mark.parametrize("path", ["/runs", "/runs/1/metrics", "/runs/1/answer", "/ratings", "/projects/1/probes"])
def test_no_bytes_make_the_api_fail(client: TestClient, path: str, content: bytes) -> None:
    for headers in (JSON, {"Content-Type": "text/plain"}, {"Content-Type": "multipart/form-data"}):
        answer = client.post(f"/api/v1{path}", content=content, headers=headers)
        assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


ADDRESSES = [
    "/runs/%00",
    "/runs/9223372036854775808",
    "/runs/-1",
    "/runs/%ff%fe",
    "/runs/" + "9" * 5000,
    "/runs/1?step=99999999999999999999",
    "/runs/1?step=x&against=%00",
    "/runs/1/live?rev=x",
    "/live?rev=-1",
    "/live?rev=99999999999999999999",
    "/projects/%00",
    "/projects/1?edit=0",
    "/projects/1?edit=99999999999999999999",
    "/projects/1?behaviour=x",
    "/projects/1/probes/99999999999999999999",
    "/projects/1/export?format=exe",
    "/projects/1/export?set=%00",
    "/projects/1?added=9999999999999999999999&archived=x",
    "/?lang=%ff&show=%00",
    "/runs/1/delete?x",
    "/s/%00",
    "/s/" + "x" * 9000,
]


@pytest.mark.parametrize("address", ADDRESSES, ids=range(len(ADDRESSES)))
def test_no_address_makes_a_page_fail(client: TestClient, address: str) -> None:
    assert client.get(address, headers={"Accept": "text/html"}).status_code < 500


@pytest.mark.parametrize(
    "address",
    [
        "/import",
        "/projects",
        "/projects/1/probes",
        "/projects/1/probes/1",
        "/projects/1/behaviours",
        "/projects/1/import",
        "/projects/1/base-models",
        "/projects/1/sets/1/active",
        "/projects/1/probes/1/archive",
        "/runs/1/delete",
        "/leave",
    ],
)
def test_no_form_makes_a_page_fail(client: TestClient, address: str) -> None:
    names = ("folder", "name", "prompt", "key", "family", "text", "path", "active")
    encoded = "&".join(f"{name}=%00%ff%ed%a0%80&{name}={'x' * 300}" for name in names)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (encoded, b"\xff\x00=%", "", "prompt=%00&set_name=%00&key=%00&family=unseen&role=x&content=y"):
        assert client.post(address, content=content, headers=form).status_code < 500, content
    assert client.post(address, content=b"--x\r\n", headers={"Content-Type": "multipart/form-data"}).status_code < 500
