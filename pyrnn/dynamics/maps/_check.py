"""What a step must be so that an analysis of it is right: one try tells."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["check_step", "check_values", "warn_if_rounded"]

_N_ROWS = 4
_TINY = 1e-9
_KINKED = (
    *("relu", "relu_", "abs", "abs_", "clamp", "clamp_", "clamp_min", "clamp_max", "hardtanh"),
    *("hardtanh_", "leaky_relu", "leaky_relu_", "threshold", "threshold_", "maximum", "minimum"),
    *("max", "min", "amax", "amin", "sign", "sgn", "where", "hardsigmoid", "hardswish", "floor"),
    *("ceil", "round", "trunc", "remainder", "fmod", "prelu", "relu6", "softshrink", "hardshrink"),
)

Step = Callable[[Tensor, Tensor], Tensor]


class _Recording(TorchDispatchMode):
    """Note what kinds of operations a step consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.is_random = False
        self.is_smooth = True

    def __torch_dispatch__(  # type: ignore[explicit-any]
        self,
        func: torch._ops.OpOverload[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        self.is_random |= torch.Tag.nondeterministic_seeded in func.tags
        self.is_smooth &= func.overloadpacket.__name__ not in _KINKED
        return func(*args, **(kwargs or {}))


def check_step(step: Step, h: Tensor, x: Tensor) -> bool:
    """Refuse a step that an analysis would silently get wrong.

    Args:
        step: Function of states and inputs.
        h: States to try it on, ``(n, state_size)``.
        x: Their inputs, ``(n, input_size)``.

    Returns:
        Whether the step is smooth: made of no operation with a kink.

    Raises:
        TypeError: If the step does not return a tensor.
        ValueError: If it is not differentiable, not batched, random, returns another shape than
            the states have, fails, or returns NaN.

    Example:
        >>> check_step(lambda h, x: torch.relu(h), torch.ones(1, 2), torch.zeros(1, 1))
        False
        >>> drop = torch.nn.Dropout(1e-4)
        >>> check_step(lambda h, x: drop(h), torch.ones(1, 2), torch.zeros(1, 1))
        Traceback (most recent call last):
        ...
        ValueError: expected step(h, x) without randomness, got one that draws random numbers; ...
    """
    h, x = _several(h, x)
    at, recording = h.clone().requires_grad_(), _Recording()
    with torch.enable_grad(), recording:
        result = _tried(step, at, x)
    _check_result(result, h)
    if recording.is_random:
        raise ValueError(
            "expected step(h, x) without randomness, got one that draws random numbers; keep "
            "noise out of the step, and put dropout into evaluation mode with module.eval()"
        )
    _check_rows(step, at, x, result)
    return recording.is_smooth


def _several(h: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return a few states that differ from each other, near those given."""
    rows = torch.arange(_N_ROWS, device=h.device) % len(h)
    rng = torch.Generator().manual_seed(0)
    nudge = torch.randn(_N_ROWS, h.shape[-1], generator=rng, dtype=torch.float64).to(h)
    is_first = torch.arange(_N_ROWS, device=h.device)[:, None] == 0
    return h[rows] + torch.where(is_first, 0.0, 0.1 * _scale(h)) * nudge, x[rows]


def _tried(step: Step, h: Tensor, x: Tensor) -> Tensor:
    try:
        return step(h, x)
    except (RuntimeError, TypeError, IndexError, ValueError, AttributeError) as error:
        if "numpy" in str(error) or "requires grad" in str(error):
            raise ValueError(_NOT_DIFFERENTIABLE.format(error)) from error
        raise ValueError(
            f"expected step(h, x) to take states of shape {tuple(h.shape)} and inputs of shape "
            f"{tuple(x.shape)}, got an error: {error}; check both widths (without x, the input of "
            "a function has one channel), and that the step works on whole batches"
        ) from error


def _check_result(result: object, h: Tensor) -> None:
    if not isinstance(result, Tensor):
        raise TypeError(
            f"expected step(h, x) to return a tensor, got {type(result).__name__}; return the "
            "next state alone, or pass several states as a tuple and return the same tuple"
        )
    if result.shape != h.shape:
        raise ValueError(
            f"expected step(h, x) to return states of shape {tuple(h.shape)}, got "
            f"{tuple(result.shape)}; keep the batch axes and the width of the state"
        )
    if not result.requires_grad:
        raise ValueError(_NOT_DIFFERENTIABLE.format("the result has no gradient"))
    check_values(result.detach())


def check_values(result: Tensor) -> None:
    """Refuse a step that leads to NaN or infinity.

    Args:
        result: States that it returned.

    Raises:
        ValueError: If one of them is not finite.

    Example:
        >>> check_values(torch.zeros(3, 2))
    """
    if not result.isfinite().all():
        raise ValueError(
            "expected step(h, x) to return finite states, got NaN or infinity at a start; check "
            "the weights and the input"
        )


def _check_rows(step: Step, h: Tensor, x: Tensor, result: Tensor) -> None:
    """Refuse rows that depend on each other, or on how often the step was called."""
    with torch.enable_grad():
        first = result[0].sum()
    try:
        (rows,) = torch.autograd.grad(first, h, allow_unused=True)
    except RuntimeError as error:
        raise ValueError(_NOT_DIFFERENTIABLE.format(error)) from error
    result, h = result.detach(), h.detach()
    if not torch.allclose(step(h, x), result, rtol=1e-6, atol=0):
        raise ValueError(
            "expected step(h, x) to return the same states when called twice, got different ones; "
            "keep noise and counters out of the step"
        )
    is_coupled = rows is not None and bool(rows[1:].any())
    try:
        alone = step(h[:1], x[:1])
        is_coupled |= not torch.allclose(alone, result[:1], rtol=1e-4, atol=1e-5 * _scale(result))
    except (RuntimeError, ValueError):
        is_coupled = True
    if is_coupled:
        raise ValueError(
            "expected step(h, x) to treat each sample of a batch alone, got one whose result for "
            "a sample depends on the others; let it work on the last axis only, and put batch "
            "normalization into evaluation mode with module.eval()"
        )


def _scale(values: Tensor) -> float:
    """Return the size of the largest number, 1 if all are zero."""
    return float(values.abs().max()) or 1.0


def warn_if_rounded(step: Step, h: Tensor, x: Tensor) -> None:
    """Warn of a step that is given float64 and computes in float32 somewhere inside.

    A tiny move along the gradient then changes the result by nothing, or by far too much.

    Args:
        step: Function of states and inputs.
        h: States to try it on, ``(n, state_size)``, float64.
        x: Their inputs, ``(n, input_size)``.

    Example:
        >>> warn_if_rounded(lambda h, x: torch.tanh(h), torch.zeros(1, 2).double(), None)
    """
    rng = torch.Generator().manual_seed(0)
    nudge, weight = torch.randn(2, *h.shape, generator=rng, dtype=h.dtype).to(h.device)
    scale = _scale(h)
    h = h + 0.01 * scale * nudge  # away from any kink
    with torch.enable_grad():
        at = h.requires_grad_()
        value = (weight * step(at, x)).sum(-1)
        (gradient,) = torch.autograd.grad(value.sum(), at)
    slope = gradient.norm(dim=-1, keepdim=True)
    move = _TINY * scale
    moved = h.detach() + move * gradient / slope.clamp(min=torch.finfo(h.dtype).tiny)
    change = ((weight * step(moved, x)).sum(-1) - value.detach()) / move
    limit = 0.01 * slope[:, 0] + 1e-3 * _scale(value.detach()) / scale
    if bool(((change - slope[:, 0]).abs() > limit).any()):
        warnings.warn(
            "step(h, x) does not change as its derivative says when a state moves by "
            f"{_TINY:g} of its size: it probably rounds to float32 inside, and points will be "
            "missed; keep the dtype of h (no .float(), constants as W.to(h))",
            stacklevel=_depth_of_caller(),
        )


def _depth_of_caller() -> int:
    """Return how far above the caller of this function the first frame outside of pyrnn is."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("pyrnn."):
        frame, depth = frame.f_back, depth + 1
    return depth


_NOT_DIFFERENTIABLE = (
    "expected a step(h, x) that torch can differentiate with respect to h, got one that it cannot "
    "({}); write it with torch operations, without .detach(), .numpy() or no_grad()"
)
