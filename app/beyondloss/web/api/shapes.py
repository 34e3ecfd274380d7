"""What all resources share: numbers and text that the store can hold, lists with a cursor, and who asks for what."""

import math
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from beyondloss.domain.access import Visitor
from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.services import runs
from beyondloss.services.runs import RunView
from beyondloss.store.engine import Store
from beyondloss.web.visitors import visitor_of

LARGEST_ID = 2**63 - 1
LARGEST_STEP = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""

T = TypeVar("T")

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Step = Annotated[int, Field(ge=0, le=LARGEST_STEP)]


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("text must not hold NUL characters")
    return text


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_without_nul)]
"""One that looks things up: it must come through as it was sent."""
Text = Annotated[str, Field(max_length=1_000_000), AfterValidator(storable)]
"""Free text: what no database takes is shown as U+FFFD."""
Number = Annotated[float | None, BeforeValidator(_finite)]
"""A number for JSON, null where it is not finite."""


class Out(BaseModel):
    """A resource as it is sent: read from a service's dataclass."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class In(BaseModel):
    """What a client sends. Unknown keys are refused: a misspelt one would be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Items(BaseModel, Generic[T]):
    """A list, and the cursor that gives the rest (`?cursor=…`); null at its end."""

    items: list[T]
    next: str | None = None


class ProblemOut(BaseModel):
    """Every error, as `application/problem+json`."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    hint: str


def after_cursor(
    cursor: Annotated[str | None, Query(max_length=40, description="`next` of the page before.")] = None,
) -> int:
    """The id that the page before ended with; 0 without a cursor."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and int(cursor) <= LARGEST_ID):
        raise InvalidInput("This cursor was not made here.", hint="Leave it out to start from the beginning.")
    return int(cursor)


async def store_of(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def asking(request: Request) -> Visitor:
    return visitor_of(request)


async def owner_asking(request: Request) -> Visitor:
    visitor = visitor_of(request)
    visitor.require_owner()
    return visitor


def run_of(
    store: "TheStore", visitor: "Asking", run: Annotated[str, Path(max_length=4096, description="Id or name.")]
) -> RunView:
    """The run in the address, if the visitor may see it."""
    return find_run(store, run, visitor)


def find_run(store: Store, reference: str, visitor: Visitor) -> RunView:
    if "\x00" in reference:
        raise NotFound("There is no such run.", hint="Names hold no NUL characters.")
    return runs.find_run(store, reference, visitor)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What to declare for errors in OpenAPI."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    words = {
        400: "It cannot be used.",
        403: "Not allowed by this link.",
        404: "Not there, or not in your scope.",
        409: "It changed meanwhile.",
        422: "It has the wrong form.",
    }
    return {status: {"description": words[status], "content": content, "model": ProblemOut} for status in statuses}


TheStore = Annotated[Store, Depends(store_of)]
Asking = Annotated[Visitor, Depends(asking)]
OwnerAsking = Annotated[Visitor, Depends(owner_asking)]
TheRun = Annotated[RunView, Depends(run_of)]
After = Annotated[int, Depends(after_cursor)]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items to give.")]
