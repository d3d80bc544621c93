"""Penalties: terms that join the loss and are logged under their own names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from pyrnn.validate import check_callable

__all__ = [
    "L1",
    "L2",
    "ActivityL1",
    "ActivityL2",
    "BoundsPenalty",
    "Penalty",
    "Smoothness",
    "WholeL2",
    "named_penalties",
]

Penalty: TypeAlias = Callable[[nn.Module, Any], Tensor]
"""A function of the network and its rollout (``outputs``, ``states``) that returns a scalar."""

LAYERS = ("w_in", "w_rec", "w_out")
RESERVED = ("loss", "task", "learning_rate", "gradient_norm")


@dataclass(frozen=True)
class L1:
    r"""Penalize :math:`\lambda \sum_{ij} |w_{ij}|` of some layers' effective weights.

    Args:
        weight: :math:`\lambda`.
        layers: Names of the layers.

    Example:
        >>> from pyrnn import RNN
        >>> L1(1.0, layers=["w_out"])(RNN(1, 4, 1), None).item()
        0.0
    """

    weight: float
    layers: Sequence[str] = LAYERS
    name: str = "l1"

    def __call__(self, rnn: nn.Module, rollout: Any) -> Tensor:
        """Return the penalty."""
        return self.weight * _total(getattr(rnn, k).weight.abs().sum() for k in self.layers)


@dataclass(frozen=True)
class L2:
    r"""Penalize :math:`\lambda \sum_{ij} w_{ij}^2` of some layers' effective weights.

    Args:
        weight: :math:`\lambda`.
        layers: Names of the layers.

    Example:
        >>> from pyrnn import RNN
        >>> L2(0.5, layers=["w_rec"])(RNN(1, 4, 1, init="identity"), None).item()
        2.0
    """

    weight: float
    layers: Sequence[str] = LAYERS
    name: str = "l2"

    def __call__(self, rnn: nn.Module, rollout: Any) -> Tensor:
        """Return the penalty."""
        return self.weight * _total(getattr(rnn, k).weight.square().sum() for k in self.layers)


@dataclass(frozen=True)
class ActivityL2:
    r"""Penalize :math:`\lambda \langle h_{i,t}^2 \rangle`, the mean squared state.

    Args:
        weight: :math:`\lambda`.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(1, 4, 1)
        >>> ActivityL2(0.1)(rnn, rnn(torch.zeros(2, 5, 1))).item()
        0.0

    References:
        Sussillo, Churchland, Kaufman & Shenoy, *Nat. Neurosci.* (2015).
    """

    weight: float
    name: str = "activity_l2"

    def __call__(self, rnn: nn.Module, rollout: Any) -> Tensor:
        """Return the penalty."""
        return self.weight * rollout.states.square().mean()


@dataclass(frozen=True)
class ActivityL1:
    r"""Penalize :math:`\lambda \langle |f(h_{i,t})| \rangle`, the mean activity.

    Args:
        weight: :math:`\lambda`.

    Example:
        >>> from pyrnn import CTRNN
        >>> rnn = CTRNN(1, 4, 1, activation="sigmoid", gain=0.0)
        >>> ActivityL1(1.0)(rnn, rnn(torch.zeros(2, 5, 1))).item()
        0.5
    """

    weight: float
    name: str = "activity_l1"

    def __call__(self, rnn: nn.Module, rollout: Any) -> Tensor:
        """Return the penalty."""
        return self.weight * rnn.f(rollout.states).abs().mean()  # type: ignore[operator]


@dataclass(frozen=True)
class Smoothness:
    r"""Penalize :math:`\lambda \langle (h_{i,t} - h_{i,t-1})^2 \rangle`: fast changes.

    Args:
        weight: :math:`\lambda`.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(1, 4, 1)
        >>> Smoothness(0.1)(rnn, rnn(torch.zeros(2, 5, 1))).item()
        0.0
    """

    weight: float
    name: str = "smoothness"

    def __call__(self, rnn: nn.Module, rollout: Any) -> Tensor:
        """Return the penalty."""
        return self.weight * rollout.states.diff(dim=-2).square().mean()


@dataclass(frozen=True)
class WholeL2:
    r"""Penalize :math:`\lambda (\|\theta\|^2 + \|h\|^2)`: all parameters and all states.

    Args:
        weight: :math:`\lambda`.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(1, 4, 1, init="identity", frozen=["w_in"], gain=0.5)
        >>> torch.nn.init.zeros_(rnn.w_in.weight)[0].tolist()
        [0.0]
        >>> WholeL2(1.0)(rnn, rnn(torch.ones(2, 5, 1))).item()
        1.0

    References:
        Sussillo, *computation-thru-dynamics*, integrator tutorial (2019).
    """

    weight: float
    name: str = "whole_l2"

    def __call__(self, rnn: nn.Module, rollout: Any) -> Tensor:
        """Return the penalty."""
        parameters = _total(p.square().sum() for p in rnn.parameters())
        return self.weight * (parameters + rollout.states.square().sum())


@dataclass(frozen=True)
class BoundsPenalty:
    r"""Penalize leaving bounds: :math:`\lambda \sum_i \max(0, a - v_i)^2 + \max(0, v_i - b)^2`.

    The soft twin of a ``Bounds`` constraint, e.g. for time constants of at least ten steps:
    ``BoundsPenalty(10.0, "tau", low=10 * rnn.dt)``.

    Args:
        weight: :math:`\lambda`.
        attribute: Name of the network's attribute that holds :math:`v`; dots reach into layers
            (``"w_rec.weight"``).
        low: :math:`a`.
        high: :math:`b`.

    Example:
        >>> from pyrnn import CTRNN
        >>> rnn = CTRNN(1, 4, 1, tau=90.0, dt=10.0, train_tau=True)
        >>> BoundsPenalty(0.01, "tau", low=10 * rnn.dt)(rnn, None).item()
        4.0
    """

    weight: float
    attribute: str
    low: float = -torch.inf
    high: float = torch.inf
    name: str = "bounds"

    def __call__(self, rnn: nn.Module, rollout: Any) -> Tensor:
        """Return the penalty."""
        value: Any = rnn
        for part in self.attribute.split("."):
            value = getattr(value, part)
        excess = (self.low - value).clamp(min=0) + (value - self.high).clamp(min=0)
        return self.weight * excess.square().sum()


def named_penalties(
    penalties: Mapping[str, Penalty] | Sequence[Penalty] | Penalty | None,
) -> dict[str, Penalty]:
    """Return penalties by the name they are logged under.

    Example:
        >>> list(named_penalties([L1(0.1), L2(0.1, name="decay")]))
        ['l1', 'decay']

    Raises:
        TypeError: If one can't be called with a network and its rollout.
        ValueError: If two have the same name, or one that the history uses itself.
    """
    if penalties is None:
        return {}
    if isinstance(penalties, Mapping):
        named = dict(penalties)
    else:
        items = [penalties] if callable(penalties) else list(penalties)
        names = [getattr(p, "name", getattr(p, "__name__", type(p).__name__)) for p in items]
        if len(set(names)) < len(names):
            raise ValueError(f"expected penalties of different names, got {names}; give name=...")
        named = dict(zip(names, items, strict=True))
    for name, penalty in named.items():
        if name in RESERVED:
            raise ValueError(f"expected penalties not named {', '.join(RESERVED)}, got {name!r}")
        if not callable(penalty):
            raise TypeError(f"expected penalty(rnn, rollout) -> scalar, got {name} = {penalty!r}")
        check_callable(name, penalty, "rnn", "rollout")
    return named


def _total(terms: Any) -> Tensor:
    return torch.stack(list(terms)).sum()
