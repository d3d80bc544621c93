"""What an intervention acts on: units, groups, connections, layers and regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from pyrnn.base import RNNBase
from pyrnn.connectivity import Connectivity, Region
from pyrnn.options import LAYERS
from pyrnn.validate import as_integer, as_tensor

__all__ = [
    "Target",
    "Units",
    "as_network",
    "as_window",
    "groups_of",
    "one_target",
    "targets_of",
    "units_of",
]

Units: TypeAlias = (
    "int | str | slice | range | Tensor | np.ndarray | Sequence[Units] | Mapping[str, Units]"
)
"""Units, connections, layers or regions: one target, or several."""

_ARROW = "->"


class Target(NamedTuple):
    """What one lesion scales.

    Attributes:
        label: Its name.
        units: Indices of units, ``(n,)``; empty for connections and layers.
        connections: Which recurrent connections, ``(hidden_size, hidden_size)``, or None.
        layer: Name of the layer, or an empty text.
    """

    label: str
    units: Tensor
    connections: Tensor | None = None
    layer: str = ""


def as_network(network: object) -> RNNBase:
    """Return a network of pyrnn; refuse anything else.

    Args:
        network: What was given.

    Raises:
        TypeError: If it is no network of pyrnn.
    """
    if not isinstance(network, RNNBase):
        raise TypeError(
            f"expected a network of pyrnn, got {type(network).__name__}; an intervention acts on "
            "the layers w_in, w_rec and w_out: copy a module of torch with RNN.from_torch, "
            "GRU.from_torch or LSTM.from_torch, or write a subclass of RNNBase"
        )
    return network


def targets_of(network: RNNBase, units: Units) -> list[Target]:
    """Return the targets that a user named: one, or several.

    Args:
        network: The network.
        units: What was given.

    Raises:
        TypeError: If it names no target.
        ValueError: If there is no such unit, region or layer, or no target at all.
    """
    if isinstance(units, str) and units == "each":
        several: list[Units] = list(range(network.hidden_size))
        found = [one_target(network, unit) for unit in several]
    elif isinstance(units, Mapping):
        found = [one_target(network, one)._replace(label=str(k)) for k, one in units.items()]
    elif _is_one(units):
        found = [one_target(network, units)]
    else:
        found = [one_target(network, one) for one in units]  # type: ignore[union-attr]
    if not found:
        raise ValueError("expected at least one target, got none; units='each' takes every unit")
    return found


def one_target(network: RNNBase, units: Units) -> Target:
    """Return one target.

    Args:
        network: The network.
        units: What was given.

    Raises:
        TypeError: If it names no target.
        ValueError: If there is no such unit, region or layer.
    """
    none = torch.zeros(0, dtype=torch.long)
    if isinstance(units, str):
        return _named(network, units)
    if _is_matrix(units):
        mask, n = torch.as_tensor(units), network.hidden_size
        if mask.shape != (n, n):
            raise ValueError(
                f"expected a mask of connections of shape ({n}, {n}), got {tuple(mask.shape)}; "
                "rows are postsynaptic, columns presynaptic"
            )
        return Target(f"{int(mask.sum())} connections", none, mask)
    indices = units_of(network, units)
    listed = ", ".join(map(str, indices[:4].tolist())) + (", …" if len(indices) > 4 else "")
    plural = "s" if len(indices) != 1 else ""
    return Target(f"unit{plural} {listed}", indices)


def units_of(network: RNNBase, units: Units) -> Tensor:
    """Return the indices of a group of units, ``(n,)``.

    Args:
        network: The network.
        units: One index or several, a slice, a mask, or the name of a region.

    Raises:
        TypeError: If these are no units.
        ValueError: If a unit does not exist, or there is none.
    """
    n = network.hidden_size
    if isinstance(units, str):
        units = _region(network, units).units
    if isinstance(units, slice):
        indices = list(range(n))[units]
    elif isinstance(units, (Tensor, np.ndarray)) and str(units.dtype).endswith("bool"):
        if tuple(units.shape) != (n,):
            raise ValueError(f"expected a mask of units of shape ({n},), got {tuple(units.shape)}")
        indices = torch.as_tensor(units).nonzero()[:, 0].tolist()
    elif isinstance(units, (Tensor, np.ndarray)):
        values = as_tensor("units", units).flatten().tolist()
        indices = [as_integer("every unit", unit) for unit in values]
    elif isinstance(units, Sequence):
        indices = [as_integer("every unit", unit) for unit in units]
    else:
        indices = [as_integer("units", units)]
    wrong = [i for i in indices if not -n <= i < n]
    if wrong:
        raise ValueError(f"expected units among 0..{n - 1}, got {wrong[0]}")
    if not indices:
        raise ValueError("expected at least one unit, got none")
    return torch.tensor(sorted({i % n for i in indices}))


def groups_of(network: RNNBase, units: Units, what: str) -> list[Target]:
    """Return targets that are groups of units.

    Args:
        network: The network.
        units: What was given.
        what: Name of the intervention, for the message.

    Raises:
        ValueError: If a target is a layer or consists of connections.
    """
    targets = targets_of(network, units)
    for target in targets:
        if not len(target.units):
            raise ValueError(
                f"expected units to {what}, got {target.label}, which have no state; use lesion"
            )
    return targets


def as_window(start: int, stop: int | None, n_steps: int) -> tuple[int, int]:
    """Return the first step of a window, and the step after its last one.

    Args:
        start: First step.
        stop: Step after the last one; None for the end of the trial.
        n_steps: Length of the trial.

    Raises:
        ValueError: If the window is empty or reaches over the end of the trial.
    """
    first = as_integer("start", start, low=0)
    last = n_steps if stop is None else as_integer("stop", stop)
    if not first < last <= n_steps:
        raise ValueError(
            f"expected steps start < stop within a trial of {n_steps} steps, got start={first} "
            f"and stop={last}"
        )
    return first, last


def _is_matrix(units: Units) -> bool:
    is_array = isinstance(units, (Tensor, np.ndarray))
    return is_array and units.ndim == 2 and str(units.dtype).endswith("bool")  # type: ignore[union-attr]


def _is_one(units: Units) -> bool:
    """Return whether this is one target: a sequence of indices is one group."""
    if isinstance(units, (Tensor, np.ndarray)):
        return units.ndim < 2 or _is_matrix(units)
    if isinstance(units, Sequence) and not isinstance(units, (str, range)):
        kinds = (str, slice, Sequence)
        is_index = [
            not isinstance(one, kinds) and not (isinstance(one, (Tensor, np.ndarray)) and one.ndim)
            for one in units
        ]
        return all(is_index) and bool(is_index)
    return True


def _named(network: RNNBase, name: str) -> Target:
    """Return a layer, a region, or the projection from one region to another."""
    none = torch.zeros(0, dtype=torch.long)
    if name in LAYERS:
        return Target(name, none, layer=name)
    if _ARROW not in name:
        return Target(name, units_of(network, name))
    source, target = (_region(network, part.strip()) for part in name.split(_ARROW, 1))
    mask = torch.zeros(network.hidden_size, network.hidden_size, dtype=torch.bool)
    mask[target.units, source.units] = True
    return Target(name, none, mask)


def _region(network: RNNBase, name: str) -> Region:
    wiring = network.connectivity
    regions = wiring.regions if isinstance(wiring, Connectivity) else {}
    if name not in regions:
        known = ", ".join((*LAYERS, *regions))
        raise ValueError(
            f"expected 'each', the name of a layer or region ({known}), or 'source -> target' of "
            f"two regions, got {name!r}"
        )
    return regions[name]
