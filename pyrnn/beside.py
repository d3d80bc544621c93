"""What a network is beside its config and its weights, as plain data for a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyrnn.constraints import Bounds, constrain, intervals
from pyrnn.serialize import argument_names
from pyrnn.training import History

__all__ = ["beside_weights", "restore_beside_weights"]


def beside_weights(rnn: Any) -> dict[str, Any]:
    """Return what a file holds beside config and weights, as plain data.

    Args:
        rnn: The network.

    Example:
        >>> from pyrnn import RNN
        >>> RNN(3, 8, 2, frozen=["w_in"]).beside_weights()["frozen"]
        ['w_in.weight']
    """
    bounds = {
        f"{layer}.{name}": intervals(module, name)
        for layer, module in rnn.named_children()
        for name in getattr(module, "parametrizations", ())
    }
    return {
        "attributes": _plain_attributes(rnn),
        "dtype": rnn.h0.dtype,
        "constraints": {name: pair for name, pair in bounds.items() if pair is not None},
        "frozen": [name for name, p in rnn.named_parameters() if not p.requires_grad],
        "history": None if rnn.history is None else rnn.history.to_dict(),
        "training_state": rnn.training_state,
    }


def restore_beside_weights(rnn: Any, saved: Mapping[str, Any]) -> None:
    """Take on what ``beside_weights`` returned.

    Args:
        rnn: A network that was built from the same config.
        saved: What was returned.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(3, 8, 2)
        >>> rnn.restore_beside_weights(RNN(3, 8, 2, frozen=["w_in"]).beside_weights())
        >>> rnn.w_in.weight.requires_grad
        False
    """
    for name, (low, high) in saved["constraints"].items():
        layer, parameter = name.split(".")
        constrain(getattr(rnn, layer), Bounds(low, high), name=parameter)
    rnn.to(saved["dtype"])
    for name, value in saved["attributes"].items():
        if getattr(rnn, name) != value:  # changed since it was built, as in rnn.noise = 0
            setattr(rnn, name, value)
    for name, free in rnn.named_parameters():
        free.requires_grad_(name not in saved["frozen"])
    history = saved["history"]
    rnn.history = None if history is None else History.from_dict(history)
    rnn.training_state = saved["training_state"]


def _plain_attributes(rnn: Any) -> dict[str, Any]:
    values = {name: getattr(rnn, name, None) for name in argument_names(type(rnn))}
    return {k: v for k, v in values.items() if isinstance(v, (bool, int, float, str))}
