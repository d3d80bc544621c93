"""A network's file: class, arguments, weights and state, read without running code of the file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch

from pyrnn.activations import Activation
from pyrnn.constraints import Bounds, constrain, intervals
from pyrnn.files import replacing
from pyrnn.linear import Constant
from pyrnn.reflection import nearest_to_zero
from pyrnn.serialize import argument_names, config_of, decode, encode
from pyrnn.training import History, Trainable
from pyrnn.training.state import refuse_changes

__all__ = ["PathLike", "from_bytes", "read", "restore", "save", "to_bytes"]

PathLike: TypeAlias = "str | os.PathLike[str]"

_FORMAT = "pyrnn network"
_VERSION = 2
_FORMER_TAU, _TAU = "time_constants.weight", "log_tau.weight"
# what only the construction of a network reads; its config has it
_BUILT = {"input_size", "hidden_size", "output_size", "activation", "bias", "init"}


def save(rnn: Trainable, path: PathLike) -> Path:
    """Write a network to a file: class, arguments, weights, history, state of its training.

    The file is written under another name and moved to its place in one step. A process that is
    killed leaves the old file or the new one, never half of one. An argument of the network that
    cannot be written as plain data raises ``ValueError``.

    Args:
        rnn: The network.
        path: Where to write; a file there is overwritten.

    Returns:
        The path.

    Example:
        >>> import pyrnn
        >>> path = getfixture("tmp_path") / "network.pt"
        >>> pyrnn.load(pyrnn.RNN(3, 8, 2, dale_ratio=0.8).save(path)).dale_ratio
        0.8
    """
    content = _content(rnn)
    with replacing(path) as partial, open(partial, "wb") as file:
        torch.save(content, file)
    return Path(path)


def read(path: PathLike, *, activation: str | Activation | None = None) -> Trainable:
    """Read a network from a file.

    Args:
        path: A file that ``save`` wrote.
        activation: Its activation; by default the one that the file names.

    Returns:
        The network, of the class that was saved.

    Raises:
        ValueError: If the file is truncated, of another program, or of a class that is unknown.

    Example:
        >>> from pyrnn import CTRNN
        >>> path = CTRNN(3, 8, 2).save(getfixture("tmp_path") / "network.pt")
        >>> type(read(path)).__name__
        'CTRNN'
    """
    content = _read(Path(path))
    if activation is not None:
        content["network"]["config"]["activation"] = activation
    try:
        return _build(content)
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ValueError(
            f"expected {path} to fit the network's class as it is now, got: {error}; "
            "has its code changed since the file was written?"
        ) from error


def restore(rnn: Trainable, path: PathLike) -> None:
    """Load weights, history and state of the training from a file of the same network.

    Args:
        rnn: The network.
        path: A file that ``save`` wrote.

    Raises:
        ValueError: If it holds a network of another class or with other arguments.

    Example:
        >>> from pyrnn import RNN
        >>> path = RNN(3, 8, 3, seed=0).save(getfixture("tmp_path") / "run.pt")
        >>> rnn = RNN(3, 8, 3, seed=1)
        >>> restore(rnn, path)
        >>> torch.equal(rnn.w_rec.weight, RNN(3, 8, 3, seed=0).w_rec.weight)
        True
    """
    saved = read(path)
    if type(saved) is not type(rnn):
        raise ValueError(
            f"expected a network of class {type(rnn).__name__} in {path}, got one of class "
            f"{type(saved).__name__}; use another checkpoint, or resume=False"
        )
    names = sorted((config_of(saved).keys() | config_of(rnn).keys()) - {"seed"})
    before, now = _arguments(saved, names), _arguments(rnn, names)
    plain = (bool, int, float, str)
    is_plain = [isinstance(before[k], plain) or isinstance(now[k], plain) for k in names]
    refuse_changes({k: (before[k], now[k]) for k, p in zip(names, is_plain, strict=True) if p})
    try:
        rnn.load_state_dict(saved.state_dict())
    except RuntimeError as error:
        raise ValueError(
            f"expected {path} to hold a network like this one, got: {error}; use another "
            "checkpoint, or resume=False"
        ) from error
    rnn.history, rnn.training_state = saved.history, saved.training_state


def to_bytes(rnn: Trainable) -> bytes:
    """Return the content of a network's file, by which it is pickled.

    Args:
        rnn: The network.

    Example:
        >>> import pickle, pyrnn
        >>> pickle.loads(pickle.dumps(pyrnn.RNN(3, 8, 2, dale_ratio=0.8))).dale_ratio
        0.8
    """
    file = io.BytesIO()
    torch.save(_content(rnn), file)
    return file.getvalue()


def from_bytes(cls: type, content: bytes) -> Trainable:
    """Return the network of ``to_bytes``.

    Args:
        cls: Its class, by which pickle imports the module that defines it.
        content: What ``to_bytes`` returned.

    Example:
        >>> from pyrnn import RNN
        >>> from_bytes(RNN, to_bytes(RNN(3, 8, 2))).hidden_size
        8
    """
    return _build(torch.load(io.BytesIO(content), weights_only=True))


def _content(rnn: Trainable) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "network": encode(rnn, type(rnn).__name__),
        "beside": _state(rnn),
        "weights": rnn.state_dict(),
    }


def _state(rnn: Trainable) -> dict[str, Any]:
    """Return what a file holds in addition to config and weights, as plain data."""
    bounds = {
        f"{layer}.{name}": intervals(module, name)
        for layer, module in rnn.named_children()
        for name in getattr(module, "parametrizations", ())
    }
    return {
        "attributes": _plain_attributes(rnn),
        "dtype": rnn._like.dtype,
        "constraints": {name: pair for name, pair in bounds.items() if pair is not None},
        "frozen": [name for name, p in rnn.named_parameters() if not p.requires_grad],
        "history": None if rnn.history is None else rnn.history.to_dict(),
        "training_state": rnn.training_state,
    }


def _build(content: Mapping[str, Any]) -> Trainable:
    rnn = decode(content["network"])
    if not isinstance(rnn, Trainable):
        raise TypeError(f"a network is needed, not {type(rnn).__name__}")
    _set_state(rnn, content["beside"])
    rnn.load_state_dict(content["weights"])
    return rnn


def _set_state(rnn: Trainable, saved: Mapping[str, Any]) -> None:
    """Give a network, built from the same config, what ``_state`` returned."""
    rnn.to(saved["dtype"])  # first, as bounds of another dtype are rounded otherwise
    for name, (low, high) in saved["constraints"].items():
        layer, parameter = name.split(".")
        constrain(getattr(rnn, layer), Bounds(low, high), name=parameter)
    known = set(argument_names(type(rnn))) - _BUILT
    for name, value in saved["attributes"].items():
        if name in known and getattr(rnn, name) != value:  # changed later, as in rnn.noise = 0
            setattr(rnn, name, value)
    for name, free in rnn.named_parameters():
        free.requires_grad_(name not in saved["frozen"])
    history = saved["history"]
    rnn.history = None if history is None else History.from_dict(history)
    rnn.training_state = saved["training_state"]


def _plain_attributes(rnn: Trainable) -> dict[str, bool | int | float | str]:
    """Return the arguments of a network that are plain, as they are by now."""
    values = _attributes(rnn, argument_names(type(rnn)))
    return {k: v for k, v in values.items() if isinstance(v, (bool, int, float, str))}


def _attributes(rnn: Trainable, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(rnn, name, None) for name in names}


def _arguments(rnn: Trainable, names: Iterable[str]) -> dict[str, Any]:
    """Return what a network was built with, defaults included, and functions by their names."""
    values = _attributes(rnn, names) | config_of(rnn)
    return {name: encode(values[name], name) for name in names}


def _read(path: Path) -> dict[str, Any]:
    # one error says what is wrong with the file
    if not path.is_file():
        raise FileNotFoundError(f"expected a file that rnn.save wrote, got no file at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"expected a file that rnn.save wrote, got {path}, which can't be read "
            f"({type(error).__name__}): it is truncated or of another program"
        ) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(
            f"expected a file that rnn.save wrote, got {path}, which holds a "
            f"{type(content).__name__} of another program; load it with torch.load"
        )
    if content["version"] > _VERSION:
        raise ValueError(
            f"expected a file of version {_VERSION} or older, got version {content['version']} "
            f"in {path}; update pyrnn"
        )
    if content["version"] == 1:
        _upgrade(content)
    return content


def _upgrade(content: dict[str, Any]) -> None:
    """Change the content of a file of version 1, which pyrnn 0.1 wrote, into the present form.

    A free parameter was the weight; now it is the weight's distance from the admissible value
    that is nearest to zero. Time constants were learned in ms; now their logarithm is.
    """
    weights, beside = content["weights"], content["beside"]
    if _FORMER_TAU in beside["constraints"]:
        _upgrade_time_constants(content["network"]["config"], weights, beside)
    if content["network"]["__class__"].endswith("LowRankRNN"):  # which ignored these two
        for option in ("gain", "init"):
            content["network"]["config"].pop(option, None)
    for name, (low, high) in beside["constraints"].items():
        key = _free(name)
        if name != _TAU:
            weights[key] = weights[key] - nearest_to_zero(low, high)


def _upgrade_time_constants(
    config: Mapping[str, Any], weights: dict[str, Any], beside: dict[str, Any]
) -> None:
    low, high = beside["constraints"].pop(_FORMER_TAU)
    former = Constant(weights.pop(_free(_FORMER_TAU)))
    constrain(former, Bounds(low, high))
    tau = former.weight.detach()
    initial = torch.as_tensor(config["tau"]).to(tau)
    beside["constraints"][_TAU] = (low / initial).log(), (high / initial).log()
    weights[_free(_TAU)] = (tau / initial).log()
    names = {_free(_FORMER_TAU): _free(_TAU)}
    beside["frozen"] = [names.get(name, name) for name in beside["frozen"]]
    if beside["training_state"]:  # momenta were those of other units
        kind, sizes, state = beside["training_state"]["optimizer"]
        beside["training_state"]["optimizer"] = kind, sizes, {**state, "state": {}}


def _free(name: str) -> str:
    """Return the name of the free parameter of a constrained weight, such as ``w_rec.weight``."""
    layer, parameter = name.split(".")
    return f"{layer}.parametrizations.{parameter}.original"
