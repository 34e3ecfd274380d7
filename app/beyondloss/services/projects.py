"""Projects, behaviours and probe sets: list, edit, import, export, revisions."""

from collections.abc import Sequence
from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.domain.probes import Family, Message, ProbeFile, ProbeSpec
from beyondloss.store.engine import Store

DEFAULT_PROJECT = "default"
DEFAULT_SET = "main"


@dataclass(frozen=True, slots=True)
class BehaviourView:
    id: int
    name: str
    wanted: str
    probes: int = 0


@dataclass(frozen=True, slots=True)
class ProbeView:
    id: int
    key: str
    revision: int
    set_name: str
    family: Family
    group: str
    messages: tuple[Message, ...]
    prompt: str
    behaviours: tuple[BehaviourView, ...]
    good: str
    language: str
    answers: int = 0


@dataclass(frozen=True, slots=True)
class ProbeSetView:
    id: int
    name: str
    active: bool
    revision: int
    probes: tuple[ProbeView, ...]


@dataclass(frozen=True, slots=True)
class ProjectView:
    id: int
    name: str
    behaviours: tuple[BehaviourView, ...]
    sets: tuple[ProbeSetView, ...]
    base_models: tuple[tuple[str, str], ...]
    """(name, path) of every mapping."""
    runs: int


@dataclass(frozen=True, slots=True)
class ProbesAdded:
    """What adding a probe file did, by number of probes."""

    added: int
    revised: int
    unchanged: int
    behaviours: int


def list_projects(store: Store, visitor: Visitor) -> list[ProjectView]:
    raise NotImplementedError


def find_project(store: Store, reference: str, visitor: Visitor) -> ProjectView:
    """By id or name. Raises NotFound."""
    raise NotImplementedError


def ensure_project(store: Store, name: str) -> ProjectView:
    """Find it or make it (with a salt, and no probes yet)."""
    raise NotImplementedError


def add_probes(store: Store, project: str, file: ProbeFile, *, set_name: str = DEFAULT_SET) -> ProbesAdded:
    """Add a parsed probe file: a probe whose key exists and differs becomes a new revision if it has answers.

    Queues answers for every checkpoint of the project's runs that lack them.
    """
    raise NotImplementedError


def add_starter_probes(store: Store, project: str) -> ProbesAdded:
    """The starter set (English and Chinese) as set `starter`, active."""
    raise NotImplementedError


def save_probe(
    store: Store, project_id: int, set_name: str, spec: ProbeSpec, *, probe_id: int | None = None
) -> ProbeView:
    """Make a probe, or edit one. With answers, editing makes a new revision and the old answers stay."""
    raise NotImplementedError


def archive_probe(store: Store, probe_id: int, *, archived: bool = True) -> ProbeView:
    """Take a probe out of its set (answers stay), or bring it back: the page's undo."""
    raise NotImplementedError


def save_behaviour(
    store: Store, project_id: int, *, name: str, wanted: str, behaviour_id: int | None = None
) -> BehaviourView:
    raise NotImplementedError


def archive_behaviour(store: Store, behaviour_id: int, *, archived: bool = True) -> None:
    raise NotImplementedError


def set_active(store: Store, set_id: int, *, active: bool) -> None:
    """Only active sets are asked of new checkpoints."""
    raise NotImplementedError


def export_probes(store: Store, project_id: int, *, set_name: str | None = None) -> ProbeFile:
    """The current probes as a file that `add_probes` reads back unchanged."""
    raise NotImplementedError


def probe_revisions(store: Store, probe_id: int) -> Sequence[ProbeView]:
    """All revisions of one probe, newest first."""
    raise NotImplementedError
