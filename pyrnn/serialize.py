"""Objects as plain data that a file can hold, and back.

An object can be written if its class is registered and its arguments are known. A network
remembers the arguments it was built with; other objects keep every argument of ``__init__`` as an
attribute of the same name, as scikit-learn's estimators do.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = [
    "argument_names",
    "class_named",
    "config_of",
    "decode",
    "decode_arrays",
    "encode",
    "encode_arrays",
    "register",
    "register_former",
    "remember",
]

_classes: dict[str, type] = {}
_former: dict[str, Callable[..., Any]] = {}
_Class = TypeVar("_Class", bound=type)
_Self = TypeVar("_Self")
_Arguments = ParamSpec("_Arguments")


def register(cls: _Class) -> _Class:
    """Let files name a class; a decorator.

    Args:
        cls: The class.

    Returns:
        The class.

    Example:
        >>> @register
        ... class Scale:
        ...     def __init__(self, factor=2.0):
        ...         self.factor = factor
        >>> decode(encode(Scale(3.0))).factor
        3.0
    """
    _classes[f"{cls.__module__}.{cls.__qualname__}"] = cls
    return cls


def register_former(key: str, build: Callable[..., Any]) -> None:
    """Let files of an earlier version name a class that was removed.

    Args:
        key: Name of the class in these files, ``"module.Class"``.
        build: Function of the arguments in the file that returns the present object.

    Example:
        >>> register_former("lost.Answer", lambda value: value + 1)
        >>> decode({"__class__": "lost.Answer", "config": {"value": 41}})
        42
    """
    _former[key] = build


def argument_names(cls: type) -> list[str]:
    """Collect the arguments of ``__init__``, following ``**options`` to the base classes.

    Args:
        cls: The class.

    Returns:
        Names of the arguments.

    Example:
        >>> from pyrnn import CTRNN
        >>> {"input_size", "tau", "dale_ratio"} <= set(argument_names(CTRNN))
        True
    """
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        names |= {p.name: None for p in parameters if p.kind not in variable}
        if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return list(names)


def config_of(thing: object) -> dict[str, Any]:
    """Return the arguments that build an object again.

    Args:
        thing: The object.

    Raises:
        TypeError: If an argument is not stored as an attribute of the same name.

    Example:
        >>> from pyrnn import RNN
        >>> config_of(RNN(3, 8, 2))["hidden_size"]
        8
    """
    cls = _class_of(thing)
    if hasattr(thing, "built_with"):
        return _bind(cls, *thing.built_with)
    names = argument_names(cls)
    missing = [name for name in names if not hasattr(thing, name)]
    if missing:
        raise TypeError(
            f"expected {cls.__name__} to keep its arguments under their own names, got no "
            f"attribute {', '.join(missing)}; write self.{missing[0]} = {missing[0]} in __init__"
        )
    return {name: getattr(thing, name) for name in names}


def remember(
    init: Callable[Concatenate[_Self, _Arguments], None],
) -> Callable[Concatenate[_Self, _Arguments], None]:
    """Let an ``__init__`` keep the arguments of its outermost call; a decorator.

    They are kept as ``built_with``; when the call has ended, ``is_built`` is True
    and ``built_names`` holds the names of the attributes that it has set.

    Args:
        init: The ``__init__``.

    Returns:
        The decorated ``__init__``.

    Example:
        >>> class Scale:
        ...     @remember
        ...     def __init__(self, factor, *, offset=0.0):
        ...         pass
        >>> config_of(Scale(3.0))
        {'factor': 3.0, 'offset': 0.0}
    """

    @functools.wraps(init)
    def remembering(self: _Self, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        is_outermost = "built_with" not in vars(self)
        vars(self).setdefault("built_with", (args, kwargs))
        init(self, *args, **kwargs)
        if is_outermost:
            vars(self)["is_built"] = True
            vars(self)["built_names"] = frozenset(vars(self))

    return remembering


def _initializer(cls: type) -> type:
    """Return the class whose ``__init__`` builds instances of ``cls``."""
    return next(base for base in cls.__mro__ if "__init__" in vars(base))


def _bind(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name; those of ``*args`` under ``"*"``."""
    call = inspect.signature(vars(_initializer(cls))["__init__"]).bind(None, *args, **kwargs)
    call.apply_defaults()
    named: dict[str, Any] = {}
    for name, parameter in list(call.signature.parameters.items())[1:]:
        value = call.arguments[name]
        if parameter.kind is parameter.VAR_KEYWORD:
            named |= value
        else:
            named["*" if parameter.kind is parameter.VAR_POSITIONAL else name] = value
    return named


