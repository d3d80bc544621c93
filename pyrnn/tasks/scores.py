"""Scores of outputs: functions of ``(outputs, targets, mask)`` that return a number.

An output that does not decide counts as a guess: a zero where a sign is asked counts half, and a
class that shares the largest output with others counts as one of them at random. An untrained
network whose outputs are all zero is hence at chance.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.validate import check_tensors

__all__ = [
    "angle_between",
    "angle_error",
    "choice_accuracy",
    "class_accuracy",
    "last_class_accuracy",
    "last_scored",
    "last_value_accuracy",
    "r_squared",
    "sign_accuracy",
]


def _check(outputs: Tensor, targets: Tensor, mask: Tensor, *, are_classes: bool = False) -> None:
    check_tensors(outputs=outputs, targets=targets, mask=mask)
    wanted = mask.shape if are_classes else outputs.shape
    if outputs.ndim == 0 or outputs.shape[:-1] != mask.shape or targets.shape != wanted:
        shape = tuple(mask.shape) if are_classes else (*mask.shape, "output_size")
        raise ValueError(
            f"expected outputs {(*mask.shape, 'output_size')} and targets {shape} for the mask, "
            f"got {tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    if not (mask >= 0).all():
        raise ValueError("expected a mask of weights >= 0, got negative ones or NaN")
    if not (mask > 0).any():
        raise ValueError("expected a mask that scores some steps, got one without")


def _average(values: Tensor, mask: Tensor) -> Tensor:
    """Return the average over trials and steps, ``(..., time)``, weighted by the mask."""
    weights = mask.double()
    return (values.double() * weights).sum() / weights.sum()


def sign_accuracy(outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
    """Return the share of outputs at scored steps with the sign of their target.

    An output of zero counts half.

    Example:
        >>> outputs, targets = torch.tensor([[0.9, -0.8]]), torch.tensor([[1.0, 1.0]])
        >>> sign_accuracy(outputs, targets, torch.ones(1))
        0.5
    """
    _check(outputs, targets, mask)
    return float(_average(_same_sign(outputs, targets).mean(-1), mask))


def class_accuracy(outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
    """Return the share of scored steps at which the largest output is the right class.

    Where ``k`` classes share the largest output, each of them counts as chosen with 1 / ``k``.

    Example:
        >>> outputs = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
        >>> class_accuracy(outputs, torch.tensor([0, 1]), torch.ones(2))
        0.5
    """
    _check(outputs, targets, mask, are_classes=True)
    return float(_average(_is_chosen(outputs, targets), mask))


def r_squared(outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
    r"""Return the share of the targets' variance that the outputs explain.

    .. math:: R^2 = 1 - \sum w (y - \hat y)^2 \big/ \sum w (y - \bar y)^2

    Sums run over trials, steps and channels, with the mask as weights :math:`w`. The mean is that
    of each channel.

    Example:
        >>> outputs, targets = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [4.0]])
        >>> r_squared(outputs, targets, torch.ones(2))
        0.5
    """
    _check(outputs, targets, mask)
    weights, steps = mask.unsqueeze(-1).double(), tuple(range(mask.ndim))
    mean = (weights * targets).sum(steps) / weights.sum()
    residual = (weights * (outputs - targets).square()).sum()
    variance = (weights * (targets - mean).square()).sum()
    if variance == 0:
        return 1.0 if residual == 0 else -torch.inf
    return float(1 - residual / variance)


def angle_error(outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
    """Return the mean absolute angle between outputs and targets, in degrees.

    The two channels are cosine and sine, up to a common factor.

    Example:
        >>> up, right = torch.tensor([[0.0, 3.0]]), torch.tensor([[1.0, 0.0]])
        >>> round(angle_error(up, right, torch.ones(1)))
        90
    """
    _check(outputs, targets, mask)
    return float(_average(angle_between(outputs, targets).abs(), mask).rad2deg())


def angle_between(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the angle from targets to outputs, in radians between -pi and pi.

    Args:
        outputs: Cosine and sine, up to a common factor, ``(..., 2)``.
        targets: The same, ``(..., 2)``.

    Returns:
        The angles, ``(...)``.

    Raises:
        TypeError: If these are no tensors of real numbers.
        ValueError: If they do not have two channels, or the shapes do not fit.

    Example:
        >>> angle_between(torch.tensor([0.0, 3.0]), torch.tensor([1.0, 0.0]))
        tensor(1.5708)
    """
    check_tensors(outputs=outputs, targets=targets)
    if not outputs.shape[-1:] == targets.shape[-1:] == (2,):
        raise ValueError(
            f"expected outputs and targets of two channels, cosine and sine, got shapes "
            f"{tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    try:
        difference = _angle(outputs) - _angle(targets)
    except RuntimeError:
        raise ValueError(
            f"expected outputs and targets of the same shape, got {tuple(outputs.shape)} and "
            f"{tuple(targets.shape)}"
        ) from None
    return torch.atan2(difference.sin(), difference.cos())


def _angle(cos_sin: Tensor) -> Tensor:
    return torch.atan2(cos_sin[..., 1], cos_sin[..., 0])


def last_scored(values: Tensor, mask: Tensor) -> Tensor:
    """Return the values of each trial at its last scored step.

    Args:
        values: ``(..., time, channels)``.
        mask: ``(..., time)``.

    Returns:
        ``(..., channels)``.

    Raises:
        TypeError: If these are no tensors of real numbers.
        ValueError: If the shapes do not fit together.

    Example:
        >>> last_scored(torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([0.0, 1.0, 0.0]))
        tensor([2.])
    """
    check_tensors(values=values, mask=mask)
    if values.ndim < 2 or values.shape[:-1] != mask.shape:
        raise ValueError(
            f"expected values {(*mask.shape, 'channels')} like the mask, got shape "
            f"{tuple(values.shape)}"
        )
    step = torch.arange(mask.shape[-1], device=mask.device)
    last = ((mask > 0) * step).argmax(-1)
    index = last[..., None, None].expand(*last.shape, 1, values.shape[-1])
    return values.gather(-2, index).squeeze(-2)


def choice_accuracy(outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
    """Return the share of trials whose average output has the right sign.

    The average is over the scored steps, weighted by the mask. An average of zero counts half.

    Example:
        >>> outputs = torch.tensor([[[0.0], [0.4], [0.9]]])
        >>> choice_accuracy(outputs, torch.ones(1, 3, 1), torch.tensor([[0.0, 1.0, 1.0]]))
        1.0
    """
    _check(outputs, targets, mask)
    answer, truth = (
        (values * mask.unsqueeze(-1)).sum(-2) for values in (outputs, targets.to(outputs))
    )
    return float(_same_sign(answer, truth).mean())


def last_value_accuracy(outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
    """Return the share of trials that end with every output within 0.5 of its target.

    A trial ends at its last scored step. Where targets are whole numbers, the outputs of these
    trials round to the right numbers.

    Example:
        >>> outputs, targets = torch.tensor([[[9.0], [2.4]]]), torch.tensor([[[1.0], [2.0]]])
        >>> last_value_accuracy(outputs, targets, torch.ones(1, 2))
        1.0
    """
    _check(outputs, targets, mask)
    error = last_scored(outputs - targets, mask)
    return float((error.abs() < 0.5).all(-1).double().mean())


def last_class_accuracy(outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
    """Return the share of trials that end with the right class, at their last scored step.

    Where ``k`` classes share the largest output, each of them counts as chosen with 1 / ``k``.

    Example:
        >>> outputs = torch.tensor([[[0.0, 1.0], [0.9, 0.2]]])
        >>> last_class_accuracy(outputs, torch.tensor([[1, 0]]), torch.ones(1, 2))
        1.0
    """
    _check(outputs, targets, mask, are_classes=True)
    truth = last_scored(targets.unsqueeze(-1), mask).squeeze(-1)
    return float(_is_chosen(last_scored(outputs, mask), truth).mean())


def _same_sign(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return 1 where the signs agree, 0 where they differ and 1/2 where an output is zero."""
    agree = outputs.sign() * targets.sign() > 0
    return torch.where(outputs == 0, 0.5, agree.double())


def _is_chosen(outputs: Tensor, classes: Tensor) -> Tensor:
    """Return 1 where the largest output is the class, and 1 / ``k`` where ``k`` share it."""
    is_largest = outputs == outputs.amax(-1, keepdim=True)
    is_class = classes.unsqueeze(-1) == torch.arange(outputs.shape[-1], device=outputs.device)
    hit = (is_largest & is_class).any(-1)
    return hit.double() / is_largest.sum(-1).clamp(min=1)
