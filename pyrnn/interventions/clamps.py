"""Clamps: units whose state is held at a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from pyrnn.base import RNNBase
from pyrnn.dynamics.maps import analysis
from pyrnn.interventions._runs import Prepared, compared, read_trials, run
from pyrnn.interventions._targets import Target, Units, as_network, as_window, groups_of
from pyrnn.interventions.effects import Effects
from pyrnn.tasks import Task
from pyrnn.validate import as_tensor, check_finite

__all__ = ["clamp"]


@analysis
def clamp(
    network: RNNBase,
    trials: Task | Tensor | np.ndarray,
    units: Units,
    value: float | Tensor | Sequence[float],
    *,
    start: int = 0,
    stop: int | None = None,
    n_trials: int = 64,
    h: Tensor | None = None,
) -> Effects:
    """Run a network while the state of some units is held at a value.

    After each step from ``start`` to ``stop``, the state of these units is set to the value, and
    also before the first one. In ``RNN`` and ``RateRNN`` the state is a rate, in ``CTRNN`` a
    current; in ``LSTM`` it is the output of the unit, not its memory.

    Args:
        network: A network of pyrnn.
        trials: A task, which also scores the outputs, or inputs ``(trials, time, input_size)``.
        units: Units, groups or regions, as for :func:`~pyrnn.interventions.lesion`.
        value: One number; one for each target, ``(n,)``; or states ``(state_size,)`` or
            ``(trials, state_size)``, whose entries the clamped units take.
        start: First step at which the units are clamped.
        stop: Step at which they are free again; the end by default.
        n_trials: Number of trials of the task.
        h: Initial states, ``(trials, state_size)``; those of the network by default. In double
            precision, everything is computed in it.

    Returns:
        The effects.

    Raises:
        TypeError: If ``network`` is no network of pyrnn, or an argument is of the wrong kind.
        ValueError: If a unit or region is unknown, or a shape is wrong; a layer or connections
            have no state.

    Example:
        >>> from pyrnn import RNN
        >>> effects = clamp(RNN(1, 8, 1, seed=0), torch.zeros(5, 10, 1), [0, 3], 0.5)
        >>> effects.last_states[0, 0, [0, 3]].tolist()
        [0.5, 0.5]
    """
    network = as_network(network)
    targets = groups_of(network, units, "clamp")
    with read_trials(network, trials, n_trials, h) as given:
        first, last = as_window(start, stop, given.inputs.shape[1])
        held = _held(given.start, targets, value)
        is_held = torch.zeros(1 + len(targets), 1, given.start.shape[-1], dtype=torch.bool)
        for i, target in enumerate(targets, start=1):
            is_held[i, 0, target.units] = True
        is_held = is_held.to(held.device)

        def prepare(i: int, j: int) -> tuple[dict, Callable[[Tensor, int], Tensor]]:
            def hold(h: Tensor, t: int) -> Tensor:
                is_on = first <= t < last or (t == -1 and first == 0)
                return torch.where(is_held[i:j], held[i:j], h) if is_on else h

            return {}, hold

        prepared: Prepared = prepare
        runs = run(given, 1 + len(targets), prepared)
        shown = [float(held[i, 0, t.units[0]]) for i, t in enumerate(targets, start=1)]
        return compared(given, targets, torch.tensor(shown, dtype=torch.float64), runs)


def _held(start: Tensor, targets: list[Target], value: float | Tensor | Sequence[float]) -> Tensor:
    """Return the state that clamped units take, ``(1 + n, trials or 1, state_size)``."""
    values = check_finite("value", as_tensor("value", value).detach()).to(start)
    n, (n_trials, size) = len(targets), start.shape
    if values.dim() == 0:
        return values.expand(1 + n, 1, size)
    if values.shape in ((size,), (1, size), (n_trials, size)):
        return values.reshape(-1, size).expand(1 + n, -1, size)
    if values.shape != (n,):
        raise ValueError(
            f"expected value as one number, one for each of the {n} targets, or states of shape "
            f"({size},) or ({n_trials}, {size}), got {tuple(values.shape)}"
        )
    return torch.cat([values[:1], values])[:, None, None].expand(-1, 1, size)
