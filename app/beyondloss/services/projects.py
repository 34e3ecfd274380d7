"""Projects, behaviours and probe sets: list, edit, import, export, revisions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from beyondloss.domain.access import Visitor
from beyondloss.domain.probes import BehaviourSpec, Family, Message, MessageRole, ProbeFile, ProbeSpec
from beyondloss.domain.text import storable
from beyondloss.errors import Conflict, InvalidInput, NotFound
from beyondloss.store import probe_edits, probes, projects
from beyondloss.store.asking import queue_missing_of_project
from beyondloss.store.engine import Store
from beyondloss.store.probes import ProbeRecord
from beyondloss.store.revisions import bump_project
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Behaviour, ProbeSet

DEFAULT_PROJECT = "default"
DEFAULT_SET = "main"
STARTER_SET = "starter"
MAX_NAME_LENGTH = 200


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
    """By name; a link's visitor sees the project the link is for, or none. A fixed number of queries."""
    if visitor.link is not None and visitor.link.project_id is None:
        return []
    return _project_views(store, project_id=None if visitor.link is None else visitor.link.project_id)


def find_project(store: Store, reference: str, visitor: Visitor) -> ProjectView:
    """By id or name. Raises NotFound."""
    with store.read() as session:
        found = projects.project_by_reference(session, storable(reference))
        found_id = None if found is None else stored_id(found.id)
    if found_id is None or not (visitor.is_owner or (visitor.link and visitor.link.project_id == found_id)):
        raise NotFound(f"There is no project {reference!r}.", hint="The runs list names every project.")
    return _project_views(store, project_id=found_id)[0]


def ensure_project(store: Store, name: str) -> ProjectView:
    """Find it or make it (with a salt, and no probes yet)."""
    name = _named(name, "A project")
    with store.write() as session:
        project_id = stored_id(projects.ensure_project(session, name).id)
    return _project_views(store, project_id=project_id)[0]


def add_probes(store: Store, project: str, file: ProbeFile, *, set_name: str = DEFAULT_SET) -> ProbesAdded:
    """Add a parsed probe file: a probe whose key exists and differs becomes a new revision if it has answers.

    Queues answers for every checkpoint of the project's runs that lack them.
    """
    name, set_name = _named(project, "A project"), _named(set_name, "A probe set")
    file = ProbeFile(tuple(map(_checked_behaviour, file.behaviours)), tuple(map(_checked_probe, file.probes)))
    with store.write() as session:
        row = projects.ensure_project(session, name)
        applied = probe_edits.apply_file(session, stored_id(row.id), file, set_name=set_name)
        if applied.changed:
            bump_project(session, stored_id(row.id))
            queue_missing_of_project(session, stored_id(row.id))
    return ProbesAdded(applied.added, applied.revised, applied.unchanged, applied.behaviours)


def add_starter_probes(store: Store, project: str) -> ProbesAdded:
    """The starter set (English and Chinese) as set `starter`, active."""
    from beyondloss.ingest.probe_files import starter_probes  # reads YAML, which no page needs at its start

    return add_probes(store, project, starter_probes(), set_name=STARTER_SET)


def save_probe(
    store: Store, project_id: int, set_name: str, spec: ProbeSpec, *, probe_id: int | None = None
) -> ProbeView:
    """Make a probe, or edit one. With answers, editing makes a new revision and the old answers stay.

    Another key or set moves the probe with all its revisions. Raises Conflict for a key that is taken, and for a
    revision that somebody replaced meanwhile.
    """
    spec, set_name = _checked_probe(spec), _named(set_name, "A probe set")
    with store.write() as session:
        if projects.get_project(session, project_id) is None:
            raise NotFound("There is no such project.", hint="The runs list names every project.")
        probe_set = probes.lock_set(session, project_id, set_name)
        old = None
        if probe_id is not None:
            old = _current(probes.probe_record(session, probe_id, project_id=project_id, lock=True))
        taken = probes.newest_revisions(session, stored_id(probe_set.id)).get(spec.key)
        if taken is not None and (old is None or taken.id != old.probe.id):
            raise Conflict(f"The set {set_name} already has a probe {spec.key}.", hint=_taken_hint(taken.archived))
        if old is not None and (old.probe.key, old.set_name) != (spec.key, set_name):
            probe_edits.move_probe(session, old.probe, set_id=stored_id(probe_set.id), key=spec.key)
        behaviours = probe_edits.behaviours_named(session, project_id, spec.behaviours)
        probe, _ = probe_edits.place_probe(session, probe_set, spec, behaviours=behaviours, old=old)
        probe_set.revision += 1
        bump_project(session, project_id)
        queue_missing_of_project(session, project_id)
        (record,) = probes.probe_records(session, [probe])
        return probe_view(record)


