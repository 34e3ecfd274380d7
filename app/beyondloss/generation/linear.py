"""The linear layers answers are computed with: they wear LoRA as it is, and multiply with the fastest exact kernel.

They take the place of the model's own layers and share its weights, which never change. Three things are gained. An
adapter is put on by giving each layer its two small matrices. In float32 on a CPU the weights are packed for oneDNN,
whose product of few rows takes about 0.6 of the time of torch's general one; an adapter is added into the packed copy,
made anew from the base each time, since two more products in each of 200 layers cost a third of a pass there. And the
head of a 16-bit model gives float32 logits, so that ties are the model's and not the head's.
"""

import torch
from torch import Tensor, nn

from beyondloss.generation.foreign import LanguageModel

_EXPECTED_ROWS = 16
"""The number of rows the packing is made for; any number works."""
_HEAD_BYTES = 2 << 30
"""Up to here a float32 copy of a 16-bit head is kept; a larger head is widened anew in every pass."""


class WearingLinear(nn.Linear):
    """A linear layer that may wear LoRA: y = x·Wᵀ + b + (x·Aᵀ)·(s·B)ᵀ."""

    def __init__(self, own: nn.Linear, *, pack: bool, head: bool) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = own.in_features, own.out_features
        self.weight, self.bias = own.weight, own.bias
        self.own = [own]
        """In a list, so that it is no submodule: its parameters are this one's."""
        self._packs = pack
        self._packed: Tensor | None = None
        """The weights that are in force, the adapter's among them; None until they are needed."""
        self._wide: Tensor | None = None
        self._widens = head and own.weight.dtype in {torch.float16, torch.bfloat16}
        self._down: Tensor | None = None
        self._up: Tensor | None = None
        if self._widens and own.weight.numel() * 4 <= _HEAD_BYTES:
            self._wide = own.weight.detach().float()

    def wear(self, down: Tensor, up: Tensor, scale: float) -> None:
        """`down` (r, in) and `up` (out, r) are LoRA's A and B. They stay float32 beside 16-bit weights too."""
        device = self.weight.device
        down, up = down.to(device, torch.float32), up.to(device, torch.float32) * scale
        if self._packs:
            with torch.inference_mode():
                self._packed = _packed(torch.addmm(self.weight, up, down))
        else:
            self._down, self._up = down.t().contiguous(), up.t().contiguous()

    def take_off(self) -> None:
        self._down = self._up = self._packed = None

    def forward(self, states: Tensor) -> Tensor:
        product = self._product(states)
        if self._down is None or self._up is None:
            return product
        return (product + states.to(torch.float32) @ self._down @ self._up).to(product.dtype)

    def _product(self, states: Tensor) -> Tensor:
        if self._packs:
            if self._packed is None:
                self._packed = _packed(self.weight.detach())
            product: Tensor = torch.ops.mkldnn._linear_pointwise(states, self._packed, self.bias, "none", [], "")
            return product
        if self._widens:
            weight = self._wide if self._wide is not None else self.weight.float()
            return nn.functional.linear(states.float(), weight, self.bias.float() if self.bias is not None else None)
        return nn.functional.linear(states, self.weight, self.bias)


def _packed(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, _EXPECTED_ROWS)
    return packed


def dress(model: LanguageModel, *, free_bytes: int) -> None:
    """Replace the model's plain linear layers. Quantised and other special layers keep their own arithmetic."""
    head = model.get_output_embeddings()
    plain = [(name, module) for name, module in model.named_modules() if type(module) is nn.Linear]
    weight_bytes = sum(module.weight.numel() * 4 for _, module in plain)
    pack = _can_pack(model) and weight_bytes < free_bytes // 2
    for name, module in plain:
        model.set_submodule(name, WearingLinear(module, pack=pack, head=module is head))


def undress(model: LanguageModel) -> None:
    for name, module in list(model.named_modules()):
        if isinstance(module, WearingLinear):
            model.set_submodule(name, module.own[0])


def _can_pack(model: LanguageModel) -> bool:
    """Float32 on a CPU whose torch has the product."""
    return (
        model.device.type == "cpu"
        and model.dtype is torch.float32
        and bool(torch._C._has_mkldnn)
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )
