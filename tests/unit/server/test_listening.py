"""Where the server listens is said in words a browser takes, and trouble in words a person takes."""

import socket

import pytest

from beyondloss.errors import Conflict, InvalidInput
from beyondloss.server.listening import address_of, listen
from beyondloss.settings import Settings


def test_port_zero_takes_a_free_port_and_names_it() -> None:
    with listen(Settings(port=0)) as listener:
        port = listener.getsockname()[1]
        address = address_of(listener, Settings(port=0))
    assert address.url == f"http://127.0.0.1:{port}"
    assert address.is_local


def test_a_taken_port_is_told_with_what_to_do() -> None:
    with listen(Settings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"Port {port} is in use") as told:
            listen(Settings(port=port))
    assert "--port" in told.value.hint


def test_all_interfaces_are_named_by_an_address_that_others_reach() -> None:
    with listen(Settings(host="0.0.0.0", port=0)) as listener:
        address = address_of(listener, Settings(host="0.0.0.0"))
    assert not address.is_local
    assert "0.0.0.0" not in address.url


def test_the_public_address_wins() -> None:
    settings = Settings(port=0, public_url="https://loss.example/")
    with listen(settings) as listener:
        assert address_of(listener, settings).url == "https://loss.example"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_ipv6_address_stands_in_brackets() -> None:
    settings = Settings(host="::1", port=0)
    try:
        listener = listen(settings)
    except InvalidInput:
        pytest.skip("no IPv6 here")
    with listener:
        assert address_of(listener, settings).url.startswith("http://[::1]:")


def test_a_host_that_is_no_address_here_is_told() -> None:
    with pytest.raises(InvalidInput, match=r"not\.an\.address"):
        listen(Settings(host="not.an.address.invalid", port=0))


def test_answers_are_sent_at_once() -> None:
    """asyncio sets TCP_NODELAY only where the socket names its protocol."""
    with listen(Settings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP
