"""Networks of pyrnn with the weights of torch's own recurrent modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from pyrnn.base import RNNBase
from pyrnn.linear import Linear
from pyrnn.validate import as_tensor, check_finite

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyrnn.options import Options

__all__ = ["Readout", "check_module", "copy_of"]

Readout: TypeAlias = "nn.Linear | tuple[Tensor, Tensor | None]"
"""A linear readout: the layer, or its weight and its bias."""

_Module: TypeAlias = "nn.RNNBase | nn.RNNCellBase"
_Network = TypeVar("_Network", bound=RNNBase)


def check_module(module: nn.Module, cls: type, *kinds: type[nn.Module]) -> None:
    """Check that a module of torch has the equation of a network.

    Args:
        module: The module.
        cls: Class of the network.
        *kinds: Classes of torch with its equation.

    Raises:
        TypeError: If the module is of another class.
        ValueError: If it has several layers, two directions or a projection.

    Example:
        >>> check_module(nn.GRU(3, 8, num_layers=2), nn.Module, nn.GRU)
        Traceback (most recent call last):
        ...
        ValueError: expected a module with one layer, ... got num_layers=2; ...
    """
    if not isinstance(module, kinds):
        wanted = " or ".join(f"nn.{kind.__name__}" for kind in kinds)
        raise TypeError(
            f"expected {wanted} for {cls.__name__}.from_torch, got {type(module).__name__}; RNN, "
            "GRU and LSTM each take torch's modules of their own equation"
        )
    if not isinstance(module, nn.RNNBase):
        return
    refused = {
        f"num_layers={module.num_layers}": module.num_layers > 1,
        "bidirectional=True": module.bidirectional,
        f"proj_size={module.proj_size}": module.proj_size > 0,
    }
    for option, is_set in refused.items():
        if is_set:
            raise ValueError(
                "expected a module with one layer, one direction and no projection, got "
                f"{option}; analyze it as it is: pyrnn.dynamics.as_map takes any depth"
            )


def copy_of(
    cls: type[_Network],
    module: _Module,
    readout: Readout | None,
    initial_state: Tensor | None,
    **options: Unpack[Options],
) -> _Network:
    """Return a network with the weights, the dtype and the device of a module of torch.

    Args:
        cls: Class of the network.
        module: A module that ``check_module`` has checked.
        readout: Its readout; the identity, which does not learn, by default.
        initial_state: State before the first step, ``(state_size,)``; zero by default. It learns
            if it is a parameter.
        **options: Further options of the network.

    Example:
        >>> from pyrnn import GRU
        >>> copy_of(GRU, nn.GRU(3, 8).double(), None, None).w_rec.weight.dtype
        torch.float64
    """
    n = module.hidden_size
    weight, bias = (torch.eye(n), None) if readout is None else _weight_and_bias(readout, n)
    options["bias"] = ["w_in", "w_rec"] * module.bias + ["w_out"] * (bias is not None)
    options["frozen"] = ["w_out"] if readout is None else []
    options["train_initial_state"] = isinstance(initial_state, nn.Parameter)
    rnn = cls(module.input_size, n, len(weight), **options)
    suffix = "_l0" if isinstance(module, nn.RNNBase) else ""
    rnn.to(getattr(module, f"weight_ih{suffix}"))
    for layer, ends in ((rnn.w_in, f"ih{suffix}"), (rnn.w_rec, f"hh{suffix}")):
        own_bias = getattr(module, f"bias_{ends}") if module.bias else None
        _assign(layer, getattr(module, f"weight_{ends}"), own_bias)
    _assign(rnn.w_out, weight, bias)
    if initial_state is not None:
        rnn.h0.data.copy_(_as_state(initial_state, rnn.state_size))
    return rnn


def _assign(layer: Linear, weight: Tensor, bias: Tensor | None) -> None:
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None:
            setattr(layer, name, value.detach())


def _weight_and_bias(readout: Readout, n: int) -> tuple[Tensor, Tensor | None]:
    pair = (readout.weight, readout.bias) if isinstance(readout, nn.Linear) else readout
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(
            "expected readout to be an nn.Linear or a pair (weight, bias), got "
            f"{type(readout).__name__}; for any other readout override the method readout"
        )
    weight = as_tensor("the readout's weight", pair[0])
    bias = None if pair[1] is None else as_tensor("the readout's bias", pair[1])
    fits = weight.ndim == 2 and weight.shape[1] == n
    if not fits or (bias is not None and bias.shape != weight.shape[:1]):
        raise ValueError(
            f"expected a readout with a weight (output_size, {n}) and a bias (output_size,), got "
            f"shapes {tuple(weight.shape)} and {None if bias is None else tuple(bias.shape)}"
        )
    return weight, bias


def _as_state(initial_state: Tensor, size: int) -> Tensor:
    state = check_finite("initial_state", as_tensor("initial_state", initial_state).detach())
    if state.shape != (size,):
        raise ValueError(
            f"expected an initial_state of shape ({size},), got {tuple(state.shape)}; that of an "
            "LSTM is torch.cat([h, c])"
        )
    return state
