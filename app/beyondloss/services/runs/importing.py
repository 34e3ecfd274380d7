"""Taking in what a folder reader found: idempotent, so that it may be told again and again while a run trains."""

import time

from beyondloss.domain.runs import FoundRun, RememberedRun
from beyondloss.services.projects import add_starter_probes, ensure_project
from beyondloss.services.runs.views import Imported
from beyondloss.store import checkpoints, found_runs, projects
from beyondloss.store.asking import queue_missing
from beyondloss.store.engine import Store
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id


def import_run(store: Store, found: FoundRun, *, project: str, base_override: str | None = None) -> Imported:
    """Store what a reader found, idempotently; ask for answers of what is new. One unit of work.

    The base checkpoint (step 0) is made with the run. A checkpoint that vanished becomes `gone`; one whose `stamp`
    changed loses its fingerprint and is answered anew; a rerun in the same folder (see formats.md, trap 10) is a
    second run with `generation` + 1. Project and starter probe set are made when missing. `base_override` names the
    base of a run that names none, and says where it is found for one that does.
    """
    from beyondloss.services.alarms import judging  # numpy: listing runs does not wait for it
    from beyondloss.services.metrics import grouped
    from beyondloss.store import metrics

    project_id = ensure_probed_project(store, project)
    points = grouped(found.points)
    with store.write() as session:
        projects.hold_project(session, project_id)
        run, created = found_runs.ensure_found_run(session, found, project_id)
        run_id = stored_id(run.id)
        base = checkpoints.ensure_base(session, run)
        other_base = found_runs.take_base(session, run, found, base_override)
        changed = found_runs.take_facts(run, found) or other_base
        taken = found_runs.take_checkpoints(session, run, found)
        stored = metrics.append_points(session, run_id, points)
        if stored:
            judging.observe(session, run, points)
        if stored or changed:
            judging.settle(session, run)
        if changed or taken.changed or stored:
            run.changed_at = time.time()
            session.flush()
            bump_run(session, run_id)
        run.read_state = {"mark": found.read_mark}
        to_ask = set(taken.to_answer) | ({stored_id(base.id)} if created else set())
        if (to_ask or other_base) and not run.archived:
            queue_missing(session, run, checkpoint_ids=None if other_base and not created else to_ask)
        return Imported(
            run_id=run_id,
            name=run.name,
            created=created,
            checkpoints=taken.count,
            new_checkpoints=taken.new,
            points=stored,
            problems=tuple(run.problems),
        )


def remembered_runs(store: Store) -> list[RememberedRun]:
    """What a folder watch may begin from: how every run's folder looked when it was last read."""
    with store.read() as session:
        return found_runs.remembered_runs(session)


def ensure_probed_project(store: Store, name: str) -> int:
    """A project that asks something: a new one begins with the starter probes."""
    view = ensure_project(store, name)
    if not view.sets:
        add_starter_probes(store, name)
    return view.id
