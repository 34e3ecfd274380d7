"""The answer to a page left open that asks what is new: nothing (204), or where things stand now."""

import json
from collections.abc import Mapping

from starlette.responses import Response


def live_response(
    revision: int, *, seen: int | None, facts: Mapping[str, str | int | float | list[str] | None]
) -> Response:
    """204 when the page has seen this revision; else JSON with `rev` and the facts. See static/js/live.js."""
    headers = {"Cache-Control": "no-store"}
    if seen == revision:
        return Response(status_code=204, headers=headers)
    return Response(json.dumps({"rev": revision, **facts}), media_type="application/json", headers=headers)
