"""What is public says what it does, and shows it in an example that runs as a doctest."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pyrnn


def modules() -> Iterator[object]:
    for info in pkgutil.walk_packages(pyrnn.__path__, "pyrnn."):
        if not info.ispkg and not re.search("_kernel|__main__|[.]_probe$", info.name):
            yield importlib.import_module(info.name)


def own(module: object) -> Iterator[tuple[str, object]]:
    """Yield the classes and functions that a module defines and offers."""
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        if getattr(thing, "__module__", "") == module.__name__ and hasattr(thing, "__qualname__"):
            yield f"{module.__name__}.{name}", thing


def members(cls: type) -> Iterator[tuple[str, object]]:
    """Yield methods and properties that a class is the first to define."""
    inherited = {name for base in cls.__mro__[1:] for name in vars(base)}
    for name, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        is_ours = inspect.isfunction(function) and function.__module__ == cls.__module__
        if is_ours and not name.startswith("_") and name not in inherited:
            yield name, function


def examples(thing: object) -> str:
    return "\n".join(re.findall(r"(?:>>>|\.\.\.) .*", thing.__doc__ or ""))


def test_everything_public_has_an_example() -> None:
    """A method's may be that of its class."""
    missing = []
    for module in modules():
        for path, thing in own(module):
            shown = examples(thing)
            if not shown:
                missing.append(path)
            if inspect.isclass(thing):
                missing += [
                    f"{path}.{name}"
                    for name, function in members(thing)
                    if not examples(function) and not re.search(rf"\.{name}\b", shown)
                ]
    assert not missing, "\n".join(missing)
