"""Penalties: terms that are added to the loss and recorded under their own names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from pyrnn.training.losses import masked_mean
from pyrnn.training.network import Rolled
from pyrnn.validate import as_bound, as_list, as_number, check_kind, check_tensors

__all__ = [
    "L1",
    "L2",
    "ActivityL1",
    "ActivityL2",
    "BoundsPenalty",
    "Smoothness",
    "StatePenalty",
]

_LAYERS = ("w_in", "w_rec", "w_out")


@dataclass(frozen=True)
class _Penalty:
    weight: float

    def __post_init__(self) -> None:
        _set(self, weight=as_number("weight", self.weight))
        check_kind("name", vars(self).get("name", ""), str)


@dataclass(frozen=True)
class _OnLayers(_Penalty):
    layers: Sequence[str] = _LAYERS

    def __post_init__(self) -> None:
        super().__post_init__()
        layers = as_list("layers", self.layers, "names")
        if not layers:
            raise ValueError("expected layers to have at least one name, got none")
        for name in layers:
            check_kind("every name in layers", name, str)
        _set(self, layers=tuple(layers))

    def _weights(self, rnn: nn.Module) -> list[Tensor]:
        return [_layer(rnn, name, type(self).__name__).weight for name in self.layers]


@dataclass(frozen=True)
class L1(_OnLayers):
    r"""Penalize :math:`\lambda \sum_{ij} |w_{ij}|` of the effective weights of some layers.

    Args:
        weight: :math:`\lambda`.
        layers: Names of the layers; dots reach into modules (``"encoder.0"``).
        name: Name in the history.

    Raises:
        TypeError: If the weight is no number, or layers is no list of names.
        ValueError: If the weight is not finite.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(1, 4, 1)
        >>> L1(1.0, layers=["w_out"])(rnn, rnn(torch.zeros(2, 5, 1))).item()
        0.0
    """

    name: str = "l1"

    def __call__(self, rnn: nn.Module, rollout: Rolled) -> Tensor:
        """Return the penalty."""
        return self.weight * _total(weight.abs().sum() for weight in self._weights(rnn))


@dataclass(frozen=True)
class L2(_OnLayers):
    r"""Penalize :math:`\lambda \sum_{ij} w_{ij}^2` of the effective weights of some layers.

    Args:
        weight: :math:`\lambda`.
        layers: Names of the layers; dots reach into modules (``"encoder.0"``).
        name: Name in the history.

    Raises:
        TypeError: If the weight is no number, or layers is no list of names.
        ValueError: If the weight is not finite.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(1, 4, 1, init="identity")
        >>> L2(0.5, layers=["w_rec"])(rnn, rnn(torch.zeros(2, 5, 1))).item()
        2.0
    """

    name: str = "l2"

    def __call__(self, rnn: nn.Module, rollout: Rolled) -> Tensor:
        """Return the penalty."""
        return self.weight * _total(weight.square().sum() for weight in self._weights(rnn))


class StatePenalty(_Penalty, ABC):
    r"""Penalize the mean of a number per state and step: :math:`\lambda \langle p \rangle`.

    The mean runs over the steps of each trial up to the last one that is scored. Padding and the
    time after a trial's end hence do not count. Called without a mask, it runs over all steps.

    Subclassing:
        Write a dataclass with ``values(rnn, rollout)`` and a field ``name``.

    Example:
        >>> from pyrnn import RNN
        >>> @dataclass(frozen=True)
        ... class Peaks(StatePenalty):
        ...     name: str = "peaks"
        ...
        ...     def values(self, rnn, rollout):
        ...         return (rollout.states - 0.5).clamp(min=0)
        >>> rnn = RNN(1, 4, 1)
        >>> Peaks(1.0).values(rnn, rnn(torch.zeros(2, 5, 1))).shape
        torch.Size([2, 5, 4])
        >>> Peaks(1.0)(rnn, rnn(torch.zeros(2, 5, 1))).item()
        0.0
    """

    @abstractmethod
    def values(self, rnn: nn.Module, rollout: Rolled) -> Tensor:
        """Return the numbers to average, ``(..., time, n)``.

        Args:
            rnn: The network.
            rollout: Its outputs and states.
        """

    def __call__(self, rnn: nn.Module, rollout: Rolled, mask: Tensor | None = None) -> Tensor:
        """Return the penalty.

        Args:
            rnn: The network.
            rollout: Its outputs and states.
            mask: Weights of the steps in the loss, ``(..., time)`` or of the shape of the targets.
        """
        values = self.values(rnn, rollout)
        if mask is None:
            return self.weight * values.mean()
        within = _within(mask, values.ndim)[..., -values.shape[-2] :]
        return self.weight * masked_mean(values, within)


@dataclass(frozen=True)
class ActivityL2(StatePenalty):
    r"""Penalize :math:`\lambda \langle r_{i,t}^2 \rangle`, the mean squared firing rate.

    :math:`r` is what ``rnn.rates`` returns: :math:`f(h)` where the state is a current (``CTRNN``,
    ``LowRankRNN``), the state where it is a rate (``RNN``, ``RateRNN``), and :math:`h` of gated
    networks. It is the state of a module that is no network of pyrnn. To penalize currents, write
    ``lambda rnn, rollout: 1e-3 * rollout.states.square().mean()``.

    Args:
        weight: :math:`\lambda`.
        name: Name in the history.

    Raises:
        TypeError: If the weight is no number.
        ValueError: If it is not finite.

    Example:
        >>> from pyrnn import CTRNN
        >>> rnn = CTRNN(1, 4, 1, activation="sigmoid", gain=0.0)  # no current, half of all rates
        >>> ActivityL2(1.0)(rnn, rnn(torch.zeros(2, 5, 1))).item()
        0.25

    References:
        Sussillo, Churchland, Kaufman & Shenoy, *Nat. Neurosci.* (2015).
    """

    name: str = "activity_l2"

    def values(self, rnn: nn.Module, rollout: Rolled) -> Tensor:
        """Return the squared rates, ``(..., time, hidden_size)``."""
        return _rates(rnn, rollout).square()


@dataclass(frozen=True)
class ActivityL1(StatePenalty):
    r"""Penalize :math:`\lambda \langle |r_{i,t}| \rangle`, the mean firing rate.

    :math:`r` is what ``rnn.rates`` returns, see :class:`ActivityL2`.

    Args:
        weight: :math:`\lambda`.
        name: Name in the history.

    Raises:
        TypeError: If the weight is no number.
        ValueError: If it is not finite.

    Example:
        >>> from pyrnn import CTRNN
        >>> rnn = CTRNN(1, 4, 1, activation="sigmoid", gain=0.0)
        >>> ActivityL1(1.0)(rnn, rnn(torch.zeros(2, 5, 1))).item()
        0.5
    """

    name: str = "activity_l1"

    def values(self, rnn: nn.Module, rollout: Rolled) -> Tensor:
        """Return the absolute rates, ``(..., time, hidden_size)``."""
        return _rates(rnn, rollout).abs()


@dataclass(frozen=True)
class Smoothness(StatePenalty):
    r"""Penalize :math:`\lambda \langle (h_{i,t} - h_{i,t-1})^2 \rangle`: fast changes of states.

    Args:
        weight: :math:`\lambda`.
        name: Name in the history.

    Raises:
        TypeError: If the weight is no number.
        ValueError: If it is not finite.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(1, 4, 1)
        >>> Smoothness(0.1)(rnn, rnn(torch.zeros(2, 5, 1))).item()
        0.0
    """

    name: str = "smoothness"

    def values(self, rnn: nn.Module, rollout: Rolled) -> Tensor:
        """Return the squared changes since the step before, ``(..., time - 1, state_size)``."""
        return rollout.states.diff(dim=-2).square()


@dataclass(frozen=True)
class BoundsPenalty(_Penalty):
    r"""Penalize values out of bounds.

    .. math:: \lambda \sum_i \max(0, a - v_i)^2 + \max(0, v_i - b)^2

    A ``Bounds`` constraint, in contrast, is never violated. Time constants of at least ten steps:
    ``BoundsPenalty(10.0, "tau", low=10 * rnn.dt)``.

    Args:
        weight: :math:`\lambda`.
        attribute: Name of the network's attribute :math:`v`; dots reach into layers
            (``"w_rec.weight"``).
        low: Lower bound :math:`a`.
        high: Upper bound :math:`b`.
        name: Name in the history.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If the weight is not finite, or ``low`` exceeds ``high``.

    Example:
        >>> from pyrnn import CTRNN
        >>> rnn = CTRNN(1, 4, 1, tau=90.0, dt=10.0, train_tau=True)
        >>> BoundsPenalty(0.01, "tau", low=10 * rnn.dt)(rnn, rnn(torch.zeros(2, 5, 1))).item()
        4.0
    """

    attribute: str
    low: float = -torch.inf
    high: float = torch.inf
    name: str = "bounds"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.attribute, str):
            raise TypeError(f"expected attribute as a name, got {self.attribute!r}")
        _set(self, low=as_bound("low", self.low), high=as_bound("high", self.high))
        if self.low > self.high:
            raise ValueError(f"expected low <= high, got low={self.low:g} and high={self.high:g}")

    def __call__(self, rnn: nn.Module, rollout: Rolled) -> Tensor:
        """Return the penalty."""
        try:
            value = attrgetter(self.attribute)(rnn)
        except AttributeError as error:
            raise ValueError(
                f"expected attribute to name a tensor of {type(rnn).__name__}, such as "
                f"'w_rec.weight', got {self.attribute!r}"
            ) from error
        check_tensors(**{self.attribute: value})
        excess = (self.low - value).clamp(min=0) + (value - self.high).clamp(min=0)
        return self.weight * excess.square().sum()


@runtime_checkable
class _HasRates(Protocol):
    def rates(self, states: Tensor, /) -> Tensor: ...


def _rates(rnn: nn.Module, rollout: Rolled) -> Tensor:
    return rnn.rates(rollout.states) if isinstance(rnn, _HasRates) else rollout.states


def _within(mask: Tensor, n_axes: int) -> Tensor:
    """Return which steps lie before the end of their trial, its last scored step, ``(..., time)``.

    Args:
        mask: Weights, ``(..., time)``, or ``(..., time, output_size)`` if it has ``n_axes``.
        n_axes: Number of axes of the states.
    """
    scored = (mask if mask.ndim < n_axes else mask.amax(-1)) > 0
    n_later = scored.flip(-1).cumsum(-1).flip(-1)  # scored steps from here on
    return n_later > 0


def _set(penalty: _Penalty, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(penalty, name, value)


def _layer(rnn: nn.Module, name: str, penalty: str) -> nn.Linear:
    try:
        return rnn.get_submodule(name)  # type: ignore[return-value]
    except AttributeError as error:
        raise ValueError(
            f"expected {type(rnn).__name__} to have a layer {name!r}, got none; name the layers: "
            f"{penalty}(weight, layers=[...])"
        ) from error


def _total(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()
