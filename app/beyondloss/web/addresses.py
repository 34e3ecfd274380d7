"""Absolute addresses of this server, as others reach it."""

import socket
from urllib.parse import urlsplit

from starlette.requests import Request

from beyondloss.settings import Settings
from beyondloss.web.security import LOOPBACK_NAMES, host_name

_EVERY_ADDRESS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to
_NOWHERE = ("192.0.2.1", 9)
"""An address kept for documentation: choosing a route to it sends nothing."""


def link_url(request: Request, token: str) -> str:
    """Where a share link leads."""
    return f"{shared_url(request)}/s/{token}"


def shared_url(request: Request) -> str:
    """The public address if one is set, else the address this request came to, without a slash at the end.

    Whoever opens the page as localhost on a server that listens on every address gets the machine's own address:
    a link to localhost would lead a teammate to their own machine.
    """
    settings: Settings = request.app.state.settings
    if settings.public_url:
        return settings.public_url.rstrip("/")
    base = str(request.base_url).rstrip("/")
    if is_local_url(base) and settings.host in _EVERY_ADDRESS and (address := network_address()):
        port = urlsplit(base).port
        return f"{request.url.scheme}://{address}" + (f":{port}" if port else "")
    return base


def is_local_url(url: str) -> bool:
    """Whether the address leads back to the machine that opens it."""
    return host_name(urlsplit(url).netloc) in LOOPBACK_NAMES


def network_address() -> str | None:
    """This machine's address on its network; None when it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as chooser:
        try:
            chooser.connect(_NOWHERE)
        except OSError:
            return None
        return str(chooser.getsockname()[0])
