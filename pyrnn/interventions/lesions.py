"""Lesions: what a network does without some of its units, connections, layers or regions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from pyrnn.base import RNNBase
from pyrnn.dynamics import FixedPoints
from pyrnn.dynamics.maps import analysis
from pyrnn.interventions._cuts import Cuts, check_acts, cuts_of, layers_of, with_weights
from pyrnn.interventions._runs import Prepared, compared, read_trials, run
from pyrnn.interventions._targets import Target, Units, as_network, one_target, targets_of
from pyrnn.interventions.effects import Effects
from pyrnn.linear import evaluated_once
from pyrnn.tasks import Task
from pyrnn.training.network import in_mode
from pyrnn.validate import as_number, as_tensor

__all__ = ["lesion", "lesioned"]

_Network = TypeVar("_Network", bound=RNNBase)
_MOST_STEPS = 5000  # until a run from a stable point has settled
_AT_REST = 1e-8  # of the size of the states, for a step


@analysis
def lesion(
    network: RNNBase,
    trials: Task | Tensor | np.ndarray,
    units: Units = "each",
    *,
    strength: float | Tensor | Sequence[float] = 0.0,
    points: FixedPoints | None = None,
    n_trials: int = 64,
    h: Tensor | None = None,
) -> Effects:
    r"""Run a network with each of several lesions, all in one unroll.

    A lesion scales what units send, to other units and to the readout:

    .. math:: r_i \to s\, r_i \quad \text{in} \quad W_{rec} r + W_{in} x + b, \qquad W_{out} r + c

    with the rate :math:`r`, which is the state in ``RNN`` and ``RateRNN`` and :math:`f(h)` in
    ``CTRNN``. The weights of the network are not changed, so that its constraints do not matter.

    Args:
        network: A network of pyrnn, also with a ``step`` of its own, if its units act through
            ``w_rec`` and ``w_out``.
        trials: A task, which also scores the outputs, or inputs ``(trials, time, input_size)``.
        units: What to lesion. One target is a unit, a group ``[3, 5]``, a slice, a mask of units,
            a mask of connections ``(hidden_size, hidden_size)``, a layer ``"w_in"``, the name of a
            region, or a projection ``"cortex -> thalamus"``. A list of targets, a mapping from
            names to targets, or ``"each"`` for every unit, are as many lesions.
        strength: What is left, from 0 (silent) to 1 (intact): one number, or one for each target.
            Several numbers for one target are as many lesions.
        points: Fixed points of the intact network. Then ``survivors`` says which of its stable
            points remain: under the lesion, a run from there comes to rest, and all other stable
            points are more than twice as far from where it does.
        n_trials: Number of trials of the task.
        h: Initial states, ``(trials, state_size)``; those of the network by default. In double
            precision, everything is computed in it.

    Returns:
        The effects.

    Raises:
        TypeError: If ``network`` is no network of pyrnn, or an argument is of the wrong kind.
        ValueError: If a unit, layer or region is unknown, a shape or strength is wrong, or the
            units of the network act on each other without ``w_rec``.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> effects = lesion(RNN(3, 8, 3, seed=0), FlipFlop(seed=0), [0, [1, 2]], strength=0.5)
        >>> effects.labels, effects.scores.tolist()
        (['unit 0', 'units 1, 2'], [0.5, 0.5])
    """
    network = as_network(network)
    targets, strengths = _paired(targets_of(network, units), strength)
    with read_trials(network, trials, n_trials, h) as given:
        for target in [target for target in targets if len(target.units)][:1]:
            check_acts(given.network, target)
        intact = Target("intact", torch.zeros(0, dtype=torch.long))
        everything = torch.cat([torch.ones(1).double(), strengths])
        cuts = cuts_of(given.network, [intact, *targets], everything)
        runs = run(given, 1 + len(targets), _prepared(given.network, cuts))
        kept = None if points is None else _survivors(network, targets, strengths, points)
        return compared(given, targets, strengths, runs, kept)


@contextmanager
def lesioned(network: _Network, units: Units, *, strength: float = 0.0) -> Iterator[_Network]:
    """Lesion a network for a while: within the context, everything sees the lesioned network.

    Use it for any analysis, such as the fixed points and the skeleton of a lesioned network. As
    in :func:`lesion`, what the units send is scaled. A silent unit receives nothing, either, so
    that it is at rest. The layers have other weights meanwhile, which do not learn. Afterwards the
    network is exactly as it was.

    Args:
        network: A network of pyrnn.
        units: One target of :func:`lesion`.
        strength: What is left, from 0 (silent) to 1 (intact).

    Yields:
        The network.

    Raises:
        TypeError: If ``network`` is no network of pyrnn, or ``units`` no target.
        ValueError: As :func:`lesion`.

    Example:
        >>> from pyrnn import RNN
        >>> rnn, inputs = RNN(1, 8, 1, dale_ratio=0.5, seed=0), torch.ones(5, 10, 1)
        >>> with lesioned(rnn, [2, 3]):
        ...     states = rnn.predict(inputs).states
        >>> states[..., 2:4].any().item(), rnn.predict(inputs).states[..., 2:4].any().item()
        (False, True)
    """
    network = as_network(network)  # type: ignore[assignment]
    strength = as_number("strength", strength, low=0, high=1)
    target = one_target(network, units)
    with torch.no_grad(), in_mode(network, False):
        check_acts(network, target)
        cuts = cuts_of(network, [target], torch.tensor([strength], dtype=torch.float64))
    layers = layers_of(network)
    before = [(layer, type(layer), dict(vars(layer))) for layer in layers.values()]
    try:
        with torch.no_grad():
            _cut(network, cuts)
        yield network
    finally:
        for layer, kind, attributes in before:
            layer.__class__ = kind
            vars(layer).clear()
            vars(layer).update(attributes)


def _cut(network: RNNBase, cuts: Cuts) -> None:
    """Give the layers of a network the weights of the first of some lesions."""
    alive = (~cuts.is_silent[0]).to(network.h0)
    for name, layer in layers_of(network).items():
        factor = cuts.columns[name].expand(layer.out_features, -1)
        if name == "w_rec" and cuts.connections is not None:
            factor = factor * cuts.connections[0]
        n_gates = layer.out_features // network.hidden_size
        rows = None if name == "w_out" or alive.all() else alive.repeat(n_gates)
        if rows is not None or (factor != 1).any():
            with_weights(layer, factor, rows)


def _paired(
    targets: list[Target], strength: float | Tensor | Sequence[float]
) -> tuple[list[Target], Tensor]:
    """Return as many targets as strengths."""
    strengths = as_tensor("strength", strength).detach().double().cpu()
    if strengths.dim() > 1 or (strengths.dim() and not len(strengths)):
        raise ValueError(f"expected one strength for each target, got {tuple(strengths.shape)}")
    wrong = ~((strengths >= 0) & (strengths <= 1))
    if wrong.any():
        raise ValueError(
            f"expected a strength between 0 (silent) and 1 (intact), got {strengths[wrong][0]:g}"
        )
    if len(targets) == 1 and strengths.dim():
        targets = targets * len(strengths)
    if strengths.dim() and len(strengths) != len(targets):
        raise ValueError(
            f"expected one strength, or one for each of the {len(targets)} targets, got "
            f"{len(strengths)}"
        )
    return targets, strengths.expand(len(targets)).clone()


def _prepared(network: RNNBase, cuts: Cuts) -> Prepared:
    return lambda first, last: (cuts.part(first, last).replacements(network), None)


def _survivors(
    network: RNNBase, targets: list[Target], strengths: Tensor, points: FixedPoints
) -> Tensor:
    """Return whether each stable point survives each lesion, ``(n, n_stable)``."""
    if not isinstance(points, FixedPoints):
        raise TypeError(f"expected points of find_fixed_points, got {type(points).__name__}")
    stable = points[points.is_stable]
    if not len(stable):
        raise ValueError("expected points with a stable one, got none, so that none can survive")
    network = deepcopy(network).double().eval()
    cuts = cuts_of(network, targets, strengths)
    h = stable.states.expand(len(targets), *stable.states.shape)
    x = stable.inputs.expand(len(targets), *stable.inputs.shape)
    speed = torch.full(h.shape[:-1], torch.inf)
    size = stable.states.norm(dim=-1) + stable.states.norm(dim=-1).mean()
    with evaluated_once(network, cuts.replacements(network)):
        for _ in range(_MOST_STEPS):
            h, before = network.step(h, x), h
            speed = (h - before).norm(dim=-1)
            if bool((speed <= _AT_REST * size).all()):
                break
    distance = (h[:, :, None] - stable.states).norm(dim=-1)
    is_other = (stable.inputs[:, None] != stable.inputs).any(-1)
    to_self = distance.diagonal(dim1=-2, dim2=-1)
    is_self = torch.eye(len(stable), dtype=torch.bool, device=h.device)
    to_others = distance.masked_fill(is_other | is_self, torch.inf).min(-1).values
    return (2 * to_self < to_others) & (speed <= _AT_REST * size)
