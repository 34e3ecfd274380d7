"""Samplings by key, and which one a run uses."""

from dataclasses import replace

from sqlmodel import Session, select

from beyondloss.domain.sampling import Sampling
from beyondloss.store.insert import insert_into
from beyondloss.store.tables import Project, Run
from beyondloss.store.tables import Sampling as SamplingRow


def ensure_sampling(session: Session, sampling: Sampling) -> SamplingRow:
    """This sampling's row, made when missing. Two samplings with the same fields are one row."""
    statement = insert_into(session, SamplingRow).values(
        key=sampling.key,
        max_new_tokens=sampling.max_new_tokens,
        temperature=sampling.temperature,
        top_p=1.0 if sampling.greedy else sampling.top_p,
        samples=sampling.samples,
        noise_key="" if sampling.greedy else sampling.noise_key,
    )
    session.exec(statement.on_conflict_do_nothing(index_elements=["key"]))
    return session.exec(select(SamplingRow).where(SamplingRow.key == sampling.key)).one()


def get_sampling(session: Session, sampling_id: int) -> SamplingRow | None:
    return session.get(SamplingRow, sampling_id)


def sampling_value(row: SamplingRow) -> Sampling:
    return Sampling(
        max_new_tokens=row.max_new_tokens,
        temperature=row.temperature,
        top_p=row.top_p,
        samples=row.samples,
        noise_key=row.noise_key,
    )


def sampling_by_reference(session: Session, reference: str) -> SamplingRow | None:
    """By key, or by id."""
    found = session.exec(select(SamplingRow).where(SamplingRow.key == reference)).first()
    if found is None and reference.isascii() and reference.isdecimal() and len(reference) < 10:
        found = session.get(SamplingRow, int(reference))
    return found


def run_sampling(session: Session, run: Run) -> SamplingRow | None:
    """The run's own sampling, else its project's, else greedy with the usual limit; None while that was never used."""
    project = session.get(Project, run.project_id)
    chosen = run.sampling_id or (project.sampling_id if project else None)
    if chosen is not None:
        return session.get(SamplingRow, chosen)
    return session.exec(select(SamplingRow).where(SamplingRow.key == Sampling().key)).first()


def ensure_run_sampling(session: Session, run: Run) -> SamplingRow:
    """The same, with the default stored when it was never used."""
    found = run_sampling(session, run)
    return found or ensure_sampling(session, Sampling())


def with_project_noise(session: Session, sampling: Sampling, project_id: int) -> Sampling:
    """Coupled noise is fixed per project: a sampling that names none takes the project's salt."""
    if sampling.greedy or sampling.noise_key:
        return sampling
    return replace(sampling, noise_key=session.get_one(Project, project_id).salt)
