"""Editing probes: what makes a new revision and what changes in place.

A probe is its messages, the behaviours it examines and the note on what good looks like: once it has answers, a change
of those is a new revision, because answers were given and ratings made under the old ones. Family, group and language
are labels; they change in place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import Session, col

from beyondloss.domain.probes import BehaviourSpec, ProbeFile, ProbeSpec
from beyondloss.store import probes, projects
from beyondloss.store.rows import stored_id
from beyondloss.store.tables import Behaviour, Probe, ProbeSet


class ProbeChange(StrEnum):
    ADDED = "added"
    REVISED = "revised"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class FileApplied:
    """By number of probes; `behaviours` counts those that were made or whose pole changed."""

    added: int
    revised: int
    unchanged: int
    behaviours: int

    @property
    def changed(self) -> bool:
        return bool(self.added or self.revised or self.behaviours)


def apply_file(session: Session, project_id: int, file: ProbeFile, *, set_name: str) -> FileApplied:
    """Bring a set up to a file: probes are known by their key. Keys that the file lacks stay."""
    probe_set = probes.lock_set(session, project_id, set_name)
    behaviours, behaviours_changed = _take_in_behaviours(session, project_id, file)
    newest = probes.newest_revisions(session, stored_id(probe_set.id))
    records = {r.probe.key: r for r in probes.probe_records(session, list(newest.values()))}
    counts = dict.fromkeys(ProbeChange, 0)
    for spec in file.probes:
        _, change = place_probe(session, probe_set, spec, behaviours=behaviours, old=records.get(spec.key))
        counts[change] += 1
    if counts[ProbeChange.ADDED] or counts[ProbeChange.REVISED]:
        probe_set.revision += 1
    session.flush()
    return FileApplied(
        added=counts[ProbeChange.ADDED],
        revised=counts[ProbeChange.REVISED],
        unchanged=counts[ProbeChange.UNCHANGED],
        behaviours=behaviours_changed,
    )


def place_probe(
    session: Session,
    probe_set: ProbeSet,
    spec: ProbeSpec,
    *,
    behaviours: Mapping[str, Behaviour],
    old: probes.ProbeRecord | None,
) -> tuple[Probe, ProbeChange]:
    """Put one probe into a locked set, in the place of `old`, the newest revision of its key."""
    behaviour_ids = [stored_id(behaviours[name].id) for name in spec.behaviours]
    if old is None:
        return probes.add_probe(session, stored_id(probe_set.id), spec, behaviour_ids), ProbeChange.ADDED
    means_other = _means_other(old, spec)
    if means_other and old.answers:
        return probes.revise_probe(session, old.probe, spec, behaviour_ids), ProbeChange.REVISED
    revived = old.probe.archived
    if means_other or revived or _labels(old.probe) != (spec.family.value, spec.group, spec.language):
        probes.change_probe(session, old.probe, spec, behaviour_ids)
        return old.probe, ProbeChange.ADDED if revived else ProbeChange.REVISED
    return old.probe, ProbeChange.UNCHANGED


def _means_other(old: probes.ProbeRecord, spec: ProbeSpec) -> bool:
    messages = [{"role": message.role.value, "content": message.content} for message in spec.messages]
    examined = {behaviour.name for behaviour in old.behaviours}
    return old.probe.messages != messages or old.probe.good != spec.good or examined != set(spec.behaviours)


def _labels(probe: Probe) -> tuple[str, str, str]:
    return probe.family, probe.group, probe.language


def _take_in_behaviours(session: Session, project_id: int, file: ProbeFile) -> tuple[dict[str, Behaviour], int]:
    """Behaviours by name, and how many are new or have a new pole. An empty pole says nothing about an old one."""
    named = {spec.name: spec for spec in file.behaviours}
    for probe in file.probes:
        for name in probe.behaviours:
            named.setdefault(name, BehaviourSpec(name))
    known = {row.name: row for row in projects.behaviours(session, project_id=project_id, archived=True)}
    changed = 0
    for spec in named.values():
        row = known.get(spec.name)
        if row is None:
            known[spec.name] = projects.add_behaviour(session, project_id, name=spec.name, wanted=spec.wanted)
        elif row.archived or (spec.wanted and spec.wanted != row.wanted):
            row.archived, row.wanted = False, spec.wanted or row.wanted
        else:
            continue
        changed += 1
    return known, changed


def behaviours_named(session: Session, project_id: int, names: tuple[str, ...]) -> dict[str, Behaviour]:
    """Those of the project, with the missing ones made and archived ones brought back."""
    file = ProbeFile(tuple(BehaviourSpec(name) for name in names), ())
    return _take_in_behaviours(session, project_id, file)[0]


def move_probe(session: Session, probe: Probe, *, set_id: int, key: str) -> None:
    """Rename or move a probe with all its revisions: neither changes what was asked."""
    session.exec(
        update(Probe)
        .where(col(Probe.probe_set_id) == probe.probe_set_id, col(Probe.key) == probe.key)
        .values(probe_set_id=set_id, key=key)
    )
    session.refresh(probe)
