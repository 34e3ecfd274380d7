"""Absolute addresses of this server, as others reach it."""

from starlette.requests import Request

from beyondloss.settings import Settings


def link_url(request: Request, token: str) -> str:
    """Where a share link leads: the public address if one is set, else the address this request came to."""
    settings: Settings = request.app.state.settings
    base = settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}/s/{token}"
