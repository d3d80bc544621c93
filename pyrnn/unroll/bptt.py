"""Backpropagation through time in torch, for machines without the compiled kernel.

The adjoint is that of ``network.h``, where it is derived. Each line computes all trials.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.unroll._autograd import Equation, Tensors, drive, replay

__all__ = ["adjoint", "solve"]


def solve(equation: Equation, tensors: Tensors, keep: bool) -> tuple[Tensor, Tensor, None]:
    """Return states and outputs, and None, as ``adjoint`` needs no other tensor. See ``Backend``.

    Args:
        equation: Form and activation.
        tensors: The tensors.
        keep: Not used.

    Returns:
        States ``(trials, time, hidden_size)`` and outputs ``(trials, time, output_size)``.

    Example:
        >>> one = torch.ones(1, 1)
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> equation = Equation("rate", "identity", lambda x: x)
        >>> solve(equation, tensors, keep=False)[0].flatten().tolist()
        [0.5, 0.25, 0.125]
    """
    with torch.no_grad():
        states, outputs = replay(equation, tensors)
    return states, outputs.clone(), None  # a view of the product could not be changed in place


def adjoint(
    equation: Equation,
    tensors: Tensors,
    states: Tensor,
    kept: Tensor | None,
    grad_states: Tensor | None,
    grad_outputs: Tensor | None,
    through_drive: bool,
) -> dict[str, Tensor | None]:
    """Return gradients by name. See ``Backend``.

    Args:
        equation: Form and activation.
        tensors: The tensors.
        states: States, from ``solve``.
        kept: Not used.
        grad_states: Gradient of the states, or None.
        grad_outputs: Gradient of the outputs, or None.
        through_drive: Not used: the gradients of inputs and noise are always returned.

    Example:
        >>> one = torch.ones(1, 1)
        >>> tensors = Tensors(torch.zeros(1, 3, 1), one, 0.5 * one, one, one, one[0])
        >>> equation = Equation("rate", "identity", lambda x: x)
        >>> states, outputs, kept = solve(equation, tensors, keep=True)
        >>> adjoint(equation, tensors, states, kept, None, outputs, False)["h0"].item()
        0.328125
    """
    every = torch.cat([tensors.h0.unsqueeze(1), states], dim=1)
    before, alpha = every[:, :-1], tensors.alpha
    if equation.form == "rate":
        current = functional.linear(before, tensors.w_rec) + drive(tensors)
        sent, inner = every, torch.ones_like(every)
        gain = alpha * _slope(equation, current)
    else:
        sent, inner = equation.f(every), _slope(equation, every)
        gain = alpha.expand_as(before)
    if grad_outputs is None:
        grad_outputs = states.new_zeros(*states.shape[:2], len(tensors.w_out))
    lambdas = inner[:, 1:] * (grad_outputs @ tensors.w_out)
    lambdas = lambdas if grad_states is None else lambdas + grad_states
    carried = torch.zeros_like(tensors.h0)
    for t in reversed(range(states.shape[1])):
        lambdas[:, t] += carried
        back = (gain[:, t] * lambdas[:, t]) @ tensors.w_rec
        carried = (1 - alpha) * lambdas[:, t] + inner[:, t] * back
    deltas = gain * lambdas
    return {
        "inputs": deltas @ tensors.w_in,
        "h0": carried,
        "w_rec": _outer(deltas, sent[:, :-1]),
        "w_in": _outer(deltas, tensors.inputs),
        "w_out": _outer(grad_outputs, sent[:, 1:]),
        "alpha": (lambdas * (states - before)).sum((0, 1)) / torch.where(alpha == 0, 1, alpha),
        "bias": deltas.sum((0, 1)),
        "bias_out": grad_outputs.sum((0, 1)),
        "noise": deltas,
    }


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Return the sum over trials and time of the outer products."""
    return left.flatten(0, 1).T @ right.flatten(0, 1)


def _slope(equation: Equation, x: Tensor) -> Tensor:
    """Return ``f'(x)``."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(equation.f(x).sum(), x)[0]
