"""A network's file: class, arguments, weights and state, read without running code of the file."""

from __future__ import annotations

import contextlib
import io
import os
import weakref
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch.nn.utils import parametrize

from pyrnn.activations import Activation
from pyrnn.constraints import Bounds, confine, constrain, intervals
from pyrnn.files import check_seal, read_bytes, sealed, write_bytes
from pyrnn.initialization import without_initial_weights
from pyrnn.linear import Constant
from pyrnn.reflection import nearest_to_zero
from pyrnn.serialize import argument_names, config_of, decode, encode
from pyrnn.training import History, Trainable
from pyrnn.training.state import TrainingState, refuse_changes

__all__ = ["PathLike", "from_bytes", "read", "restore", "save", "to_bytes"]

PathLike: TypeAlias = "str | os.PathLike[str]"

_FORMAT = "pyrnn network"
_VERSION = 3
_SEALED_SINCE = 3
_SAFE_TORCH = (2, 10)
_FORMER_TAU, _TAU = "time_constants.weight", "log_tau.weight"
_NEEDED = TrainingState.__required_keys__
# what only the construction of a network reads; its config has it
_BUILT = {"input_size", "hidden_size", "output_size", "activation", "bias", "init"}


def save(rnn: Trainable, path: PathLike) -> Path:
    """Write a network to a file: class, arguments, weights, history, state of its training.

    The network is built again from the bytes before they are written, so that no file is left that
    could not be read. It is written under another name and moved to its place in one step: a
    process that is killed leaves the old file or the new one, never half of one. It carries a
    checksum.

    Args:
        rnn: The network.
        path: Where to write; a file there is overwritten.

    Returns:
        The path.

    Raises:
        ValueError: If an argument cannot be written as plain data, or if the class and the
            arguments do not make this network again: layers replaced or added after it was built,
            ``rnn.step = ...``, weights pruned or normalized.
        OSError: If the file cannot be written.

    Example:
        >>> import pyrnn
        >>> path = getfixture("tmp_path") / "network.pt"
        >>> pyrnn.load(pyrnn.RNN(3, 8, 2, dale_ratio=0.8).save(path)).dale_ratio
        0.8
    """
    content = to_bytes(rnn)
    _check_that_it_comes_back(rnn, content)
    return write_bytes(path, content)


# what a network consisted of when its bytes were last read back
_checked: weakref.WeakKeyDictionary[Trainable, object] = weakref.WeakKeyDictionary()


def _check_that_it_comes_back(rnn: Trainable, content: bytes) -> None:
    """Refuse a network that its class and its arguments do not make again."""
    shapes = {name: value.shape for name, value in rnn.state_dict().items()}
    parts = _kinds(rnn), shapes, _plain_attributes(rnn)
    if _checked.get(rnn) == parts:  # as after every epoch
        return
    try:
        again = from_bytes(type(rnn), content)
    except Exception as error:
        raise ValueError(
            f"expected a network that {type(rnn).__name__}(...) makes again from its arguments, "
            f"got {error}; build layers in __init__, and undo pruning and weight normalization"
        ) from error
    before, after = rnn.state_dict(), again.state_dict()
    changed = [name for name in before if not _is_same(before[name], after.get(name))]
    kinds, others = _kinds(rnn), _kinds(again)
    changed += [name for name in kinds.keys() | others if kinds.get(name) != others.get(name)]
    values, built = _plain_attributes(rnn), _plain_attributes(again)
    changed += [name for name, value in values.items() if not _is_same(value, built.get(name))]
    if changed:
        raise ValueError(
            f"expected a network that {type(rnn).__name__}(...) makes again from its arguments, "
            f"got another {changed[0]}; build it in __init__"
        )
    _checked[rnn] = parts


def _refuse_replaced_methods(rnn: Trainable) -> None:
    replaced = [name for name in ("step", "readout", "rates", "forward") if name in vars(rnn)]
    if replaced:
        raise ValueError(
            f"expected {replaced[0]} as the class defines it, got another one in the network; "
            "write a subclass with it, which can be saved"
        )


def _kinds(rnn: Trainable) -> dict[str, type]:
    """Return the class of each layer."""
    modules = rnn.named_modules()
    return {name: parametrize.type_before_parametrizations(module) for name, module in modules}


def _is_same(a: object, b: object) -> bool:
    if not (isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)):
        return a == b
    return a.shape == b.shape and torch.equal(a.cpu().nan_to_num(), b.cpu().nan_to_num())


def read(
    path: PathLike,
    *,
    activation: str | Activation | None = None,
    trusted: bool = False,
) -> Trainable:
    """Read a network from a file.

    Args:
        path: A file that ``save`` wrote.
        activation: Its activation; by default the one that the file names.
        trusted: Whether the file is your own, so that a torch before 2.10 may read it.

    Returns:
        The network, of the class that was saved.

    Raises:
        ValueError: If the file is damaged, of another program, of a class that is unknown, or if
            torch is too old to read a file from others without harm.

    Example:
        >>> from pyrnn import CTRNN
        >>> path = CTRNN(3, 8, 2).save(getfixture("tmp_path") / "network.pt")
        >>> type(read(path)).__name__
        'CTRNN'
    """
    if not (trusted or _is_safe(torch.__version__)):
        raise ValueError(
            "expected torch 2.10 or newer to read files from others without harm, got torch "
            f"{torch.__version__}; update it, or write pyrnn.load(path, trusted=True) for a file "
            "of your own"
        )
    content = _parsed(read_bytes(path, "rnn.save"), path)
    try:
        if activation is not None:
            content["network"]["config"]["activation"] = activation
        return _build(content)
    except (KeyError, TypeError, RuntimeError, AttributeError, IndexError) as error:
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
    saved = read(path, trusted=True)
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
    _refuse_replaced_methods(rnn)
    file = io.BytesIO()
    torch.save(_content(rnn), file)
    return sealed(file.getvalue())


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
    return _build(_parsed(content, f"the pickled {cls.__name__}"))


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
        for layer, module in rnn.named_modules()
        if parametrize.is_parametrized(module)
        for name in module.parametrizations  # type: ignore[union-attr]
    }
    return {
        "attributes": _plain_attributes(rnn),
        "dtype": rnn._like.dtype,
        "constraints": {name: pair for name, pair in bounds.items() if pair is not None},
        "frozen": [name for name, p in rnn.named_parameters() if not p.requires_grad],
        "history": None if rnn.history is None else encode(rnn.history.to_dict(), "history"),
        "training_state": encode(rnn.training_state, "training_state"),
        "training": rnn.training,
        "noise_rng": rnn.generator.get_state(),
        "engine": vars(rnn).get("_engine"),
    }


