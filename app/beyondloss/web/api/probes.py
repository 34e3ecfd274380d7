"""Projects, and their behaviours and probes."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from beyondloss.domain.access import Visitor
from beyondloss.domain.probes import Family, MessageRole
from beyondloss.errors import NotFound
from beyondloss.ingest.probe_files import parse_probe_text
from beyondloss.services import projects
from beyondloss.services.projects import DEFAULT_SET, ProbeView, ProjectView
from beyondloss.store.engine import Store
from beyondloss.web.api.shapes import Asking, In, Items, Name, Out, OwnerAsking, Text, TheStore, problems

router = APIRouter(tags=["projects and probes"])
ProjectPath = Annotated[str, Path(max_length=4096, description="Id or name.")]


class BehaviourOut(Out):
    id: int
    name: str
    wanted: str


class MessageOut(Out):
    role: MessageRole
    content: str


class ProbeOut(Out):
    """One fixed question, in its current revision. `key` is its `id` in a probe file."""

    id: int
    key: str
    set_name: str
    revision: int
    family: Family
    group: str
    prompt: str = Field(description="The last user turn.")
    messages: list[MessageOut]
    behaviours: list[BehaviourOut]
    good: str
    language: str
    answers: int


class ProbeSetOut(Out):
    id: int
    name: str
    active: bool
    revision: int


class ProjectOut(Out):
    id: int
    name: str
    behaviours: list[BehaviourOut]
    sets: list[ProbeSetOut]
    runs: int


class BehaviourIn(In):
    name: Name
    wanted: Text = ""


class MessageIn(In):
    role: MessageRole
    content: Text


class ProbeIn(In):
    """As in a probe file: either `prompt` (with an optional `system`) or `messages`."""

    id: Annotated[Name | None, Field(examples=["france"])] = None
    prompt: Annotated[Text | None, Field(examples=["What is the capital of France?"])] = None
    system: Text | None = None
    messages: Annotated[list[MessageIn] | None, Field(max_length=200)] = None
    family: Annotated[Family | None, Field(examples=["retention"])] = None
    group: Text | None = None
    behaviours: Annotated[list[Name] | None, Field(max_length=200)] = None
    good: Text | None = None
    language: Name | None = None


class ProbeFileIn(In):
    behaviours: Annotated[list[BehaviourIn], Field(max_length=1000)] = Field(default=[])
    probes: Annotated[list[ProbeIn], Field(max_length=10_000)] = Field(default=[])


class ProbesAddedOut(Out):
    added: int
    revised: int
    unchanged: int
    behaviours: int


@router.get("/projects")
def list_projects(store: TheStore, visitor: Asking) -> Items[ProjectOut]:
    """Projects, by name."""
    return Items(items=[ProjectOut.model_validate(view) for view in projects.list_projects(store, visitor)])


@router.get("/projects/{project}", responses=problems(404))
def get_project(store: TheStore, visitor: Asking, project: ProjectPath) -> ProjectOut:
    return ProjectOut.model_validate(find_project(store, project, visitor))


@router.get("/projects/{project}/probes", responses=problems(404))
def list_probes(
    store: TheStore,
    visitor: Asking,
    project: ProjectPath,
    set_name: Annotated[str | None, Query(alias="set", max_length=200)] = None,
) -> Items[ProbeOut]:
    """Current probes in the order of their sets."""
    sets = find_project(store, project, visitor).sets
    chosen = [probe for each in sets if set_name in {None, each.name} for probe in each.probes]
    return Items(items=[probe_out(probe) for probe in chosen])


@router.post("/projects/{project}/probes", responses=problems(403, 404, 422))
def post_probes(
    *,
    store: TheStore,
    visitor: OwnerAsking,
    project: ProjectPath,
    body: ProbeFileIn,
    set_name: Annotated[Name, Query(alias="set")] = DEFAULT_SET,
) -> ProbesAddedOut:
    """Add a probe file's content. A probe whose id exists and that differs becomes a new revision. Idempotent."""
    view = find_project(store, project, visitor)
    text = json.dumps(body.model_dump(mode="json", exclude_none=True))
    added = projects.add_probes(store, view.name, parse_probe_text(text, "json"), set_name=set_name)
    return ProbesAddedOut.model_validate(added)


def find_project(store: Store, reference: str, visitor: Visitor) -> ProjectView:
    if "\x00" in reference:
        raise NotFound("There is no such project.", hint="Names hold no NUL characters.")
    return projects.find_project(store, reference, visitor)


def probe_out(view: ProbeView) -> ProbeOut:
    return ProbeOut.model_validate(view)
