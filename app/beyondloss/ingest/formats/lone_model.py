"""An adapter that lies alone in a folder: no trainer's log, no steps. Shown as a run with one checkpoint."""

from pathlib import Path

from beyondloss.domain.runs import CheckpointState, FoundCheckpoint, FoundRun, RunState
from beyondloss.errors import Unreadable
from beyondloss.ingest.formats.hf_checkpoints import partial_state
from beyondloss.ingest.formats.huggingface import EMPTY_RUN, UNKNOWN_STEP
from beyondloss.ingest.formats.run_names import run_name
from beyondloss.ingest.formats.steadiness import Steadiness
from beyondloss.ingest.hyperparameters import adapter_base, adapter_settings, card_base
from beyondloss.ingest.weights import ADAPTER_CONFIG, ADAPTER_WEIGHTS, Wholeness, find_weights


class LoneAdapterReader:
    """Weaker than every other reader: asked last, and never inside a folder that is a run already."""

    trainer = "peft"

    def __init__(self, *, steadiness: Steadiness | None = None) -> None:
        self._steadiness = steadiness or Steadiness()

    def recognises(self, folder: Path) -> bool:
        return (folder / ADAPTER_WEIGHTS).is_file() and (folder / ADAPTER_CONFIG).is_file()

    def read(self, folder: Path) -> FoundRun:
        weights = find_weights(folder, deeper=False)
        if weights is None:
            raise Unreadable(f"{folder} has no weights yet.", hint="Wait for the first save.", code=EMPTY_RUN)
        state, reason = CheckpointState.PRESENT, ""
        if weights.wholeness is Wholeness.REFUSED:
            state, reason = CheckpointState.UNREADABLE, weights.reason
        elif weights.wholeness is Wholeness.PARTIAL:
            state, reason = partial_state(folder, weights, self._steadiness)
        checkpoint = FoundCheckpoint(
            step=UNKNOWN_STEP, path=folder, kind=weights.kind, state=state, reason=reason, stamp=weights.stamp
        )
        return FoundRun(
            name=run_name(folder),
            output_dir=folder,
            trainer=self.trainer,
            base_model=adapter_base(folder) or card_base(folder),
            state=RunState.FINISHED,
            checkpoints=(checkpoint,),
            points=(),
            config=dict(adapter_settings(folder)),
            problems=("No trainer's log lies here: the adapter's step is not known and shown as 1.",),
        )
