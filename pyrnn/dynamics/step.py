"""One step of any network, cast and detached, so that analysis leaves the network alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from pyrnn.linear import Linear, has_hooks

Step = Callable[[Tensor, Tensor], Tensor]


_TINY = 1e-9


class _Product(nn.Linear):
    """A layer of a frozen copy, called without a module's ceremony, which outlasts the product."""

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


class _Cast(TorchFunctionMode):
    """Convert every floating tensor that reaches a torch function to one dtype."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return func(*tree_map(self._cast, args), **tree_map(self._cast, kwargs or {}))

    def _cast(self, value: Any) -> Any:
        is_other = isinstance(value, Tensor) and value.is_floating_point()
        return value.to(self.dtype) if is_other else value


def step_of(rnn: Any) -> Step:
    """Return the step of a network, or the callable itself.

    Args:
        rnn: Anything with a method ``step(h, x)``, or a callable ``step(h, x)``.

    Raises:
        TypeError: If there is nothing to call.

    Example:
        >>> step_of(lambda h, x: torch.tanh(h + x))(torch.zeros(1), torch.zeros(1))
        tensor([0.])
    """
    step = getattr(rnn, "step", rnn)
    if not callable(step):
        raise TypeError(
            f"expected a network with step(h, x) or a function step(h, x), got "
            f"{type(rnn).__name__}; write the map from one state to the next"
        )
    return step


def frozen_step(rnn: Any, h: Tensor, x: Tensor, *, is_checked: bool = False) -> Step:
    """Return the step in the dtype of ``h``, cut off from the caller's network.

    A module is copied, cast, put into evaluation mode and frozen; the constants of a plain
    function are cast as they are used. The caller's network stays as it is.

    Args:
        rnn: A network, its ``step``, or any callable ``step(h, x)``.
        h: States to try the step on, ``(n, hidden_size)``.
        x: Their inputs, ``(n, input_size)``.
        is_checked: Whether the step was tried before, in another dtype.

    Raises:
        TypeError: If there is nothing to call, or it does not return a tensor.
        ValueError: If the step cannot be differentiated, is not batched, is not deterministic,
            returns another shape than it was given, fails, or returns NaN.
    """
    step = _detached(rnn, h.dtype)

    def cast_step(h: Tensor, x: Tensor) -> Tensor:
        with _Cast(h.dtype):
            result = step(h, x)
        return result.to(h.dtype) if isinstance(result, Tensor) else result

    chosen = step if _keeps_dtype(step, h[:2], x[:2]) else cast_step
    if not is_checked:
        _check_step(chosen, h[:2], x[:2])
    return chosen


def _detached(rnn: Any, dtype: torch.dtype) -> Step:
    """Copy the module behind a step, when there is one."""
    step = step_of(rnn)
    owner = rnn if isinstance(rnn, nn.Module) else getattr(step, "__self__", None)
    if not isinstance(owner, nn.Module):
        return step
    copy = _frozen_copy(owner, dtype)
    name = getattr(step, "__name__", "")
    return copy if step is owner else getattr(copy, name or "step")


def _frozen_copy(module: nn.Module, dtype: torch.dtype) -> Any:
    """Copy a module with its parameters and buffers cast; its other attributes are shared.

    What constraints make of a parameter is worked out here, once.
    """
    if isinstance(module, nn.RNNBase):  # keeps its parameters in a list of its own, too
        return deepcopy(module).to(dtype).eval().requires_grad_(False)

    def cast(value: Tensor | None) -> Tensor | None:
        is_real = value is not None and value.is_floating_point()
        return value.detach().to(dtype) if is_real else value  # type: ignore[union-attr]

    copy = module.__new__(type(module))
    copy.__dict__ = dict(module.__dict__) | {"training": False}
    tensors = {name: cast(value) for name, value in module._parameters.items()}
    copy.__dict__["_parameters"] = {
        name: None if value is None else nn.Parameter(value, requires_grad=False)
        for name, value in tensors.items()
    }
    copy.__dict__["_buffers"] = {name: cast(value) for name, value in module._buffers.items()}
    copy.__dict__["_modules"] = {
        name: None if part is None else _frozen_copy(part, dtype)
        for name, part in module._modules.items()
    }
    if parametrize.is_parametrized(copy):
        _settle(copy)
    is_linear = type(copy) in (nn.Linear, Linear) and "forward" not in vars(copy)
    if is_linear and not has_hooks(copy):
        copy.__class__ = _Product
        copy.__dict__.update(copy._parameters)
    return copy


def _settle(module: Any) -> None:
    """Turn what constraints make of parameters into parameters."""
    values = {name: getattr(module, name) for name in module.parametrizations}
    del module._modules["parametrizations"]
    module.__class__ = type(module).__bases__[0]
    for name, value in values.items():
        module._parameters[name] = nn.Parameter(value, requires_grad=False)


def _keeps_dtype(step: Step, h: Tensor, x: Tensor) -> bool:
    try:
        result = step(h, x)
    except (RuntimeError, TypeError, IndexError) as error:
        if "dtype" in str(error) or "scalar type" in str(error):
            return False
        raise ValueError(
            f"expected step(h, x) to take states of shape {tuple(h.shape)} and inputs of shape "
            f"{tuple(x.shape)}, got an error: {error}; check both widths (without x, the input of "
            "a function has one channel), and that the step works on whole batches"
        ) from error
    return not isinstance(result, Tensor) or result.dtype == h.dtype


def _check_step(step: Step, h: Tensor, x: Tensor) -> None:
    """Refuse a step that the analysis would silently get wrong."""
    try:
        with torch.enable_grad():
            result = step(h.detach().requires_grad_(), x)
    except RuntimeError as error:
        if "numpy" not in str(error):
            raise
        raise ValueError(_NOT_DIFFERENTIABLE.format(error)) from error
    if not isinstance(result, Tensor):
        raise TypeError(
            f"expected step(h, x) to return a tensor, got {type(result).__name__}; "
            "return the next state alone (concatenate the states of a cell that has two)"
        )
    if result.shape != h.shape:
        raise ValueError(
            f"expected step(h, x) to return states of shape {tuple(h.shape)}, got "
            f"{tuple(result.shape)}; keep the batch axes and the width of the state"
        )
    if not result.requires_grad:
        raise ValueError(_NOT_DIFFERENTIABLE.format("the result has no gradient"))
    _check_values(step, h, x, result.detach())


def _check_values(step: Step, h: Tensor, x: Tensor, result: Tensor) -> None:
    if not result.isfinite().all():
        raise ValueError(
            "expected step(h, x) to return finite states, got NaN or infinity at a start; "
            "check the weights and the input"
        )
    if not torch.allclose(step(h, x), result, rtol=1e-4, atol=1e-5):
        raise ValueError(
            "expected step(h, x) to return the same states when called twice, got different "
            "ones; keep noise and counters out of the step"
        )
    if not torch.allclose(step(h[:1], x[:1]), result[:1], rtol=1e-4, atol=1e-5):
        raise ValueError(
            "expected step(h, x) to treat each sample of a batch alone, got another result "
            "for a sample by itself; let the step work on the last axis only"
        )


def warn_if_rounded(step: Step, h: Tensor, x: Tensor) -> None:
    """Warn of a step that is given float64 and computes in float32 somewhere inside.

    A tiny move along the gradient then changes the result by nothing, or by far too much.

    Args:
        step: Batched ``step(h, x)``.
        h: States to try the step on, ``(n, hidden_size)``, float64.
        x: Their inputs, ``(n, input_size)``.
    """
    rng = torch.Generator().manual_seed(0)
    nudge, weight = torch.randn(2, *h.shape, generator=rng, dtype=h.dtype).to(h.device)
    h = h + 0.01 * (1 + h.abs()) * nudge  # off any kink
    with torch.enable_grad():
        at = h.requires_grad_()
        value = (weight * step(at, x)).sum(-1)
        (gradient,) = torch.autograd.grad(value.sum(), at)
    slope = gradient.norm(dim=-1, keepdim=True)
    move = _TINY * (1 + h.detach().abs().amax(-1, keepdim=True))
    moved = h.detach() + move * gradient / slope.clamp(min=_TINY)
    change = ((weight * step(moved, x)).sum(-1) - value.detach()) / move[:, 0]
    if bool(((change - slope[:, 0]).abs() > 0.01 * slope[:, 0] + 1e-3).any()):
        warnings.warn(
            "step(h, x) does not change as its derivative says when a state moves by "
            f"{_TINY:g}: it probably rounds to float32 inside, and points will be missed; keep "
            "the dtype of h (no .float(), constants as W.to(h))",
            stacklevel=4,
        )


_NOT_DIFFERENTIABLE = (
    "expected a step(h, x) that torch can differentiate with respect to h, got one that it "
    "cannot ({}); write it with torch operations, without .detach(), .numpy() or no_grad()"
)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run batched linear algebra on one thread: faster for small matrices, and it cannot hang.

    With two threads and more than 150 units, batched ``torch.linalg.solve`` can hang on the CPU.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
