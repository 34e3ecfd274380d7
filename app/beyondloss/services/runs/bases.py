"""Which base model a run was trained from, and where it is found on this machine."""

from beyondloss.domain.text import storable
from beyondloss.errors import InvalidInput, NotFound
from beyondloss.store import checkpoints, projects, runs
from beyondloss.store.asking import queue_missing
from beyondloss.store.engine import Store
from beyondloss.store.revisions import bump_run
from beyondloss.store.rows import stored_id
from beyondloss.store.runs import lock_run


def map_base_model(store: Store, project_id: int, *, name: str, path: str) -> None:
    """Remember where a base model is found on this machine, and queue again what had failed for want of it.

    Answers given with another base under that name stay, but are current no more: they are asked for again.
    """
    name, path = storable(name.strip()), storable(path.strip())
    if not name or not path:
        raise InvalidInput("A base model's name and its folder are both needed.", hint="Give the folder it lies in.")
    with store.write() as session:
        if projects.get_project(session, project_id) is None:
            raise NotFound("There is no such project.", hint="The runs list names every project.")
        before = projects.set_base_model_path(session, project_id, name=name, path=path)
        if before == path:
            return
        for run in runs.runs_of_base(session, project_id, name):
            run_id = stored_id(run.id)
            if before is not None:
                checkpoints.forget_base(session, run_id)
            asked = None if before is not None else runs.failed_checkpoints(session, run_id)
            queue_missing(session, run, checkpoint_ids=asked)
            bump_run(session, run_id)


def name_base_model(store: Store, run_id: int, base_model: str) -> None:
    """Say which base a run was trained from, where its folder does not, or says it wrongly. Its base answers next.

    A folder that names a base itself goes on naming it: what is said here stands until then.
    """
    base_model = storable(base_model.strip())
    if not base_model:
        raise InvalidInput("A base model's name is needed.", hint="Give its folder, or its name on the hub.")
    with store.write() as session:
        run = lock_run(session, run_id)
        if run.base_model == base_model:
            return
        if run.base_model is not None:
            checkpoints.forget_base(session, run_id)
        run.base_model = base_model
        run.base_asked = True
        session.flush()
        queue_missing(session, run)
        bump_run(session, run_id)
