"""Other sites, other host names, and the headers that keep browsers honest."""

import gzip

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from beyondloss.settings import Settings
from beyondloss.web.security import allowed_hosts, host_name, is_same_origin
from tests.integration.web.conftest import MakeClient


def test_every_answer_forbids_what_no_page_needs(client: TestClient) -> None:
    for address in ("/projects", "/nowhere", "/api/v1/projects", "/static/x/css/base.css"):
        headers = client.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"], address
        assert "script-src 'self';" in headers["content-security-policy"], address
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_no_page_holds_a_script_of_its_own_or_an_address_elsewhere(client: TestClient) -> None:
    page = client.get("/projects").text
    assert " onclick" not in page
    assert "<script>" not in page
    assert "https://" not in page
    assert 'src="http' not in page


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "10.0.0.9"])
def test_a_foreign_host_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/v1/projects", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json()["code"] == "unknown_host"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
    ],
)
def test_a_write_from_another_site_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/api/v1/projects/x/probes", headers=headers, json={})
    assert answer.status_code == 403
    assert answer.json()["code"] == "cross_origin"


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://127.0.0.1:8420"}])
def test_a_write_from_our_own_page_or_a_program_passes(headers: dict[str, str]) -> None:
    assert is_same_origin(Headers({"Host": "127.0.0.1:8420", **headers}))


def test_the_hosts_we_answer_to_come_from_the_settings() -> None:
    settings = Settings(
        host="192.0.2.1", allowed_hosts="gpu.lan, Bench.Example", public_url="https://demo.example:444/x"
    )
    assert allowed_hosts(settings) == {
        "localhost", "127.0.0.1", "::1", "192.0.2.1", "gpu.lan", "bench.example", "demo.example",
    }  # fmt: skip
    assert "0.0.0.0" not in allowed_hosts(Settings(host="0.0.0.0"))


@pytest.mark.parametrize(
    ("header", "name"), [("A.b:80", "a.b"), ("[::1]:80", "::1"), ("::1", "::1"), ("", ""), ("[", ""), (":80", "")]
)
def test_a_host_header_is_read_with_or_without_port(header: str, name: str) -> None:
    assert host_name(header) == name


def test_large_bodies_are_refused_before_they_are_read(client: TestClient) -> None:
    answer = client.post("/api/v1/projects/x/probes", content=b"x", headers={"Content-Length": str(10**12)})
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_bodies_that_grow_without_saying_so_are_cut(client: TestClient) -> None:
    def endless() -> object:
        for _ in range(200):
            yield b" " * 1_000_000

    answer = client.post("/api/v1/runs", content=endless())
    assert answer.status_code == 413


def test_static_files_are_compressed_versioned_and_kept_for_ever(make_client: MakeClient) -> None:
    client = make_client()
    page = client.get("/projects").text
    address = next(part for part in page.split('"') if part.endswith("/css/base.css"))
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert len(gzip.compress(plain.content)) < len(plain.content)
    assert plain.text == answer.text
    stale = client.get("/static/000000000000/css/base.css")
    assert stale.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/static/x/../app.py", "/static/x/%2e%2e/%2e%2e/pyproject.toml", "/static/", "/static/x"]
)
def test_static_files_end_at_their_folder(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_strangers_see_static_files_so_that_their_page_has_its_look(stranger: TestClient) -> None:
    assert stranger.get("/static/x/css/tokens.css").status_code == 200
