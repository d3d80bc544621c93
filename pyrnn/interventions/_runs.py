"""Many interventions in one unroll."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pyrnn.base import RNNBase
from pyrnn.interventions._targets import Target
from pyrnn.interventions.effects import Effects
from pyrnn.linear import evaluated_once
from pyrnn.tasks import Task
from pyrnn.training._evaluation import metric_of
from pyrnn.training.network import in_mode
from pyrnn.unroll import form_of
from pyrnn.validate import as_integer, as_tensor, check_finite

__all__ = ["Trials", "compared", "read_trials", "run"]

_IN_CACHE = 2**18  # numbers of the states that are advanced at once


class Trials(NamedTuple):
    """The trials on which interventions are tried.

    Attributes:
        network: A copy of the network in the dtype of the computation, or the network itself.
        inputs: Inputs, ``(trials, time, input_size)``.
        start: States before the first step, ``(trials, state_size)``.
        task: The task that scores, or None.
        targets: Targets and mask of the trials, empty without a task.
    """

    network: RNNBase
    inputs: Tensor
    start: Tensor
    task: Task | None
    targets: tuple[Tensor, ...]


@contextmanager
def read_trials(
    network: RNNBase, trials: Task | Tensor | np.ndarray, n_trials: int, h: Tensor | None
) -> Iterator[Trials]:
    """Provide the trials of a task, or inputs as they are given, for a network at rest.

    Args:
        network: The network.
        trials: A task, or inputs ``(..., time, input_size)``.
        n_trials: Number of trials of a task.
        h: Initial states, ``(..., state_size)``; in double precision, all is computed in it.

    Yields:
        The trials; meanwhile the network is in evaluation mode.

    Raises:
        ValueError: If a shape does not fit.
    """
    n_trials = as_integer("n_trials", n_trials, low=1)
    start = None if h is None else check_finite("h", as_tensor("h", h).detach())
    if start is not None and start.dtype == torch.float64 != network.h0.dtype:
        network = deepcopy(network).double()
    targets: tuple[Tensor, ...] = ()
    task = trials if isinstance(trials, Task) else None
    if task is not None:
        inputs, *rest = task.batch(n_trials)
        targets = tuple(part.to(network.device) for part in rest)
    else:
        inputs = check_finite("inputs", as_tensor("inputs", trials).detach())
    if inputs.dim() < 2 or inputs.shape[-1] != network.input_size or not inputs.shape[-2]:
        raise ValueError(
            f"expected a task, or inputs of shape (trials, time, {network.input_size}), got "
            f"{tuple(inputs.shape)}; the last axis holds the input channels"
        )
    inputs = inputs.reshape(-1, *inputs.shape[-2:]).to(network.h0)
    with in_mode(network, False):
        yield Trials(network, inputs, _start(network, start, len(inputs)), task, targets)


def _start(network: RNNBase, h: Tensor | None, n_trials: int) -> Tensor:
    if h is None:
        return network.initial_state((n_trials,)).detach()
    if (
        h.shape[-1:] != (network.state_size,)
        or h.dim() > 2
        or h[..., 0].numel() not in (1, n_trials)
    ):
        raise ValueError(
            f"expected initial states h of shape ({n_trials}, {network.state_size}), got "
            f"{tuple(h.shape)}"
        )
    return h.to(network.h0).reshape(-1, network.state_size).expand(n_trials, -1)


Prepared = Callable[[int, int], tuple[dict, Callable[[Tensor, int], Tensor] | None]]


def run(trials: Trials, n: int, prepare: Prepared) -> tuple[Tensor, Tensor]:
    """Run several interventions at once.

    Args:
        trials: The trials.
        n: Number of interventions.
        prepare: Function of the first and the last intervention of a part. It returns the
            functions that stand in for layers, and a function of the states and the step that is
            called before the first step (-1) and after each.

    Returns:
        Outputs, ``(n, trials, time, output_size)``, and last states, ``(n, trials, state_size)``.
    """
    size = max(1, _IN_CACHE // trials.start.numel())
    parts = [_run_part(trials, i, min(i + size, n), prepare) for i in range(0, n, size)]
    outputs, last = (torch.cat(part) for part in zip(*parts, strict=True))
    return outputs, last


def _run_part(trials: Trials, first: int, last: int, prepare: Prepared) -> tuple[Tensor, Tensor]:
    network, n = trials.network, last - first
    h = trials.start.expand(n, *trials.start.shape).clone()
    replaced, after = prepare(first, last)
    is_known = form_of(type(network).step) and "step" not in vars(network)
    outputs = []
    with evaluated_once(network, replaced):
        h = h if after is None else after(h, -1)
        for t, x in enumerate(trials.inputs.unbind(1)):
            h = network.step(h, x if is_known else x.expand(n, *x.shape))
            h = h if after is None else after(h, t)
            outputs.append(network.readout(h))
    return torch.stack(outputs, dim=2), h


def compared(
    trials: Trials,
    targets: list[Target],
    strengths: Tensor,
    runs: tuple[Tensor, Tensor],
    survivors: Tensor | None = None,
) -> Effects:
    """Compare runs with that of the intact network, which comes first among them.

    Args:
        trials: The trials.
        targets: What each intervention acts on.
        strengths: The strength of each.
        runs: Outputs and last states of the intact network and of each intervention.
        survivors: Which points survive each, if known.

    Returns:
        The effects.
    """
    outputs, last = runs
    scores, name = [float("nan")] * len(outputs), ""
    if trials.task is not None:
        found = [metric_of(trials.task, one, *trials.targets) for one in outputs]
        name = next(iter(found[0]), "")
        scores = [one[name] for one in found] if name else scores
    return Effects(
        [target.label for target in targets],
        strengths,
        outputs[1:],
        last[1:],
        outputs[0],
        last[0],
        torch.tensor(scores[1:], dtype=torch.float64),
        scores[0],
        name,
        torch.zeros(len(targets), 0, dtype=torch.bool) if survivors is None else survivors,
    )
