"""Parts of an optimizer step: the loss with all penalties, and the clipping of its gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pyrnn.training._flat import Flat
from pyrnn.training._named import Penalty
from pyrnn.training.data import Batch, check_finite
from pyrnn.training.losses import Loss
from pyrnn.training.network import Rolled
from pyrnn.training.penalties import StatePenalty

__all__ = ["clip_gradient", "total_loss"]


def total_loss(
    rnn: nn.Module, rollout: Rolled, batch: Batch, loss: Loss, penalties: Mapping[str, Penalty]
) -> dict[str, Tensor]:
    """Return the terms of the loss by name; ``loss`` is their sum and has a gradient.

    Args:
        rnn: The network.
        rollout: Outputs and states of the network.
        batch: Trials.
        loss: Function of outputs, targets and mask.
        penalties: Functions of network and rollout by name.

    Raises:
        TypeError: If a term is no tensor with one number, or the loss has no gradient.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.training import L2, mse
        >>> rnn, inputs = RNN(3, 8, 2), torch.zeros(4, 10, 3)
        >>> batch = Batch(inputs, torch.ones(4, 10, 2))
        >>> terms = total_loss(rnn, rnn(inputs), batch, mse, {"l2": L2(1.0, ["w_out"])})
        >>> {name: term.item() for name, term in terms.items()}
        {'task': 1.0, 'l2': 0.0, 'loss': 1.0}
    """
    terms: dict[str, Tensor] = {}
    total = _scalar("loss", loss(rollout.outputs, batch.targets, batch.mask))
    if penalties:
        terms["task"] = total.detach()
        for name, penalty in penalties.items():
            is_of_states = isinstance(penalty, StatePenalty)
            arguments = (rnn, rollout, batch.mask) if is_of_states else (rnn, rollout)
            term = _scalar(name, penalty(*arguments))
            terms[name] = term.detach()
            total = total + term
    if not total.requires_grad:
        raise TypeError(
            "expected a loss that depends on what the network learns, got one without a gradient; "
            "make it of outputs or states, without .detach(), .item() or numpy"
        )
    terms["loss"] = total
    return terms


def clip_gradient(
    flats: Sequence[Flat], batch: Batch, largest_norm: float | None, largest_value: float | None
) -> dict[str, Tensor]:
    """Clip the gradient in place. A norm that is not finite is refused.

    Args:
        flats: Parameters with their gradients.
        batch: Trials that the gradient comes from.
        largest_norm: Largest norm; None does not limit it, and does not measure it.
        largest_value: Largest component; None does not limit it.

    Returns:
        The norm before clipping, as ``gradient_norm``, if it was measured.

    Example:
        >>> flat = Flat([nn.Parameter(torch.zeros(2))])
        >>> flat.gradient += torch.tensor([3.0, 4.0])
        >>> batch = Batch(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))
        >>> clip_gradient([flat], batch, 0.5, None)["gradient_norm"].item()
        5.0
        >>> round(flat.gradient.norm().item(), 5)
        0.5
    """
    gradients, found = [flat.gradient for flat in flats], {}
    if largest_norm is not None:
        norm = found["gradient_norm"] = _norm(gradients)
        if norm.device.type == "cpu":
            value = norm.item()
            check_finite(batch, value, "gradient")
            scale: float | Tensor = min(1.0, largest_norm / (value + 1e-6))
        else:  # reading the number would wait for the device
            scale = (largest_norm / (norm + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(scale)
    if largest_value is not None:
        for gradient in gradients:
            gradient.clamp_(-largest_value, largest_value)
    return found


def _scalar(name: str, value: object) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{value!r}"
        raise TypeError(f"expected {name} to return a tensor with one number, got {got}")
    return value


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the norm of all numbers together."""
    norms = [torch.linalg.vector_norm(tensor) for tensor in tensors]
    return norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms))