def _current(found: ProbeRecord | None) -> ProbeRecord:
    if found is None:
        raise NotFound("There is no such probe.", hint="Reload the page.")
    if found.probe.replaced_by is not None:
        raise Conflict(
            f"Somebody edited {found.probe.key} meanwhile.", hint="Reload to see the newer wording, then edit that."
        )
    return found


def _taken_hint(archived: bool) -> str:
    return "Bring the archived one back, or choose another id." if archived else "Choose another id, or edit that one."


def archive_probe(store: Store, probe_id: int, *, archived: bool = True) -> ProbeView:
    """Take a probe out of its set (answers stay), or bring it back: the page's undo."""
    with store.write() as session:
        record = _current(probes.probe_record(session, probe_id, lock=True))
        probe_set = probes.set_of(session, record.probe)
        record.probe.archived = archived
        probe_set.revision += 1
        bump_project(session, probe_set.project_id)
        if not archived:
            queue_missing_of_project(session, probe_set.project_id)
        return probe_view(record)


def save_behaviour(
    store: Store, project_id: int, *, name: str, wanted: str, behaviour_id: int | None = None
) -> BehaviourView:
    """Make a behaviour, or rename one and change its pole. Saving an archived one's name brings it back."""
    name, wanted = _named(name, "A behaviour"), storable(wanted.strip())
    with store.write() as session:
        if projects.get_project(session, project_id) is None:
            raise NotFound("There is no such project.", hint="The runs list names every project.")
        same_name = projects.behaviour_by_name(session, project_id, name)
        row = same_name if behaviour_id is None else projects.get_behaviour(session, behaviour_id)
        if behaviour_id is not None and (row is None or row.project_id != project_id):
            raise NotFound("There is no such behaviour.", hint="Reload the page.")
        if same_name is not None and (behaviour_id not in (None, same_name.id)):
            raise Conflict(f"There is a behaviour {name} already.", hint="Choose another name.")
        if row is None:
            row = projects.add_behaviour(session, project_id, name=name, wanted=wanted)
        row.name, row.wanted, row.archived = name, wanted, False
        bump_project(session, project_id)
        return behaviour_view(row)


def archive_behaviour(store: Store, behaviour_id: int, *, archived: bool = True) -> None:
    """Its ratings stay and count again once it is back."""
    with store.write() as session:
        row = projects.get_behaviour(session, behaviour_id)
        if row is None:
            raise NotFound("There is no such behaviour.", hint="Reload the page.")
        row.archived = archived
        bump_project(session, row.project_id)


def set_active(store: Store, set_id: int, *, active: bool) -> None:
    """Only active sets are asked of new checkpoints."""
    with store.write() as session:
        row = probes.get_set(session, set_id)
        if row is None:
            raise NotFound("There is no such probe set.", hint="Reload the page.")
        if row.active != active:
            row.active, row.revision = active, row.revision + 1
            bump_project(session, row.project_id)
            if active:
                queue_missing_of_project(session, row.project_id)


def unmapped_base_models(store: Store, project: ProjectView) -> list[str]:
    """Base models that the project's runs name and nobody has said the place of, by name."""
    mapped = {name for name, _path in project.base_models}
    with store.read() as session:
        return [name for name in projects.named_base_models(session, project.id) if name not in mapped]


def export_probes(store: Store, project_id: int, *, set_name: str | None = None) -> ProbeFile:
    """The current probes as a file that `add_probes` reads back unchanged. A key that two sets share bears its set."""
    with store.read() as session:
        rows = probes.current_probes(session, project_id=project_id, set_name=set_name)
        if not rows and set_name is not None and probes.set_by_name(session, project_id, set_name) is None:
            raise NotFound(f"There is no probe set {set_name!r}.", hint="`beyondloss probes list` names them.")
        views = [probe_view(record) for record in probes.probe_records(session, rows)]
        behaviours = [behaviour_view(row) for row in projects.behaviours(session, project_id=project_id)]
    named = {behaviour.name for view in views for behaviour in view.behaviours}
    specs: dict[str, ProbeSpec] = {}
    for view in views:
        spec = probe_spec(view)
        specs.setdefault(spec.key if spec.key not in specs else f"{view.set_name}/{spec.key}", spec)
    return ProbeFile(
        tuple(BehaviourSpec(b.name, b.wanted) for b in behaviours if set_name is None or b.name in named),
        tuple(replace(spec, key=key) for key, spec in specs.items()),
    )


