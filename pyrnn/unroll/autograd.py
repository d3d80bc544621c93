"""Backpropagation through time as one autograd function, whichever engine does the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Backend", "Equation", "Network", "drive", "replay", "solve", "solve_and_adjoint"]


class Equation(NamedTuple):
    """Which equation.

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


class Network(NamedTuple):
    """The tensors of a network and of the sequences that it is given, all of one dtype.

    Attributes:
        inputs: ``(trials, time, input_size)``.
        h0: Initial states, ``(trials, hidden_size)``.
        w_rec: ``(hidden_size, hidden_size)``.
        w_in: ``(hidden_size, input_size)``.
        w_out: ``(output_size, hidden_size)``; without rows if no outputs are wanted.
        alpha: Euler steps, ``(hidden_size,)``.
        bias: ``(hidden_size,)`` or None.
        bias_out: ``(output_size,)`` or None.
        noise: Added to the input current, ``(trials, time, hidden_size)``, or None.

    Example:
        >>> one = torch.ones(1, 1)  # one unit, one trial of three steps
        >>> network = Network(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> network.inputs.shape, network.bias
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
    """What does the work: a network's solution, and the adjoint of that.

    Example:
        >>> from pyrnn.unroll import bptt
        >>> one = torch.ones(1, 1)
        >>> network = Network(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> equation = Equation("rate", "identity", lambda x: x)
        >>> states, outputs, kept = bptt.solve(equation, network, keep=True)
        >>> states.flatten().tolist()
        [0.5, 0.25, 0.125]
        >>> bptt.adjoint(equation, network, states, kept, None, outputs, False)["h0"].item()
        0.328125
    """

    def solve(
        self, equation: Equation, network: Network, keep: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return states, outputs and, if ``keep``, what ``adjoint`` needs besides."""

    def adjoint(
        self,
        equation: Equation,
        network: Network,
        states: Tensor,
        kept: Tensor | None,
        grad_states: Tensor | None,
        grad_outputs: Tensor | None,
        through_drive: bool,
    ) -> dict[str, Tensor | None]:
        """Return gradients by name; those of inputs and noise only if ``through_drive``."""


def solve(backend: Backend, equation: Equation, network: Network) -> tuple[Tensor, Tensor]:
    r"""Return states ``(trials, time, hidden_size)`` and outputs ``(trials, time, output_size)``.

    With the input current :math:`d_t = W_{in} x_t + b + \xi_t`, and elementwise products,

    .. math::
        \text{rate:} \quad & h_t = (1-\alpha) h_{t-1} + \alpha f(W_{rec} h_{t-1} + d_t),
            & y_t = W_{out} h_t + c \\
        \text{current:} \quad & h_t = (1-\alpha) h_{t-1} + \alpha (W_{rec} f(h_{t-1}) + d_t),
            & y_t = W_{out} f(h_t) + c

    Args:
        backend: What computes it, such as ``fused`` or ``bptt``.
        equation: Form and activation.
        network: The tensors; gradients flow into all of them.

    Example:
        >>> from pyrnn.unroll import bptt
        >>> one = torch.ones(1, 1)
        >>> network = Network(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> solve(bptt, Equation("rate", "identity", lambda x: x), network)[0].flatten().tolist()
        [0.5, 0.25, 0.125]
    """
    network = _contiguous(network)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in network):
        return _Solve.apply(backend, equation, *network)
    return backend.solve(equation, network, keep=False)[:2]


def solve_and_adjoint(
    backend: Backend, equation: Equation, network: Network
) -> tuple[Tensor, Tensor, Callable[[], None]]:
    """Return states and outputs without a history, and what takes their gradient further.

    Example:
        >>> from pyrnn.unroll import bptt
        >>> one, weight = torch.ones(1, 1), torch.tensor([[0.5]], requires_grad=True)
        >>> network = Network(torch.zeros(1, 3, 1), one, weight, one, one, one[0])
        >>> equation = Equation("rate", "identity", lambda x: x)
        >>> states, outputs, adjoint = solve_and_adjoint(bptt, equation, network)
        >>> outputs[:, -1].sum().backward()  # (1/2)³
        >>> adjoint()
        >>> weight.grad.item()
        0.75
    """
    network = _contiguous(network)
    with torch.no_grad():
        states, outputs, kept = backend.solve(equation, network, keep=True)
    states.requires_grad_()
    outputs.requires_grad_()

    def adjoint() -> None:
        given = states.grad, outputs.grad
        if all(gradient is None for gradient in given):
            return
        fields = zip(Network._fields, network, strict=True)
        wanted = {name: t for name, t in fields if t is not None and t.requires_grad}
        through_drive = "inputs" in wanted or "noise" in wanted
        with torch.no_grad():
            found = backend.adjoint(equation, network, states, kept, *given, through_drive)
        _take_back([(tensor, found[name]) for name, tensor in wanted.items()])

    return states, outputs.clone(), adjoint  # whoever works in place spoils a copy


