"""Where the server listens, how people reach it there, and what that exposes."""

import errno
import ipaddress
import socket
from dataclasses import dataclass

from beyondloss.errors import Conflict, InvalidInput
from beyondloss.settings import Settings

BACKLOG = 512


@dataclass(frozen=True, slots=True)
class Address:
    """`is_local` means that only this machine can connect."""

    url: str
    is_local: bool


def listen(settings: Settings) -> socket.socket:
    """Bind before anything else is loaded, so that a taken port is told at once."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise InvalidInput(
            f"There is no address {settings.host!r} on this machine.",
            hint="Use 127.0.0.1 for this machine only, or 0.0.0.0 for everyone who can reach it.",
        ) from error
    # asyncio sends small packets at once (TCP_NODELAY) only on sockets that name their protocol; without it each
    # answer waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _told(error, settings) from error
    listener.listen(BACKLOG)
    return listener


def address_of(listener: socket.socket, settings: Settings) -> Address:
    """The address to open in a browser; for "all interfaces" it names the one that others would reach."""
    host, port = listener.getsockname()[:2]
    is_local = ipaddress.ip_address(host).is_loopback
    if settings.public_url:
        return Address(settings.public_url.rstrip("/"), is_local)
    if ipaddress.ip_address(host).is_unspecified:
        host = _outward_address()
    elif is_local and settings.host == "localhost":
        host = "localhost"
    return Address(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", is_local)


def _outward_address() -> str:
    """The address this machine would send from. Connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _told(error: OSError, settings: Settings) -> Conflict | InvalidInput:
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            f"Port {settings.port} is in use: perhaps BeyondLoss is running already.",
            hint=f"Open http://{settings.host}:{settings.port}, or choose another with --port (0 takes a free one).",
        )
    if error.errno == errno.EACCES:
        return InvalidInput(
            f"Port {settings.port} needs administrator rights.", hint="Choose one above 1023 with --port."
        )
    return InvalidInput(
        f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.",
        hint="Use 127.0.0.1 for this machine only, or 0.0.0.0 for everyone who can reach it.",
    )
