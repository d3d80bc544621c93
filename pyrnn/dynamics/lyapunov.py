"""How fast neighboring trajectories part, in every direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from pyrnn.dynamics.inputs import as_inputs, as_states
from pyrnn.dynamics.jacobian import jacobian
from pyrnn.dynamics.step import Step, frozen_step, one_thread


def lyapunov_spectrum(
    rnn: Any,
    starts: Any,
    x: Any = None,
    *,
    n_steps: int = 2000,
    n_transient: int = 500,
    n_exponents: int | None = None,
    every: int = 1,
) -> Tensor:
    r"""Return the Lyapunov exponents along runs of a network.

    .. math::
        \lambda_i = \lim_{T \to \infty} \frac{1}{T} \sum_{t \le T} \ln R_{ii}(t),
        \qquad J_t Q_{t-1} = Q_t R_t

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        starts: States to start from, ``(..., hidden_size)``; each is a run of its own.
        x: Constant input ``(input_size,)``, or one for each time ``(time, input_size)``, repeated
            when it ends; by default zero.
        n_steps: Steps to average over.
        n_transient: Steps before these.
        n_exponents: How many, the largest ones; by default all.
        every: Steps between two orthonormalizations.

    Returns:
        Exponents per step, ``(..., n_exponents)``, largest first. Divide by the duration of a
        step for exponents per ms.

    Raises:
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if a number of steps or
            exponents is out of range.

    Example:
        >>> lyapunov_spectrum(lambda h, x: 0.5 * h, torch.ones(1), n_steps=10)
        tensor([-0.6931], dtype=torch.float64)

    References:
        Engelken, Wolf & Abbott, *Phys. Rev. Research* 5:043044 (2023).
    """
    h = as_states(starts, rnn)
    shape, h = h.shape[:-1], h.reshape(-1, h.shape[-1])
    size = h.shape[-1]
    n_exponents = size if n_exponents is None else n_exponents
    if not (1 <= n_exponents <= size and n_steps >= every >= 1 and n_transient >= 0):
        raise ValueError(
            f"expected 1 <= n_exponents <= {size}, n_steps >= every >= 1 and n_transient >= 0, "
            f"got {n_exponents}, {n_steps}, {every} and {n_transient}"
        )
    drive = _drive(x, h, rnn)
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, h[:2], drive[0].expand(len(h[:2]), -1))
        q = torch.eye(size, n_exponents, dtype=h.dtype, device=h.device).expand(len(h), -1, -1)
        total = h.new_zeros(len(h), n_exponents)
        for i, factor in enumerate(_jacobians(step, h, drive, n_transient + n_steps)):
            q = factor @ q
            if (i + 1) % every == 0 or i + 1 in (n_transient, n_transient + n_steps):
                q, r = torch.linalg.qr(q)
                grown = r.diagonal(dim1=-2, dim2=-1).abs().log()
                total += grown if i >= n_transient else 0
    exponents = (total / n_steps).sort(dim=-1, descending=True).values
    return exponents.reshape(*shape, n_exponents)


def _jacobians(step: Step, h: Tensor, drive: Tensor, n_steps: int) -> Iterator[Tensor]:
    """Yield the Jacobians along runs, taking many at a time."""
    n_at_once = max(1, min(256, 2**22 // (len(h) * h.shape[-1] ** 2)))
    for start in range(0, n_steps, n_at_once):
        times = range(start, min(start + n_at_once, n_steps))
        states, inputs = [], [drive[i % len(drive)].expand(len(h), -1) for i in times]
        for x in inputs:
            states.append(h)
            h = step(h, x)
        yield from jacobian(step, torch.cat(states), torch.cat(inputs)).split(len(h))


def _drive(x: Any, h: Tensor, rnn: Any) -> Tensor:
    """Return the inputs over time, ``(time, input_size)``."""
    given = x if x is None else torch.as_tensor(x)
    n_times = 1 if given is None or given.dim() < 2 else len(given)
    return as_inputs(given, h[:1].expand(n_times, -1), rnn)


def kaplan_yorke_dimension(exponents: Tensor) -> Tensor:
    r"""Return the dimension of the attractor that a Lyapunov spectrum implies.

    .. math:: D = k + \frac{\sum_{i \le k} \lambda_i}{|\lambda_{k+1}|}

    with :math:`k` the largest number of exponents whose sum is not negative.

    Args:
        exponents: Exponents, ``(..., n_exponents)``, largest first.

    Returns:
        Dimensions, ``(...)``; the number of exponents where their sum never gets negative.

    Example:
        >>> kaplan_yorke_dimension(torch.tensor([0.5, 0.0, -1.0]))
        tensor(2.5000)

    References:
        Kaplan & Yorke, *Lecture Notes in Mathematics* 730:204 (1979).
    """
    sums = torch.nn.functional.pad(exponents.cumsum(-1), (1, 0))
    k = (sums >= 0).int().cumprod(-1).sum(-1, keepdim=True) - 1
    n = exponents.shape[-1]
    rest = exponents.gather(-1, k.clamp(max=n - 1)).abs()
    partial = sums.gather(-1, k) / rest
    return torch.where(k < n, k + partial, k.to(partial))[..., 0]
