"""Losses: means over the scored steps, independent of padding and batch size."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.validate import check_tensors

__all__ = [
    "LOSSES",
    "Loss",
    "binary_cross_entropy",
    "cross_entropy",
    "loss_function",
    "masked_mean",
    "mse",
    "poisson",
    "refuse_negative",
]

Loss: TypeAlias = Callable[[Tensor, Tensor, "Tensor | None"], Tensor]


def masked_mean(errors: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the weighted mean :math:`\sum_i m_i e_i / \sum_i m_i`.

    Args:
        errors: ``(..., time)`` or ``(..., time, output_size)``.
        mask: Weights >= 0, ``(..., time)`` or shaped like ``errors``; ones by default. Errors with
            a weight of zero are ignored, even if they are NaN.

    Returns:
        A scalar; zero if nothing is scored.

    Raises:
        TypeError: If these are no tensors.
        ValueError: If the mask has another shape, or if a weight is negative; on a GPU this is not
            checked, as that would wait for the device.

    Example:
        >>> masked_mean(torch.tensor([1.0, 9.0]), torch.tensor([1.0, 0.0])).item()
        1.0
    """
    check_tensors(errors=errors)
    if mask is not None:
        _check_mask(mask, errors.shape, errors.shape[:-1])
    return _mean(errors, mask)


