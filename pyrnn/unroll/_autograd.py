"""Backpropagation through time as one autograd function, for any engine."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Backend", "Equation", "Tensors", "drive", "replay", "solve", "solve_and_adjoint"]


class Equation(NamedTuple):
    """An equation: its form and its activation function.

    Attributes:
        form: ``rate`` or ``current``.
        activation: Name of the elementwise activation function.
        f: The function itself.

    Example:
        >>> Equation("rate", "tanh", torch.tanh).form
        'rate'
    """

    form: str
    activation: str
    f: Callable[[Tensor], Tensor]


class Tensors(NamedTuple):
    """The tensors of a network and of its input sequences, all of one dtype.

    Attributes:
        inputs: ``(trials, time, input_size)``.
        h0: Initial states, ``(trials, hidden_size)``.
        w_rec: ``(hidden_size, hidden_size)``.
        w_in: ``(hidden_size, input_size)``.
        w_out: ``(output_size, hidden_size)``; no rows if outputs are not needed.
        alpha: Euler steps, ``(hidden_size,)``.
        bias: ``(hidden_size,)`` or None.
        bias_out: ``(output_size,)`` or None.
        noise: Added to the input current, ``(trials, time, hidden_size)``, or None.

    Example:
        >>> one = torch.ones(1, 1)  # one unit, one trial of three steps
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> tensors.inputs.shape, tensors.bias
        (torch.Size([1, 3, 1]), None)
    """

    inputs: Tensor
    h0: Tensor
    w_rec: Tensor
    w_in: Tensor
    w_out: Tensor
    alpha: Tensor
    bias: Tensor | None = None
    bias_out: Tensor | None = None
    noise: Tensor | None = None


class Backend(Protocol):
    """Functions that compute the solution of an equation and its adjoint.

    Example:
        >>> from pyrnn.unroll import bptt
        >>> one = torch.ones(1, 1)
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> equation = Equation("rate", "identity", lambda x: x)
        >>> states, outputs, kept = bptt.solve(equation, tensors, keep=True)
        >>> states.flatten().tolist()
        [0.5, 0.25, 0.125]
        >>> bptt.adjoint(equation, tensors, states, kept, None, outputs, False)["h0"].item()
        0.328125
    """

    def solve(
        self, equation: Equation, tensors: Tensors, keep: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return states, outputs and, if ``keep``, a tensor that ``adjoint`` needs, or None."""

    def adjoint(
        self,
        equation: Equation,
        tensors: Tensors,
        states: Tensor,
        kept: Tensor | None,
        grad_states: Tensor | None,
        grad_outputs: Tensor | None,
        through_drive: bool,
    ) -> dict[str, Tensor | None]:
        """Return gradients by name; those of inputs and noise only if ``through_drive``."""


def solve(backend: Backend, equation: Equation, tensors: Tensors) -> tuple[Tensor, Tensor]:
    r"""Return states ``(trials, time, hidden_size)`` and outputs ``(trials, time, output_size)``.

    With the input current :math:`d_t = W_{in} x_t + b + \xi_t`, and elementwise products,

    .. math::
        \text{rate:} \quad & h_t = (1-\alpha) h_{t-1} + \alpha f(W_{rec} h_{t-1} + d_t),
            & y_t = W_{out} h_t + c \\
        \text{current:} \quad & h_t = (1-\alpha) h_{t-1} + \alpha (W_{rec} f(h_{t-1}) + d_t),
            & y_t = W_{out} f(h_t) + c

    Args:
        backend: Module that computes it, ``fused`` or ``bptt``.
        equation: Form and activation.
        tensors: The tensors; gradients flow into all of them.

    Example:
        >>> from pyrnn.unroll import bptt
        >>> one = torch.ones(1, 1)
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> solve(bptt, Equation("rate", "identity", lambda x: x), tensors)[0].flatten().tolist()
        [0.5, 0.25, 0.125]
    """
    tensors = _contiguous(tensors)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors):
        return _Solve.apply(backend, equation, *tensors)
    return backend.solve(equation, tensors, keep=False)[:2]


def solve_and_adjoint(
    backend: Backend, equation: Equation, tensors: Tensors
) -> tuple[Tensor, Tensor, Callable[[], None]]:
    """Return states and outputs without a graph, and a function that continues their gradient.

    Args:
        backend: Module that computes it, ``fused`` or ``bptt``.
        equation: Form and activation.
        tensors: The tensors.

    Returns:
        States, outputs, and the function to call after ``loss.backward()``: it adds gradients to
        all tensors that need one.

    Example:
        >>> from pyrnn.unroll import bptt
        >>> one, weight = torch.ones(1, 1), torch.tensor([[0.5]], requires_grad=True)
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, weight, one, one, one[0])
        >>> equation = Equation("rate", "identity", lambda x: x)
        >>> states, outputs, adjoint = solve_and_adjoint(bptt, equation, tensors)
        >>> outputs[:, -1].sum().backward()  # (1/2)³
        >>> adjoint()
        >>> weight.grad.item()
        0.75
    """
    tensors = _contiguous(tensors)
    with torch.no_grad():
        states, outputs, kept = backend.solve(equation, tensors, keep=True)
    states.requires_grad_()
    outputs.requires_grad_()

    def adjoint() -> None:
        given = states.grad, outputs.grad
        if all(gradient is None for gradient in given):
            return
        fields = zip(Tensors._fields, tensors, strict=True)
        wanted = {name: t for name, t in fields if t is not None and t.requires_grad}
        through_drive = "inputs" in wanted or "noise" in wanted
        with torch.no_grad():
            found = backend.adjoint(equation, tensors, states, kept, *given, through_drive)
        _take_back([(tensor, found[name]) for name, tensor in wanted.items()])

    return states, outputs.clone(), adjoint  # a clone, as a loss may work in place


