"""The noise behind sampled answers: Gumbel noise for the whole vocabulary, by counting instead of by drawing.

A value depends on its key alone (noise key of the project, probe, sample, position, token), never on batch, draft,
order or device. So a sampled answer can be made again, and two checkpoints' samples differ only where the models do.

The generator is SplitMix64 (Steele, Lea and Flood 2014; Stafford's mix 13): output i of the stream with seed s is
mix(s + (i + 1)·γ). Seeds come from BLAKE2b.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from beyondloss.domain.probes import Message

_GAMMA = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def answer_key(noise_key: str, messages: Sequence[Message], sample_index: int) -> bytes:
    """The key of one answer's noise. A probe is known by what it asks, so that noise outlives database ids."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (noise_key, str(sample_index), *(text for m in messages for text in (m.role.value, m.content))):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.digest()


def position_seed(key: bytes, position: int) -> int:
    """A signed 64-bit seed for one token position of one answer."""
    digest = hashlib.blake2b(position.to_bytes(8, "little"), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "little", signed=True)


def gumbel(seeds: Sequence[int], vocabulary: int, device: torch.device) -> Tensor:
    """(len(seeds), vocabulary) float32 standard Gumbel noise, −log(−log u) with u of 53 bits."""
    counters = torch.arange(1, vocabulary + 1, dtype=torch.int64, device=device).mul_(_GAMMA)
    bits = torch.tensor(seeds, dtype=torch.int64, device=device)[:, None] + counters
    bits = (bits ^ _shifted(bits, 30)).mul_(_MIX_1)
    bits = (bits ^ _shifted(bits, 27)).mul_(_MIX_2)
    bits = bits ^ _shifted(bits, 31)
    # MPS has no float64; 24 bits of float32 would cut the tail.
    where = bits.device if bits.device.type != "mps" else torch.device("cpu")
    uniform = _shifted(bits, 11).to(where).double().add_(0.5).mul_(2.0**-53)
    return uniform.log_().neg_().log_().neg_().float().to(device)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Logical right shift; torch's own keeps the sign."""
    return (bits >> by) & ((1 << (64 - by)) - 1)
