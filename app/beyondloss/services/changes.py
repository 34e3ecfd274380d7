"""Where along a run the answers moved: a count per checkpoint, for the marks on the curve."""

from dataclasses import dataclass

from beyondloss.domain.access import Visitor
from beyondloss.domain.text import storable
from beyondloss.errors import NotFound
from beyondloss.store import answers, changes, probes, samplings
from beyondloss.store.engine import Store
from beyondloss.store.rows import stored_id


@dataclass(frozen=True, slots=True)
class StepChange:
    """Of the `compared` probes that this checkpoint and the base have both answered, `changed` got another answer."""

    step: int
    compared: int
    changed: int


def changes_by_step(store: Store, run_id: int, visitor: Visitor, *, sampling: str | None = None) -> list[StepChange]:
    """Against the base, by rising step; checkpoints with nothing to compare yet are left out. One pass in the database.

    `sampling` is an id or key, the run's own by default; one that was never used gives an empty list.
    """
    with store.read() as session:
        run = answers.get_run(session, run_id)
        if run is None:
            raise NotFound("There is no such run.", hint="Check the address, or ask for a new link.")
        visitor.require_run(run_id=run_id, project_id=run.project_id)
        chosen = (
            samplings.run_sampling(session, run)
            if sampling is None
            else samplings.sampling_by_reference(session, storable(sampling))
        )
        if chosen is None:
            return []
        asked = probes.current_probes(session, project_id=run.project_id, active_only=True)
        records = changes.changes_by_step(
            session,
            run_id,
            sampling_id=stored_id(chosen.id),
            probe_ids=[stored_id(probe.id) for probe in asked],
        )
    return [StepChange(record.step, record.compared, record.changed) for record in records]