# Private names of torch. Where a version lacks one, autograd takes the gradient further.
_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
_hooks_of = attrgetter(*_HOOKS) if all(hasattr(Tensor, name) for name in _HOOKS) else None


def _take_back(pairs: list[tuple[Tensor, Tensor | None]]) -> None:
    # as torch.autograd.backward does, but directly for parameters without hooks
    further: list[tuple[Tensor, Tensor | None]] = []
    for tensor, gradient in pairs:
        if not tensor.is_leaf or _hooks_of is None or any(_hooks_of(tensor)):
            further.append((tensor, gradient))
        elif tensor.grad is None:
            tensor.grad = gradient
        else:
            tensor.grad.add_(gradient)  # type: ignore[arg-type]
    if further:  # in one call, because they may be computed from the same parameter
        given, gradients = zip(*further, strict=True)
        torch.autograd.backward(given, gradients)


def replay(equation: Equation, tensors: Tensors) -> tuple[Tensor, Tensor]:
    """Return the same as ``solve``, step by step, by operations that torch can differentiate.

    Args:
        equation: Form and activation.
        tensors: The tensors.

    Returns:
        States ``(trials, time, hidden_size)`` and outputs ``(trials, time, output_size)``.

    Example:
        >>> one = torch.ones(1, 1)
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> replay(Equation("rate", "identity", lambda x: x), tensors)[1].flatten().tolist()
        [0.5, 0.25, 0.125]
    """
    f, alpha, h, states = equation.f, tensors.alpha, tensors.h0, []
    for d in drive(tensors).unbind(1):
        if equation.form == "rate":
            h = (1 - alpha) * h + alpha * f(functional.linear(h, tensors.w_rec) + d)
        else:
            h = (1 - alpha) * h + alpha * (functional.linear(f(h), tensors.w_rec) + d)
        states.append(h)
    stacked = torch.stack(states, dim=1)
    transmitted = stacked if equation.form == "rate" else f(stacked)
    return stacked, functional.linear(transmitted, tensors.w_out, tensors.bias_out)


def drive(tensors: Tensors) -> Tensor:
    """Return the input current of every step, ``(trials, time, hidden_size)``.

    Args:
        tensors: The tensors.

    Example:
        >>> one = torch.ones(1, 1)
        >>> tensors = Tensors(torch.ones(1, 3, 1), one, one, 2 * one, one, one[0], bias=one[0])
        >>> drive(tensors).flatten().tolist()
        [3.0, 3.0, 3.0]
    """
    current = functional.linear(tensors.inputs, tensors.w_in, tensors.bias)
    return current if tensors.noise is None else current + tensors.noise


def _contiguous(tensors: Tensors) -> Tensors:
    same = (t if t is None or t.is_contiguous() else t.contiguous() for t in tensors)
    return Tensors(*same)  # type: ignore[arg-type]


class _Context(Protocol):
    """What torch hands from ``forward`` to ``backward``."""

    backend: Backend
    equation: Equation
    saved_tensors: tuple[Tensor | None, ...]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor | None) -> None: ...

    def set_materialize_grads(self, value: bool) -> None: ...


class _Solve(torch.autograd.Function):
    """The solution by a backend, with its adjoint as the gradient."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: _Context, backend: Backend, equation: Equation, *tensors: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        named = Tensors(*tensors)  # type: ignore[arg-type]
        states, outputs, kept = backend.solve(equation, named, keep=True)
        ctx.backend, ctx.equation = backend, equation
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, states, kept)
        return states, outputs

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: _Context, grad_states: Tensor | None, grad_outputs: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        *saved, states, kept = ctx.saved_tensors
        tensors = Tensors(*saved)  # type: ignore[arg-type]
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():  # the gradient will be differentiated, too
            return None, None, *_again(ctx.equation, tensors, wanted, grad_states, grad_outputs)
        through_drive = wanted[0] or wanted[-1]
        gradients = ctx.backend.adjoint(
            ctx.equation,
            tensors,
            states,  # type: ignore[arg-type]
            kept,
            grad_states,
            grad_outputs,
            through_drive,
        )
        names = zip(Tensors._fields, wanted, strict=True)
        return None, None, *(gradients[name] if want else None for name, want in names)


def _again(
    equation: Equation,
    tensors: Tensors,
    wanted: tuple[bool, ...],
    grad_states: Tensor | None,
    grad_outputs: Tensor | None,
) -> list[Tensor | None]:
    """Return gradients that can be differentiated in turn."""
    pairs = zip(replay(equation, tensors), (grad_states, grad_outputs), strict=True)
    results, given = zip(*((y, g) for y, g in pairs if g is not None), strict=True)
    sources = [t for t, want in zip(tensors, wanted, strict=True) if want and t is not None]
    found = torch.autograd.grad(results, sources, given, create_graph=True, allow_unused=True)
    remaining = iter(found)
    return [next(remaining) if want else None for want in wanted]