# Private names of torch. Where a version lacks one, autograd takes the gradient further.
_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


def _take_back(pairs: list[tuple[Tensor, Any]]) -> None:
    """Do what ``torch.autograd.backward`` does, at once for parameters that nobody watches."""
    further: list[tuple[Tensor, Tensor]] = []
    for tensor, gradient in pairs:
        is_watched = any(getattr(tensor, name, True) for name in _HOOKS)
        if not tensor.is_leaf or is_watched:
            further.append((tensor, gradient))
        elif tensor.grad is None:
            tensor.grad = gradient
        else:
            tensor.grad.add_(gradient)
    if further:  # together: they may be made of the same parameter
        given, gradients = zip(*further, strict=True)
        torch.autograd.backward(given, gradients)


def replay(equation: Equation, network: Network) -> tuple[Tensor, Tensor]:
    """Return the same as ``solve``, by differentiable operations of torch, step by step.

    Example:
        >>> one = torch.ones(1, 1)
        >>> network = Network(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> replay(Equation("rate", "identity", lambda x: x), network)[1].flatten().tolist()
        [0.5, 0.25, 0.125]
    """
    f, alpha, h, states = equation.f, network.alpha, network.h0, []
    for d in drive(network).unbind(1):
        if equation.form == "rate":
            h = (1 - alpha) * h + alpha * f(functional.linear(h, network.w_rec) + d)
        else:
            h = (1 - alpha) * h + alpha * (functional.linear(f(h), network.w_rec) + d)
        states.append(h)
    stacked = torch.stack(states, dim=1)
    transmitted = stacked if equation.form == "rate" else f(stacked)
    return stacked, functional.linear(transmitted, network.w_out, network.bias_out)


def drive(network: Network) -> Tensor:
    """Return the input current of every step, ``(trials, time, hidden_size)``.

    Example:
        >>> one = torch.ones(1, 1)
        >>> network = Network(torch.ones(1, 3, 1), one, one, 2 * one, one, one[0], bias=one[0])
        >>> drive(network).flatten().tolist()
        [3.0, 3.0, 3.0]
    """
    current = functional.linear(network.inputs, network.w_in, network.bias)
    return current if network.noise is None else current + network.noise


def _contiguous(network: Network) -> Network:
    tensors = (t if t is None or t.is_contiguous() else t.contiguous() for t in network)
    return Network(*tensors)  # type: ignore[arg-type]


class _Solve(torch.autograd.Function):
    """The solution by a backend, with its adjoint as the gradient."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, backend: Backend, equation: Equation, *tensors: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        network = Network(*tensors)  # type: ignore[arg-type]
        states, outputs, kept = backend.solve(equation, network, keep=True)
        ctx.backend, ctx.equation = backend, equation
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, states, kept)
        return states, outputs

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: Any, grad_states: Tensor | None, grad_outputs: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        *tensors, states, kept = ctx.saved_tensors
        network, wanted = Network(*tensors), ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():  # somebody will differentiate the gradient
            return None, None, *_again(ctx.equation, network, wanted, grad_states, grad_outputs)
        through_drive = wanted[0] or wanted[-1]
        gradients = ctx.backend.adjoint(
            ctx.equation, network, states, kept, grad_states, grad_outputs, through_drive
        )
        names = zip(Network._fields, wanted, strict=True)
        return None, None, *(gradients[name] if want else None for name, want in names)


def _again(
    equation: Equation,
    network: Network,
    wanted: tuple[bool, ...],
    grad_states: Tensor | None,
    grad_outputs: Tensor | None,
) -> list[Tensor | None]:
    """Return gradients that can be differentiated in turn."""
    pairs = zip(replay(equation, network), (grad_states, grad_outputs), strict=True)
    results, given = zip(*((y, g) for y, g in pairs if g is not None), strict=True)
    sources = [t for t, want in zip(network, wanted, strict=True) if want and t is not None]
    found = torch.autograd.grad(results, sources, given, create_graph=True, allow_unused=True)
    remaining = iter(found)
    return [next(remaining) if want else None for want in wanted]
