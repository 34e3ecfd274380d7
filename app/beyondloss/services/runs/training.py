"""How runs were trained to write conversations, beside how their probes are written."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlmodel import Session

from beyondloss.domain.probes import MessageRole
from beyondloss.domain.templates import ChatTemplates, TrainedWith, trained_with
from beyondloss.ingest.chat_templates import cached_model, has_tokenizer, read_chat_template
from beyondloss.store import probes
from beyondloss.store.tables import Checkpoint, Run


def trainings_of(
    session: Session,
    runs: Sequence[Run],
    *,
    checkpoints: Mapping[int, Sequence[Checkpoint]],
    base_paths: Mapping[int, str | None],
    asked: Mapping[int, int],
) -> dict[int, TrainedWith]:
    """By run id. `asked` counts probes by project; what they say is read only for projects where it matters."""
    telling = {run.project_id for run in runs if run.system_prompt}
    systems = {project_id: _systems(session, project_id) for project_id in telling}
    return {
        run.id: trained_with(
            run.template,
            run.system_prompt,
            found=_found(checkpoints[run.id], base_paths.get(run.id) or run.base_model),
            probe_systems=systems.get(run.project_id, frozenset()),
            asked=bool(asked.get(run.project_id)),
        )
        for run in runs
        if run.id is not None
    }


def tokenizer_folder(checkpoints: Sequence[Checkpoint]) -> Path | None:
    """The first of a run's folders that holds a tokenizer: it writes the prompts of the whole run."""
    ordered = sorted(checkpoints, key=lambda checkpoint: checkpoint.id or 0)
    folders = [folder for one in ordered for folder in (one.kept_path, one.path) if folder is not None]
    return next((path for path in map(Path, folders) if has_tokenizer(path)), None)


def _found(checkpoints: Sequence[Checkpoint], base: str | None) -> ChatTemplates:
    own = tokenizer_folder(checkpoints)
    return ChatTemplates(
        run=read_chat_template(own) if own is not None else None,
        base=_base_template(base) if base else None,
    )


def _base_template(base: str) -> str | None:
    found = read_chat_template(Path(base))
    if found is None and (cached := cached_model(base)) is not None:
        found = read_chat_template(cached)
    return found


def _systems(session: Session, project_id: int) -> frozenset[str]:
    """Every system prompt that a probe of the project sends."""
    rows = probes.current_probes(session, project_id=project_id, active_only=True)
    return frozenset(
        message["content"].strip()
        for row in rows
        for message in row.messages
        if message["role"] == MessageRole.SYSTEM.value
    )