def probe_revisions(store: Store, probe_id: int) -> Sequence[ProbeView]:
    """All revisions of one probe, newest first."""
    with store.read() as session:
        record = probes.probe_record(session, probe_id)
        if record is None:
            raise NotFound("There is no such probe.", hint="Reload the page.")
        rows = probes.revisions_of(session, record.probe.probe_set_id, record.probe.key)
        return [probe_view(found) for found in probes.probe_records(session, rows)]


def behaviour_view(row: Behaviour, *, probes: int = 0) -> BehaviourView:
    return BehaviourView(id=stored_id(row.id), name=row.name, wanted=row.wanted, probes=probes)


def probe_view(record: ProbeRecord) -> ProbeView:
    """What other services and pages show of a probe."""
    probe = record.probe
    return ProbeView(
        id=stored_id(probe.id),
        key=probe.key,
        revision=probe.revision,
        set_name=record.set_name,
        family=Family(probe.family),
        group=probe.group,
        messages=messages_of(probe.messages),
        prompt=probe.prompt,
        behaviours=tuple(behaviour_view(row) for row in record.behaviours),
        good=probe.good,
        language=probe.language,
        answers=record.answers,
    )


def messages_of(stored: Sequence[Mapping[str, str]]) -> tuple[Message, ...]:
    return tuple(Message(MessageRole(turn["role"]), turn["content"]) for turn in stored)


def probe_spec(view: ProbeView) -> ProbeSpec:
    """A stored probe as people write it."""
    return ProbeSpec(
        key=view.key,
        messages=view.messages,
        family=view.family,
        group=view.group,
        behaviours=tuple(behaviour.name for behaviour in view.behaviours),
        good=view.good,
        language=view.language,
    )


def _project_views(store: Store, *, project_id: int | None) -> list[ProjectView]:
    """All projects, or one, with a fixed number of queries."""
    with store.read() as session:
        behaviours, sets = defaultdict(list), defaultdict(list)
        examined = projects.count_behaviour_probes(session)
        for row in projects.behaviours(session, project_id=project_id):
            behaviours[row.project_id].append(behaviour_view(row, probes=examined.get(stored_id(row.id), 0)))
        views = defaultdict(list)
        for record in probes.probe_records(session, probes.current_probes(session, project_id=project_id)):
            views[record.probe.probe_set_id].append(probe_view(record))
        for probe_set in probes.probe_sets(session, project_id=project_id):
            sets[probe_set.project_id].append(_set_view(probe_set, views[stored_id(probe_set.id)]))
        mappings = projects.base_models(session)
        runs = projects.count_runs(session)
        return [
            ProjectView(
                id=stored_id(row.id),
                name=row.name,
                behaviours=tuple(behaviours[stored_id(row.id)]),
                sets=tuple(sets[stored_id(row.id)]),
                base_models=tuple((m.name, m.path) for m in mappings if m.project_id == row.id),
                runs=runs.get(stored_id(row.id), 0),
            )
            for row in projects.all_projects(session, project_id=project_id)
        ]


def _set_view(row: ProbeSet, views: list[ProbeView]) -> ProbeSetView:
    return ProbeSetView(
        id=stored_id(row.id), name=row.name, active=row.active, revision=row.revision, probes=tuple(views)
    )


def _named(name: str, what: str) -> str:
    """A name as it is stored: one line, not empty."""
    name = " ".join(storable(name).split())
    if not name:
        raise InvalidInput(f"{what} needs a name.", hint="Give it one.")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidInput(f"{what}'s name is longer than {MAX_NAME_LENGTH} characters.", hint="Shorten it.")
    return name


def _checked_behaviour(spec: BehaviourSpec) -> BehaviourSpec:
    return BehaviourSpec(_named(spec.name, "A behaviour"), storable(spec.wanted.strip()))


def _checked_probe(spec: ProbeSpec) -> ProbeSpec:
    """The same probe, storable; one without a key gets a stable one. Raises InvalidInput if nothing is asked."""
    from beyondloss.ingest.probe_files.build import stable_key

    messages = tuple(Message(message.role, storable(message.content)) for message in spec.messages)
    if not messages or messages[-1].role is not MessageRole.USER or not messages[-1].content.strip():
        raise InvalidInput("A probe must end with a question.", hint="Write what the model is asked.")
    return ProbeSpec(
        key=_named(spec.key.strip() or stable_key(messages), "A probe"),
        messages=messages,
        family=spec.family,
        group=storable(spec.group.strip()),
        behaviours=tuple(dict.fromkeys(_named(name, "A behaviour") for name in spec.behaviours)),
        good=storable(spec.good.strip()),
        language=storable(spec.language.strip()),
    )
