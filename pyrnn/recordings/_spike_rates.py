"""Rates from the times of spikes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from pyrnn.arrays import Array, ArrayLike, as_numbers
from pyrnn.validate import as_list, as_number

__all__ = ["spike_rates"]

_MOST_STEPS = 10**7


def spike_rates(
    spike_times: Sequence[ArrayLike],
    start: ArrayLike,
    stop: ArrayLike,
    *,
    dt: float,
    smoothing: float = 0.0,
) -> list[Array]:
    r"""Count spikes in steps of each trial, and divide by the duration of a step.

    .. math:: r_i(t) = \frac{1}{\Delta t} \sum_s g_\sigma(t) * [\,t \le s < t + \Delta t\,]

    with :math:`g_\sigma` a Gaussian. Its ends are folded back at those of the trial, so that no
    spike is lost.

    Args:
        spike_times: Times of the spikes of each unit, in s.
        start: Start of each trial, in s; a row or column of a ``.mat`` file will do.
        stop: Its end, in s. A last step that is not whole is left out.
        dt: Duration of a step, in ms.
        smoothing: Standard deviation of the Gaussian, in ms; 0 for none.

    Returns:
        Rates in Hz, ``(time, units)`` for each trial. Multiplied by ``dt / 1000`` they are counts,
        as ``loss="poisson"`` takes them. To fit a network, divide them by a largest rate, so that
        they are in the range of its activation.

    Raises:
        ValueError: If starts and stops do not fit together, or a trial is shorter than ``dt``.

    Example:
        >>> (rates,) = spike_rates([[0.01, 0.012, 0.05], [0.03]], [0.0], [0.06], dt=20.0)
        >>> rates.tolist()
        [[100.0, 0.0], [0.0, 50.0], [50.0, 0.0]]
    """
    dt = as_number("dt", dt, above=0, unit="ms") / 1000
    width = as_number("smoothing", smoothing, low=0, unit="ms") / 1000 / dt
    advice = "pass times in seconds"
    units = [
        np.sort(as_numbers(unit, advice).ravel())
        for unit in as_list("spike_times", spike_times, "units")
    ]
    if not units:
        raise ValueError("expected spike_times of one or more units, got none")
    starts, stops = (as_numbers(times, advice).ravel() for times in (start, stop))
    if len(starts) != len(stops):
        raise ValueError(
            f"expected a start and a stop of each trial, got {len(starts)} and {len(stops)}"
        )
    is_short = ~(stops - starts >= dt * (1 - 1e-9))  # also NaN
    if is_short.any():
        first = int(is_short.argmax())
        raise ValueError(
            f"expected each stop at least dt = {1000 * dt:g} ms after its start, got "
            f"{starts[first]:g} and {stops[first]:g} s in trial {first}"
        )
    if ((stops - starts) / dt > _MOST_STEPS).any():
        raise ValueError(
            f"expected trials of at most {_MOST_STEPS:,} steps, got a dt of {1000 * dt:g} ms; "
            "choose a longer one"
        )
    trials = []
    for first, last in zip(starts, stops, strict=True):
        edges = first + dt * np.arange(int((last - first) / dt + 1e-6) + 1)
        counts = np.stack([np.diff(np.searchsorted(unit, edges - 1e-9)) for unit in units], axis=1)
        rates = counts / dt
        trials.append(gaussian_filter1d(rates, width, axis=0, mode="reflect") if width else rates)
    return trials