def encode(value: object, name: str = "value") -> object:
    """Turn a value into plain data: numbers, strings, tensors, lists and dicts.

    Args:
        value: The value.
        name: Its name, for the message.

    Returns:
        Plain data. An object of a registered class becomes a dict of class name and arguments.

    Raises:
        ValueError: If a part of the value is of a kind that a file cannot hold.

    Example:
        >>> encode({"tau": np.array([10.0, 20.0])})
        {'tau': tensor([10., 20.], dtype=torch.float64)}
    """
    cls = _class_of(value)
    key = f"{cls.__module__}.{cls.__qualname__}"
    if _classes.get(key) is cls:
        config = {k: encode(v, k) for k, v in config_of(value).items()}
        return {"__class__": key, "config": config}
    if isinstance(value, np.generic):  # np.float64 is a float, too, but no plain one
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return torch.as_tensor(value)
    if isinstance(value, dict):
        return {k: encode(v, f"{name}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        return [encode(v, name) for v in sorted(value)]
    if isinstance(value, (list, tuple)):
        return type(value)(encode(v, name) for v in value)
    if callable(value):
        return _name_of(value, name)
    raise ValueError(
        f"expected plain data (numbers, strings, tensors, lists, dicts) to save, got {name} of "
        f"type {type(value).__name__}"
    )


def decode(value: object) -> object:
    """Turn plain data back into the value that it stands for.

    Args:
        value: Plain data, from ``encode``.

    Returns:
        The value.

    Raises:
        ValueError: If it names a class that is not defined.

    Example:
        >>> from pyrnn import RNN
        >>> type(decode(encode(RNN(3, 8, 2)))).__name__
        'RNN'
    """
    if isinstance(value, dict) and "__class__" in value:
        key = value["__class__"]
        cls = _classes.get(key) or _former.get(key) or class_named(key)
        if cls is None:
            raise ValueError(
                f"expected the class {key} to be defined, got no such class; "
                "import the module that defines it before loading"
            )
        config: dict[str, Any] = {k: decode(v) for k, v in value["config"].items()}
        return cls(*config.pop("*", ()), **config)
    if isinstance(value, dict):
        return {k: decode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(decode(v) for v in value)
    return value


def _class_of(thing: object) -> type:
    if isinstance(thing, nn.Module):
        return parametrize.type_before_parametrizations(thing)
    return type(thing)


def _name_of(function: Callable[..., object], name: str) -> str:
    # "module:name" of a function at the top of a module
    module = getattr(function, "__module__", None) or "builtins"
    for attribute in ("__qualname__", "__name__"):  # torch.sin.__qualname__ leads nowhere
        found = getattr(function, attribute, "")
        if getattr(sys.modules.get(module), found, None) is function:
            return f"{module}:{found}"
    raise ValueError(
        f"expected {name} to be a function that can be named on load, got {function!r}; define it "
        "at the top of a module"
    )


def class_named(key: str) -> type | None:
    """Return the class that files name in this way, None if there is none.

    A class of a script is in ``__main__`` only while the script runs, and modules are moved; if
    no class has the whole name, the only one that has its last part is meant.

    Args:
        key: Name of the class, ``"module.Class"``.

    Example:
        >>> from pyrnn import CTRNN
        >>> class_named("moved.CTRNN") is CTRNN
        True
    """
    if key in _classes:
        return _classes[key]
    name = key.rpartition(".")[2]
    found = {cls for cls in _classes.values() if cls.__qualname__.rpartition(".")[2] == name}
    return found.pop() if len(found) == 1 else None


def encode_arrays(data: object) -> tuple[object, dict[str, np.ndarray]]:
    """Split plain data into a tree for JSON and the arrays that its leaves name.

    Args:
        data: What ``encode`` returned.

    Returns:
        The tree, and the arrays by name.

    Example:
        >>> encode_arrays({"states": torch.zeros(2), "pair": (1, 2)})[0]
        {'states': {'__array__': 'array_0'}, 'pair': {'__tuple__': [1, 2]}}
    """
    arrays: dict[str, np.ndarray] = {}

    def split(value: object) -> object:
        if isinstance(value, Tensor):
            name = f"array_{len(arrays)}"
            arrays[name] = value.cpu().numpy()
            return {"__array__": name}
        if isinstance(value, dict):
            return {key: split(item) for key, item in value.items()}
        if isinstance(value, tuple):
            return {"__tuple__": [split(item) for item in value]}
        return [split(item) for item in value] if isinstance(value, list) else value

    return split(data), arrays


def decode_arrays(tree: object, arrays: Mapping[str, np.ndarray]) -> object:
    """Join a tree and its arrays into plain data; trees of version 0.1 are read as well.

    Args:
        tree: The tree.
        arrays: The arrays by name.

    Returns:
        Plain data for ``decode``.

    Example:
        >>> decode_arrays(*encode_arrays({"pair": (torch.zeros(1), 2)}))
        {'pair': (tensor([0.]), 2)}
    """
    if isinstance(tree, list):
        return [decode_arrays(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if len(tree) == 1:
        ((kind, content),) = tree.items()
        if kind in ("__array__", "array"):
            return torch.from_numpy(arrays[content])
        if kind in ("__tuple__", "tuple"):
            return tuple(decode_arrays(item, arrays) for item in content)
        if kind == "list":
            return decode_arrays(content, arrays)
    if tree.keys() == {"kind", "fields"}:
        return {"__class__": tree["kind"], "config": decode_arrays(tree["fields"], arrays)}
    return {key: decode_arrays(value, arrays) for key, value in tree.items()}
