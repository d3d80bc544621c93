"""Derivatives of one step, for whole batches of states."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyrnn.dynamics.equations import equation_of
from pyrnn.dynamics.step import Step, step_of


def jacobian(rnn: Any, h: Tensor, x: Tensor) -> Tensor:
    r"""Return the Jacobian of one step with respect to the state.

    .. math:: J_{ij} = \partial F_i(h, x) / \partial h_j

    In closed form for the built-in equations, by automatic differentiation for any other step.
    At a kink of a piecewise linear step it is the one-sided derivative that torch chooses.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        h: States, ``(..., hidden_size)``.
        x: Inputs, ``(..., input_size)``.

    Returns:
        Jacobians, ``(..., hidden_size, hidden_size)``: rows are the next state. They share their
        memory with nothing.

    Example:
        >>> jacobian(lambda h, x: 2 * h + x, torch.zeros(2), torch.zeros(2))
        tensor([[2., 0.],
                [0., 2.]])
    """
    step = step_of(rnn)
    equation = equation_of(step)
    if equation is not None:
        return equation.jacobian(h, x)
    formula = getattr(step, "jacobian", None)
    return formula(h, x).clone() if formula else _derivative(lambda h: step(h, x), h)


def input_jacobian(rnn: Any, h: Tensor, x: Tensor) -> Tensor:
    r"""Return the Jacobian of one step with respect to the input.

    .. math:: B_{ij} = \partial F_i(h, x) / \partial x_j

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        h: States, ``(..., hidden_size)``.
        x: Inputs, ``(..., input_size)``; a single input serves all states.

    Returns:
        Jacobians, ``(..., hidden_size, input_size)``.

    Example:
        >>> input_jacobian(lambda h, x: 2 * h + 3 * x, torch.zeros(1), torch.zeros(1))
        tensor([[3.]])
    """
    step = step_of(rnn)
    return _derivative(lambda x: step(h, x), x.expand(*h.shape[:-1], x.shape[-1]))


def _derivative(f: Any, at: Tensor) -> Tensor:
    """Differentiate a batched function by one vectorized backward pass."""
    with torch.enable_grad():
        at = at.detach().clone().requires_grad_()
        result = f(at)
    if not result.requires_grad:
        return result.new_zeros(*result.shape, at.shape[-1])
    size = result.shape[-1]
    rows = torch.eye(size, dtype=result.dtype, device=result.device)
    rows = rows.view(size, *[1] * (result.dim() - 1), size).expand(size, *result.shape)
    (gradients,) = torch.autograd.grad(
        result, at, rows, is_grads_batched=True, allow_unused=True, materialize_grads=True
    )
    return gradients.movedim(0, -2).contiguous()


class IteratedMap:
    r"""Several steps as one, :math:`F^k`, with the Jacobian as a product along the orbit.

    Args:
        step: Batched ``step(h, x)``.
        n_steps: How many.

    Example:
        >>> thrice = IteratedMap(lambda h, x: 2 * h, 3)
        >>> thrice(torch.ones(1, 1), torch.zeros(1, 1)), jacobian(thrice, *torch.zeros(2, 1, 1))
        (tensor([[8.]]), tensor([[[8.]]]))
    """

    def __init__(self, step: Step, n_steps: int) -> None:
        self.once, self.n_steps = step, n_steps

    def __call__(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the state after all steps."""
        for _ in range(self.n_steps):
            h = self.once(h, x)
        return h

    def orbit(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the states on the way, the start first, ``(n_steps, ..., hidden_size)``."""
        states = [h]
        for _ in range(self.n_steps - 1):
            states.append(self.once(states[-1], x))
        return torch.stack(states)

    def jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the Jacobian of all steps together, ``(..., hidden_size, hidden_size)``."""
        states = self.orbit(h, x)
        product = jacobian(self.once, states[0], x)
        for state in states[1:]:
            product = jacobian(self.once, state, x) @ product
        return product
