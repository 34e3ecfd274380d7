"""How answers are drawn. Two samplings with the same fields are the same sampling: `key` names them."""

import hashlib
import json
from dataclasses import asdict, dataclass

from beyondloss.errors import InvalidInput

MAX_NEW_TOKENS_LIMIT = 8192
SAMPLES_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Sampling:
    """Greedy when `temperature` is 0; otherwise noise-coupled sampling, `samples` answers per probe.

    `noise_key` seeds the counter generator of the coupled noise; it is fixed per project and ignored by greedy.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    samples: int = 1
    noise_key: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.max_new_tokens <= MAX_NEW_TOKENS_LIMIT:
            raise InvalidInput(
                f"max_new_tokens is {self.max_new_tokens}.", hint=f"Choose between 1 and {MAX_NEW_TOKENS_LIMIT}."
            )
        if not 0.0 <= self.temperature <= 10.0:
            raise InvalidInput(f"temperature is {self.temperature}.", hint="Choose between 0 (greedy) and 10.")
        if not 0.0 < self.top_p <= 1.0:
            raise InvalidInput(f"top_p is {self.top_p}.", hint="Choose above 0 and at most 1.")
        if not 1 <= self.samples <= SAMPLES_LIMIT:
            raise InvalidInput(f"samples is {self.samples}.", hint=f"Choose between 1 and {SAMPLES_LIMIT}.")
        if self.greedy and self.samples > 1:
            raise InvalidInput(
                "Greedy answers are all the same, so more than one sample says nothing.",
                hint="Set a temperature above 0, or samples to 1.",
            )

    @property
    def greedy(self) -> bool:
        return self.temperature == 0.0

    @property
    def key(self) -> str:
        """16 hex digits of SHA-256 over the fields that matter."""
        fields = asdict(self)
        if self.greedy:
            fields |= {"top_p": 1.0, "samples": 1, "noise_key": ""}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]