def _build(content: Mapping[str, Any]) -> Trainable:
    with without_initial_weights():
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
        layer, _, parameter = name.rpartition(".")
        confine(rnn.get_submodule(layer), low, high, name=parameter)
    known = set(argument_names(type(rnn))) - _BUILT
    for name, value in saved["attributes"].items():
        if name in known and getattr(rnn, name) != value:  # changed later, as in rnn.noise = 0
            _set_attribute(rnn, name, value)
    for name, free in rnn.named_parameters():
        free.requires_grad_(name not in saved["frozen"])
    history, state = saved["history"], saved["training_state"]
    rnn.history = None if history is None else History.from_dict(history)
    if state is not None and not (isinstance(state, dict) and state.keys() >= _NEEDED):
        raise TypeError("a state of the training that lacks some of its parts")
    rnn.training_state = state  # type: ignore[assignment]
    if "training" in saved:  # since version 3
        rnn.train(saved["training"])
        rnn.generator.set_state(saved["noise_rng"])
        with contextlib.suppress(ValueError):  # another machine may lack the kernel
            rnn.engine = saved["engine"]  # type: ignore[assignment]


def _set_attribute(rnn: Trainable, name: str, value: object) -> None:
    try:
        setattr(rnn, name, value)
    except AttributeError as error:  # tau, which follows from another attribute
        raise TypeError(f"{name}={value!r}, which is set when a network is built") from error


def _plain_attributes(rnn: Trainable) -> dict[str, bool | int | float | str]:
    """Return the arguments of a network that are plain, as they are by now."""
    values = _attributes(rnn, argument_names(type(rnn)))
    plain = {k: v for k, v in values.items() if isinstance(v, (bool, int, float, str))}
    return {k: encode(v, k) for k, v in plain.items()}  # type: ignore[misc]


def _attributes(rnn: Trainable, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(rnn, name, None) for name in names}


def _arguments(rnn: Trainable, names: Iterable[str]) -> dict[str, Any]:
    """Return what a network was built with, defaults included, and functions by their names."""
    values = _attributes(rnn, names) | config_of(rnn)
    return {name: encode(values[name], name) for name in names}


def _is_safe(version: str) -> bool:
    """Return whether a version of torch reads tensors of others without running their code."""
    return tuple(int(part) for part in version.split(".")[:2]) >= _SAFE_TORCH


def _parsed(content: bytes, path: PathLike) -> dict[str, Any]:
    """Return what the bytes of a file hold, in the present form."""
    is_sealed = check_seal(content, path)
    try:
        _refuse_compressed(content)
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"expected a file that rnn.save wrote, got {path}, which can't be read "
            f"({type(error).__name__}): it is truncated or of another program"
        ) from error
    _refuse_too_many_parts(found, len(content), path)
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise ValueError(
            f"expected a file that rnn.save wrote, got {path}, which holds a "
            f"{type(found).__name__} of another program; load it with torch.load"
        )
    version = found.get("version")
    if not isinstance(version, int) or not 1 <= version <= _VERSION:
        raise ValueError(
            f"expected a file of version {_VERSION} or older, got version {version!r} in {path}; "
            "update pyrnn"
        )
    if version >= _SEALED_SINCE and not is_sealed:
        raise ValueError(f"expected {path} with its checksum, got none: it is damaged")
    try:
        if version == 1:
            _upgrade(found)
        _refuse_other_sizes(found)
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"expected a file that rnn.save wrote, got {path} ({error!r})") from error
    return found


def _refuse_compressed(content: bytes) -> None:
    """Refuse an archive that takes more memory than its own size; torch writes none."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > len(content):
            raise ValueError("compressed")


def _refuse_too_many_parts(found: object, most: int, path: PathLike) -> None:
    """Refuse more parts than bytes: lists that hold one list many times over, and so on."""
    rest, n_parts = [found], 0
    while rest:
        part = rest.pop()
        n_parts += 1
        if n_parts > most:
            raise ValueError(f"expected a file that rnn.save wrote, got {path} of endless parts")
        if isinstance(part, dict):
            rest.extend(part.values())
        elif isinstance(part, (list, tuple)):
            rest.extend(part)


def _refuse_other_sizes(content: dict[str, Any]) -> None:
    """Refuse sizes that no weight in the file has, before a network of them is built."""
    config, shapes = content["network"]["config"], [w.shape for w in content["weights"].values()]
    largest = max((size for shape in shapes for size in shape), default=0)
    for name in ("input_size", "hidden_size", "output_size"):
        size = config.get(name, 0)
        if isinstance(size, int) and size > largest:
            raise TypeError(f"{name}={size}, more than any weight has")


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
