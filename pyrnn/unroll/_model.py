"""What the fast engines know of a network and of its tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pyrnn.activations import ACTIVATIONS
from pyrnn.linear import Linear, has_hooks
from pyrnn.unroll.forms import CURRENT, RATE, form_of

if TYPE_CHECKING:
    from pyrnn.unroll.engine import Model

__all__ = [
    "activation_of",
    "are_plain",
    "equation_of",
    "is_plain_layer",
    "is_transformed",
    "reads_in_kernel",
]

_PLAIN = (Tensor, nn.Parameter)
_NAMES = {id(f): name for name, f in ACTIVATIONS.items()}


def equation_of(rnn: Model) -> str:
    """Return the form of a network's step, ``rate`` or ``current``; "" for any other."""
    form = "" if "step" in vars(rnn) else form_of(type(rnn).step)
    return form if form in (RATE, CURRENT) else ""


def activation_of(rnn: Model) -> str:
    """Return the name of a built-in activation; "" for any other."""
    return _NAMES.get(id(rnn.f), "")


def is_plain_layer(layer: nn.Module) -> bool:
    """Return whether a layer multiplies by its weight, adds its bias, and does no more."""
    is_ours = isinstance(layer, Linear) and type(layer).forward is Linear.forward
    return is_ours and not has_hooks(layer)


def reads_in_kernel(rnn: Model) -> bool:
    """Return whether the outputs are those of the equation: w_out times what is transmitted."""
    is_known = form_of(type(rnn).readout) == equation_of(rnn)
    return is_known and "readout" not in vars(rnn) and is_plain_layer(rnn.w_out)


def is_transformed() -> bool:
    """Return whether a transform is active that needs plain torch operations.

    Two names are private: where a version of torch lacks them, the answer is yes, as the eager
    engine is always right.
    """
    has_transforms = getattr(torch._C, "_are_functorch_transforms_active", _yes)
    return (
        has_transforms()
        or getattr(torch.autograd.forward_ad, "_current_level", 0) >= 0
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or getattr(torch._C, "_len_torch_dispatch_stack", _one)() > 0
        or torch.is_autocast_enabled("cpu")
    )


def are_plain(*tensors: Tensor | None) -> bool:
    """Return whether all tensors are plain ones in memory: no subclass, fake, sparse, or meta."""
    return all(
        t is None or (type(t) in _PLAIN and t.layout is torch.strided and not t.is_meta)
        for t in tensors
    )


def _one() -> int:
    return 1


def _yes() -> bool:
    return True
