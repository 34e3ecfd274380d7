"""Answers: what one checkpoint said to one probe under one sampling, with everything that made it so."""

from dataclasses import dataclass, field
from enum import StrEnum


class Finish(StrEnum):
    STOP = "stop"
    """The model ended its turn."""
    LENGTH = "length"
    """The token limit cut it."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an answer came to be: enough to tell a wrong answer under the right label from a right one."""

    engine: str
    base_model: str
    base_fingerprint: str
    weights_fingerprint: str
    """SHA-256 over the checkpoint's own weights; equals `base_fingerprint` for the base."""
    template_hash: str
    prompt_token_ids: tuple[int, ...]
    dtype: str
    device: str
    decoding: str
    """`plain`, or `draft` when an earlier answer was verified (the text is the same either way)."""
    versions: dict[str, str]
    adapter_check: str = ""
    """`on` (logits differ from the base's), `no effect` (they do not), or empty for base and full models."""
    notes: tuple[str, ...] = ()
    stats: dict[str, float] = field(default_factory=dict)
    """Passes, tokens verified and accepted, mean log-probability of the reference: measurements, not identity."""


@dataclass(frozen=True, slots=True)
class GeneratedAnswer:
    """One answer as an engine yields it. `token_ids` holds the new tokens only, the end token left out.

    `margins[t]` is the top-1 minus top-2 logit at token t (fp32), one longer than `token_ids` when `finish` is stop.
    """

    probe_id: int
    sample_index: int
    text: str
    token_ids: tuple[int, ...]
    finish: Finish
    margins: tuple[float, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Signal:
    """Something countable about an answer: a mark, never a verdict. `detail` is the sentence behind it."""

    kind: str
    detail: str = ""