def _mean(errors: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean, of arguments that are checked."""
    if mask is None:
        return errors.mean()
    weights = mask.to(errors.dtype)
    if weights.ndim < errors.ndim:
        weights = weights.unsqueeze(-1).expand_as(errors)
    scored = torch.where(weights > 0, errors, 0)
    return (weights * scored).sum() / weights.sum().clamp(min=torch.finfo(errors.dtype).tiny)


def refuse_negative(mask: Tensor) -> None:
    """Refuse a mask with weights that are negative or not finite; on a GPU it is not checked.

    Args:
        mask: The weights.

    Raises:
        ValueError: If one is negative, NaN or infinite.

    Example:
        >>> refuse_negative(torch.tensor([1.0, -1.0]))
        Traceback (most recent call last):
        ...
        ValueError: expected a mask of weights >= 0, got -1; a weight of 0 leaves a step out
    """
    if mask.device.type != "cpu" or mask.dtype is torch.bool or not mask.numel():
        return
    low, high = (float(bound) for bound in mask.aminmax())  # NaN if one is
    if not 0 <= low <= high < math.inf:
        raise ValueError(
            f"expected a mask of weights >= 0, got {high if low >= 0 else low:g}; a weight of 0 "
            "leaves a step out"
        )


def mse(outputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the mean squared error.

    .. math:: \frac{\sum_{i} m_i (y_i - \hat y_i)^2}{\sum_i m_i}

    Args:
        outputs: ``(..., time, output_size)``.
        targets: Targets of the same shape.
        mask: Weights, ``(..., time)`` or of the shape of the outputs.

    Example:
        >>> mse(torch.ones(2, 3, 1), torch.zeros(2, 3, 1)).item()
        1.0
    """
    targets = _where_scored(outputs, targets, mask)
    if mask is None:
        return functional.mse_loss(outputs, targets)
    return _mean((targets - outputs).square(), mask)


def cross_entropy(outputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the cross-entropy :math:`-\log \mathrm{softmax}(y)_c` of the right class.

    Args:
        outputs: Logits, ``(..., time, n_classes)``.
        targets: Classes, integers ``(..., time)``; or probabilities shaped like the outputs. Where
            nothing is scored they may be anything, NaN or an unknown class.
        mask: Weights, ``(..., time)``.

    Raises:
        TypeError: If these are no tensors of real numbers.
        ValueError: If the shapes do not fit together.

    Example:
        >>> cross_entropy(torch.zeros(1, 4, 2), torch.zeros(1, 4, dtype=torch.long)).item()
        0.693...
    """
    check_tensors(outputs=outputs, targets=targets)
    are_classes = targets.ndim < outputs.ndim
    if targets.shape != (outputs.shape[:-1] if are_classes else outputs.shape):
        raise ValueError(
            f"expected classes {tuple(outputs.shape[:-1])} or probabilities "
            f"{tuple(outputs.shape)}, got shape {tuple(targets.shape)}"
        )
    if mask is not None:
        _check_mask(mask, outputs.shape[:-1])
        scored = mask > 0 if are_classes else (mask > 0).unsqueeze(-1)
        targets = torch.where(scored, targets, 0)
    if not are_classes:
        return _mean(-(targets * outputs.log_softmax(-1)).sum(-1), mask)
    flat = functional.cross_entropy(
        outputs.flatten(0, -2), targets.flatten().long(), reduction="none"
    )
    return _mean(flat.view(targets.shape), mask)


def binary_cross_entropy(outputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the cross-entropy of independent bits, of logits :math:`y`.

    .. math:: -\hat y \log\sigma(y) - (1-\hat y)\log(1-\sigma(y))

    Args:
        outputs: Logits, ``(..., time, output_size)``.
        targets: Numbers in [0, 1] of the same shape.
        mask: Weights, ``(..., time)`` or of the shape of the outputs.

    Example:
        >>> binary_cross_entropy(torch.zeros(1, 4, 2), torch.ones(1, 4, 2)).item()
        0.693...
    """
    targets = _where_scored(outputs, targets, mask)
    errors = functional.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return _mean(errors, mask)


def poisson(outputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the negative log likelihood of counts, of logarithms :math:`y` of their means.

    .. math:: e^y - \hat y\, y

    The term :math:`\ln \hat y!`, which does not depend on the outputs, is left out.

    Args:
        outputs: Logarithms of the expected counts, ``(..., time, output_size)``.
        targets: Counts of the same shape, such as spikes in a step.
        mask: Weights, ``(..., time)`` or of the shape of the outputs.

    Example:
        >>> poisson(torch.zeros(1, 4, 2), torch.ones(1, 4, 2)).item()
        1.0
    """
    targets = _where_scored(outputs, targets, mask)
    errors = functional.poisson_nll_loss(outputs, targets, log_input=True, reduction="none")
    return _mean(errors, mask)


LOSSES: dict[str, Loss] = {
    "mse": mse,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "poisson": poisson,
}


def loss_function(loss: str | Loss) -> Loss:
    """Return the loss of a name, or the function itself.

    Args:
        loss: One of ``LOSSES``, or a function of outputs, targets and mask.

    Raises:
        TypeError: If it is neither a name nor a function.
        ValueError: If the name is unknown.

    Example:
        >>> loss_function("mse") is mse
        True
    """
    if callable(loss):
        return loss
    if not isinstance(loss, str):
        raise TypeError(f"expected a loss's name or loss(outputs, targets, mask), got {loss!r}")
    if loss not in LOSSES:
        raise ValueError(f"expected a loss among {', '.join(LOSSES)}, or a callable, got {loss!r}")
    return LOSSES[loss]


def _check_mask(mask: Tensor, *shapes: torch.Size) -> None:
    check_tensors(mask=mask)
    if mask.shape not in shapes:
        wanted = " or ".join(str(tuple(shape)) for shape in shapes)
        raise ValueError(f"expected a mask of shape {wanted}, got {tuple(mask.shape)}")
    refuse_negative(mask)


def _where_scored(outputs: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
    # targets that are not scored are replaced, so that a NaN there does not reach the gradient
    check_tensors(outputs=outputs, targets=targets)
    if targets.shape != outputs.shape:
        raise ValueError(
            f"expected targets of the shape of the outputs, {tuple(outputs.shape)}, got "
            f"{tuple(targets.shape)}; for integer classes train with loss='cross_entropy'"
        )
    if mask is None:
        return targets
    _check_mask(mask, outputs.shape, outputs.shape[:-1])
    scored = mask > 0 if mask.ndim == outputs.ndim else (mask > 0).unsqueeze(-1)
    return torch.where(scored, targets, outputs.detach())
