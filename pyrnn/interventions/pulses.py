"""Pulses of current into some units at some time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.base import RNNBase
from pyrnn.dynamics.maps import analysis
from pyrnn.interventions._cuts import layers_of
from pyrnn.interventions._runs import compared, read_trials, run
from pyrnn.interventions._targets import Units, as_network, as_window, groups_of
from pyrnn.interventions.effects import Effects
from pyrnn.tasks import Task
from pyrnn.validate import as_tensor, check_finite

__all__ = ["perturb"]


@analysis
def perturb(
    network: RNNBase,
    trials: Task | Tensor | np.ndarray,
    units: Units,
    current: float | Tensor | Sequence[float],
    *,
    start: int = 0,
    stop: int | None = None,
    n_trials: int = 64,
    h: Tensor | None = None,
) -> Effects:
    r"""Run a network with pulses of current into some units, all in one unroll.

    .. math:: W_{in} x_t \to W_{in} x_t + I \quad \text{for} \quad t_1 \le t < t_2

    A current adds to the input current, as the noise does.

    Args:
        network: A network of pyrnn whose step calls ``w_in``; gates have no current.
        trials: A task, which also scores the outputs, or inputs ``(trials, time, input_size)``.
        units: Units, groups or regions, as for :func:`~pyrnn.interventions.lesion`.
        current: One number; one for each target, ``(n,)``; or a pattern ``(hidden_size,)``, whose
            entries the units take. Several numbers for one target are as many pulses.
        start: First step of the pulse.
        stop: Step after its last one; the end of the trial by default.
        n_trials: Number of trials of the task.
        h: Initial states, ``(trials, state_size)``; those of the network by default. In double
            precision, everything is computed in it.

    Returns:
        The effects.

    Raises:
        TypeError: If ``network`` is no network of pyrnn, or an argument is of the wrong kind.
        ValueError: If a unit or region is unknown, a shape is wrong, or the network has gates.

    Example:
        >>> from pyrnn import RNN
        >>> rnn, inputs = RNN(1, 8, 1, seed=0), torch.zeros(5, 10, 1)
        >>> effects = perturb(rnn, inputs, 3, [0.5, 1.0], start=9)
        >>> effects.last_states[:, 0, 3].atanh().tolist()
        [0.5, 1.0]
    """
    network = as_network(network)
    if network.w_in.out_features != network.hidden_size:
        raise ValueError(
            "expected a network with one input current for each unit, got "
            f"{type(network).__name__}, which has gates; use clamp"
        )
    targets = groups_of(network, units, "perturb")
    values = check_finite("current", as_tensor("current", current).detach())
    n_values = len(values) if values.dim() == 1 else 1
    if len(targets) == 1 and n_values != network.hidden_size:
        targets = targets * n_values
    with read_trials(network, trials, n_trials, h) as given:
        first, last = as_window(start, stop, given.inputs.shape[1])
        values = _spread(values.to(given.inputs), len(targets), network.hidden_size)
        currents = values.new_zeros(1 + len(targets), 1, network.hidden_size)
        for i, target in enumerate(targets):
            currents[1 + i, 0, target.units] = values[i, target.units]
        layer = layers_of(given.network)["w_in"]

        def prepare(i: int, j: int) -> tuple[dict, Callable[[Tensor, int], Tensor]]:
            now = -1  # of the steps done so far

            def driven(x: Tensor) -> Tensor:
                drive = functional.linear(x, layer.weight, layer.bias)
                return drive + currents[i:j] if first <= now + 1 < last else drive

            def advance(h: Tensor, t: int) -> Tensor:
                nonlocal now
                now = t
                return h

            return {layer: driven}, advance

        runs = run(given, 1 + len(targets), prepare)
        shown = [float(values[i, target.units[0]]) for i, target in enumerate(targets)]
        return compared(given, targets, torch.tensor(shown, dtype=torch.float64), runs)


def _spread(values: Tensor, n: int, size: int) -> Tensor:
    """Return the current of each target into each unit, ``(n, hidden_size)``."""
    if values.dim() == 0 or values.shape == (size,):
        return values.expand(n, size)
    if values.shape != (n,):
        raise ValueError(
            f"expected current as one number, one for each of the {n} targets, or a pattern of "
            f"shape ({size},), got {tuple(values.shape)}"
        )
    return values[:, None].expand(n, size)
