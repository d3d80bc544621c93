"""How fast neighboring trajectories separate, in every direction."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.validate import as_integer, as_tensor

__all__ = ["kaplan_yorke_dimension", "lyapunov_spectrum"]


@analysis
def lyapunov_spectrum(
    network: Network,
    starts: States,
    x: States | None = None,
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
        network: A network, or any batched ``step(h, x)``.
        starts: States to start from, ``(..., state_size)``; each is a run of its own.
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
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`.
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if a number of steps or
            exponents is out of range.

    Example:
        >>> lyapunov_spectrum(lambda h, x: 0.5 * h, torch.ones(1), n_steps=10)
        tensor([-0.6931], dtype=torch.float64)

    References:
        Engelken, Wolf & Abbott, *Phys. Rev. Research* 5:043044 (2023).
    """
    n_steps, every = as_integer("n_steps", n_steps, low=1), as_integer("every", every, low=1)
    n_transient = as_integer("n_transient", n_transient, low=0)
    step = as_map(network, starts, x)
    h = step.states(starts)
    shape, h = h.shape[:-1], h.reshape(-1, h.shape[-1])
    size = h.shape[-1]
    n_exponents = size if n_exponents is None else as_integer("n_exponents", n_exponents, low=1)
    if n_exponents > size or every > n_steps:
        raise ValueError(
            f"expected n_exponents <= {size} and every <= n_steps, got {n_exponents}, {every} and "
            f"{n_steps}"
        )
    drive = _drive(step, x)
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


def _jacobians(step: Map, h: Tensor, drive: Tensor, n_steps: int) -> Iterator[Tensor]:
    """Yield the Jacobians along runs, taking many at a time."""
    n_at_once = max(1, min(256, 2**22 // (len(h) * h.shape[-1] ** 2)))
    for start in range(0, n_steps, n_at_once):
        times = range(start, min(start + n_at_once, n_steps))
        states, inputs = [], [drive[i % len(drive)].expand(len(h), -1) for i in times]
        for x in inputs:
            states.append(h)
            h = step(h, x)
        yield from step.jacobian(torch.cat(states), torch.cat(inputs)).split(len(h))


def _drive(step: Map, x: States | None) -> Tensor:
    """Return the inputs over time, ``(time, input_size)``."""
    n_times = 1 if x is None else max(1, as_tensor("x", x).shape[:-1].numel())
    return step.inputs(x, torch.empty(n_times, 0))


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
    exponents = as_tensor("exponents", exponents)
    sums = torch.nn.functional.pad(exponents.cumsum(-1), (1, 0))
    k = (sums >= 0).int().cumprod(-1).sum(-1, keepdim=True) - 1
    n = exponents.shape[-1]
    rest = exponents.gather(-1, k.clamp(max=n - 1)).abs()
    partial = sums.gather(-1, k) / rest
    return torch.where(k < n, k + partial, k.to(partial))[..., 0]
