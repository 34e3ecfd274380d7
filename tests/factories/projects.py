"""Projects, behaviours, probe sets and probes."""

from collections.abc import Sequence

from sqlmodel import select

from beyondloss.store.engine import Store
from beyondloss.store.tables import Behaviour, Probe, ProbeBehaviour, ProbeSet, Project
from tests.factories.rows import NOW, numbered, stored


def a_project(store: Store, *, name: str | None = None, sampling_id: int | None = None) -> Project:
    name = name or numbered("project")
    return stored(store, Project(name=name, salt=f"salt of {name}", sampling_id=sampling_id, created_at=NOW))


def a_behaviour(
    store: Store, project: Project, *, name: str | None = None, wanted: str = "the good way", archived: bool = False
) -> Behaviour:
    name = name or numbered("behaviour")
    return stored(store, Behaviour(project_id=project.id, name=name, wanted=wanted, archived=archived))


def a_probe_set(store: Store, project: Project, *, name: str = "main", active: bool = True) -> ProbeSet:
    return stored(store, ProbeSet(project_id=project.id, name=name, active=active, created_at=NOW))


def a_probe(
    store: Store,
    project: Project,
    *,
    key: str | None = None,
    prompt: str = "What is the capital of France?",
    system: str | None = None,
    family: str = "retention",
    group: str = "",
    behaviours: Sequence[Behaviour] = (),
    set_name: str = "main",
    **fields: object,
) -> Probe:
    """A current probe in the project's set of that name, which is made (active) when missing."""
    with store.read() as session:
        found = session.exec(select(ProbeSet).where(ProbeSet.project_id == project.id, ProbeSet.name == set_name))
        probe_set = found.first()
    probe_set = probe_set or a_probe_set(store, project, name=set_name)
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    probe = Probe(
        probe_set_id=probe_set.id,
        key=key or numbered("probe"),
        family=family,
        group=group,
        messages=messages,
        prompt=prompt,
        created_at=NOW,
        **fields,
    )
    stored(store, probe)
    for behaviour in behaviours:
        stored(store, ProbeBehaviour(probe_id=probe.id, behaviour_id=behaviour.id))
    return probe
