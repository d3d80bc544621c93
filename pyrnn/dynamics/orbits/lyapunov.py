"""How fast neighboring trajectories separate, in every direction."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Literal, overload

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.validate import as_boolean, as_integer, as_rng, as_tensor, check_finite

__all__ = ["finite_time_lyapunov", "kaplan_yorke_dimension", "lyapunov_spectrum"]

logger = logging.getLogger(__name__)

_MOST_ELEMENTS = 2**24  # of the Jacobians that are kept at a time
_N_BLOCKS = 20  # of steps, whose means tell the statistical error


@overload
def lyapunov_spectrum(
    network: Network,
    starts: States,
    x: States | None = ...,
    *,
    n_steps: int = ...,
    n_transient: int = ...,
    n_exponents: int | None = ...,
    every: int = ...,
    rng: torch.Generator | int | None = ...,
    return_errors: Literal[False] = ...,
) -> Tensor: ...
@overload
def lyapunov_spectrum(
    network: Network,
    starts: States,
    x: States | None = ...,
    *,
    n_steps: int = ...,
    n_transient: int = ...,
    n_exponents: int | None = ...,
    every: int = ...,
    rng: torch.Generator | int | None = ...,
    return_errors: Literal[True],
) -> tuple[Tensor, Tensor]: ...
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
    rng: torch.Generator | int | None = None,
    return_errors: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    r"""Return the Lyapunov exponents along runs of a network.

    .. math::
        \lambda_i = \lim_{T \to \infty} \frac{1}{T} \sum_{t \le T} \ln R_{ii}(t),
        \qquad J_t Q_{t-1} = Q_t R_t

    The frame :math:`Q_0` is a random one, so that it has a part along every direction: the leading
    exponents are found also where modules of a network are independent.

    Args:
        network: A network, or any batched ``step(h, x)``.
        starts: States to start from, ``(..., state_size)``; each is a run of its own.
        x: Constant input ``(input_size,)``, or one for each time ``(time, input_size)``, repeated
            when it ends; by default zero.
        n_steps: Steps to average over.
        n_transient: Steps before these.
        n_exponents: How many, the largest ones; by default all.
        every: Steps between two orthonormalizations.
        rng: Random generator on the CPU, or a seed, for the frame; by default 0.
        return_errors: Whether to return the statistical errors, too.

    Returns:
        Exponents per step, ``(..., n_exponents)``, largest first; NaN for runs that diverge, which
        the log counts. Divide by the duration of a step for exponents per ms. With
        ``return_errors`` also their standard errors, from the means of 20 blocks of steps; on a
        fixed point or cycle they say how far the runs had settled.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`.
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if a number of steps or
            exponents is out of range.

    Example:
        >>> lyapunov_spectrum(lambda h, x: 0.5 * h, torch.ones(1), n_steps=10)
        tensor([-0.6931], dtype=torch.float64)
        >>> logistic = lambda h, x: 4 * h * (1 - h)  # its exponent is ln 2
        >>> exponent, error = lyapunov_spectrum(logistic, [0.3], return_errors=True)
        >>> bool((exponent - 0.6931).abs() < 4 * error), bool(error < 0.01)
        (True, True)

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
    return_errors = as_boolean("return_errors", return_errors)
    drive = _drive(step, x)
    frame = torch.randn(size, n_exponents, generator=as_rng(rng), dtype=torch.float64).to(h)
    q = torch.linalg.qr(frame)[0].expand(len(h), -1, -1)
    blocks = h.new_zeros(min(_N_BLOCKS, n_steps), len(h), n_exponents)
    for i, factor in enumerate(_jacobians(step, h, drive, n_transient + n_steps), -n_transient):
        q = factor @ q
        if (i + 1) % every == 0 or i + 1 in (0, n_steps):
            q, r = torch.linalg.qr(q)
            if i >= 0:
                grown = r.diagonal(dim1=-2, dim2=-1).abs().log()
                blocks[i * len(blocks) // n_steps] += grown
    exponents, order = (blocks.sum(0) / n_steps).sort(dim=-1, descending=True)
    has_diverged = ~(exponents < torch.inf).all(-1, keepdim=True)
    exponents = exponents.masked_fill(has_diverged, torch.nan)
    if has_diverged.any():
        n_lost = int(has_diverged.sum())
        logger.warning("%d of %d runs diverged: their exponents are NaN", n_lost, len(h))
    if not return_errors:
        return exponents.reshape(*shape, n_exponents)
    means = blocks * (len(blocks) / n_steps)
    errors = (means.var(0) / len(blocks)).sqrt().gather(-1, order)
    return exponents.reshape(*shape, n_exponents), errors.reshape(*shape, n_exponents)


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


@analysis
def finite_time_lyapunov(
    network: Network,
    states: States,
    x: States | None = None,
    *,
    window: int = 10,
    n_exponents: int = 1,
) -> Tensor:
    r"""Return finite-time Lyapunov exponents along trials.

    .. math::
        \lambda_i(t) = \frac{1}{w} \ln \sigma_i\left(J_{t+w-1} \cdots J_{t+1} J_t\right),
        \qquad J_t = \frac{\partial F(h_t, x_{t+1})}{\partial h}

    with the singular values :math:`\sigma_1 \ge \sigma_2 \ge \dots`: where :math:`\lambda_1 > 0`,
    there is a direction in which small differences grow over the next :math:`w` steps, as they do
    near a decision or at a switch between memories; where it is negative, all of them shrink.

    Args:
        network: A network, or any batched ``step(h, x)``.
        states: States after each step of one or more trials, as
            :meth:`~pyrnn.RNNBase.predict` returns them, ``(..., n_steps, state_size)``.
        x: Inputs of these trials, ``(..., n_steps, input_size)``, or one constant input; by
            default zero.
        window: Number of steps, :math:`w`.
        n_exponents: How many, the largest ones.

    Returns:
        Exponents per step, ``(..., n_steps - window, n_exponents)``; the first is that of the
        steps that lead from ``states[..., 0, :]`` to ``states[..., window, :]``. NaN where a
        singular value is so much smaller than the first that rounding hides it.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`.
        ValueError: If states and inputs do not go together, the window is longer than the trials
            or there are not so many exponents.

    Example:
        >>> step = lambda h, x: h * torch.tensor([2.0, 0.5])
        >>> finite_time_lyapunov(step, torch.zeros(4, 2), window=2, n_exponents=2)
        tensor([[ 0.6931, -0.6931],
                [ 0.6931, -0.6931]], dtype=torch.float64)

    References:
        Haller, *Physica D* 149:248 (2001).
    """
    window = as_integer("window", window, low=1)
    n_exponents = as_integer("n_exponents", n_exponents, low=1)
    given = check_finite("states", as_tensor("states", states).detach())
    if given.dim() < 2 or given.shape[-2] <= window:
        raise ValueError(
            f"expected states of trials longer than the window of {window} steps, of shape (..., "
            f"n_steps, state_size), got {tuple(given.shape)}"
        )
    step = as_map(network, states, x)
    h = step.states(states)
    if n_exponents > h.shape[-1]:
        raise ValueError(f"expected n_exponents <= {h.shape[-1]}, got {n_exponents}")
    inputs = step.inputs(x, h)
    h, inputs = (v.reshape(-1, *v.shape[-2:]) for v in (h, inputs))
    n_trials, n_steps, size = h.shape
    n_at_once = max(1, _MOST_ELEMENTS // (n_trials * size**2))
    parts = []
    for start in range(0, n_steps - window, n_at_once):
        stop = min(start + n_at_once, n_steps - window)
        parts.append(_exponents(step, h, inputs, range(start, stop), window, n_exponents))
    return torch.cat(parts, dim=1).reshape(*given.shape[:-2], n_steps - window, n_exponents)


def _exponents(
    step: Map, h: Tensor, x: Tensor, times: range, window: int, n_exponents: int
) -> Tensor:
    """Return the exponents of the windows that start at some steps, ``(n_trials, n, k)``."""
    n_trials, _, size = h.shape
    last = times.stop - 1 + window
    now, then = h[:, times.start : last], x[:, times.start + 1 : last + 1]
    flat = now.reshape(-1, size), then.reshape(-1, x.shape[-1])
    jacobians = step.jacobian(*flat).reshape(n_trials, -1, size, size)
    n, log_size = len(times), h.new_zeros(n_trials, len(times))
    product = jacobians[:, :n]
    for k in range(1, window):
        product = jacobians[:, k : k + n] @ product
        norm = torch.linalg.matrix_norm(product).clamp(min=torch.finfo(h.dtype).tiny)
        product, log_size = product / norm[..., None, None], log_size + norm.log()
    values = torch.linalg.svdvals(product)[..., :n_exponents]
    is_hidden = values <= size * window * torch.finfo(h.dtype).eps * values[..., :1]
    is_hidden &= values < values[..., :1]
    exponents = (log_size[..., None] + values.log()) / window
    return exponents.masked_fill(is_hidden, torch.nan)


def kaplan_yorke_dimension(exponents: Tensor) -> Tensor:
    r"""Return the dimension of the attractor that a Lyapunov spectrum implies.

    .. math:: D = k + \frac{\sum_{i \le k} \lambda_i}{|\lambda_{k+1}|}

    with :math:`k` the largest number of exponents whose sum is not negative.

    Args:
        exponents: Exponents, ``(..., n_exponents)``, largest first.

    Returns:
        Dimensions, ``(...)``; the number of exponents where their sum never gets negative.

    Raises:
        TypeError: If these are no real numbers.
        ValueError: If there is none, or one is not finite.

    Example:
        >>> kaplan_yorke_dimension(torch.tensor([0.5, 0.0, -1.0]))
        tensor(2.5000)

    References:
        Kaplan & Yorke, *Lecture Notes in Mathematics* 730:204 (1979).
    """
    exponents = check_finite("exponents", as_tensor("exponents", exponents))
    if exponents.ndim == 0 or not exponents.shape[-1]:
        raise ValueError(
            f"expected exponents (..., n), the largest first, got shape {tuple(exponents.shape)}"
        )
    sums = torch.nn.functional.pad(exponents.cumsum(-1), (1, 0))
    k = (sums >= 0).int().cumprod(-1).sum(-1, keepdim=True) - 1
    n = exponents.shape[-1]
    rest = exponents.gather(-1, k.clamp(max=n - 1)).abs()
    partial = sums.gather(-1, k) / rest
    return torch.where(k < n, k + partial, k.to(partial))[..., 0]
