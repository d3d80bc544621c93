"""What is public says what it does, and shows it in an example that runs as a doctest."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

import pyrnn

NOT_IMPORTED = re.compile(r"_kernel|__main__|\._probe$")
BRITISH = re.compile(
    r"likewise|behaviour|colour|favour|neighbour|centre\b|licence|learnt|whilst|labelled"
    r"|(?:linear|normal|initial|optim|minim|maxim|recogn|vector|random|penal|factor|summar|general)is"
    r"(?:e|ed|es|ing|er|ation)\b|\banalysed?\b|\banalysing",
    re.IGNORECASE,
)


def modules() -> list[ModuleType]:
    names = [info.name for info in pkgutil.walk_packages(pyrnn.__path__, "pyrnn.")]
    return [importlib.import_module(name) for name in names if not NOT_IMPORTED.search(name)]


def is_private(module: ModuleType) -> bool:
    return any(part.startswith("_") for part in module.__name__.split("."))


def own(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield the public classes and functions that a module defines."""
    for name, thing in vars(module).items():
        is_ours = getattr(thing, "__module__", "") == module.__name__
        is_thing = inspect.isclass(thing) or inspect.isfunction(thing)
        if is_ours and is_thing and not name.startswith("_"):
            yield f"{module.__name__}.{name}", thing


def members(cls: type) -> Iterator[tuple[str, object]]:
    """Yield methods and properties that a class is the first to define."""
    inherited = {name for base in cls.__mro__[1:] for name in vars(base)}
    for name, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        function = getattr(function, "func", function)  # of a cached property
        is_ours = inspect.isfunction(function) and function.__module__ == cls.__module__
        if is_ours and not name.startswith("_") and name not in inherited:
            yield name, function


def examples(thing: object) -> str:
    return "\n".join(re.findall(r"(?:>>>|\.\.\.) .*", thing.__doc__ or ""))


def lacking(path: str, thing: object) -> Iterator[str]:
    """Yield what has no example; that of a method may be that of its class."""
    shown = examples(thing)
    is_protocol = getattr(thing, "_is_protocol", False)
    if not shown and not is_protocol:
        yield path
    if inspect.isclass(thing) and not is_protocol:
        for name, function in members(thing):
            if not examples(function) and not re.search(rf"\.{name}\b", shown):
                yield f"{path}.{name}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_everything_public_has_an_example(module: ModuleType) -> None:
    assert hasattr(module, "__all__"), "a module says what it offers"
    things = [] if is_private(module) else list(own(module))
    missing = [name for path, thing in things for name in lacking(path, thing)]
    assert not missing, "\n".join(missing)


def test_a_missing_example_is_found() -> None:
    def bare() -> None:
        """Do nothing."""

    class Partly:
        """Show one of two methods.

        >>> Partly().shown()
        """

        def shown(self) -> None:
            """Be shown."""

        def hidden(self) -> None:
            """Be hidden."""

    assert list(lacking("bare", bare)) == ["bare"]
    assert list(lacking("Partly", Partly)) == ["Partly.hidden"]


def test_spelling_is_american() -> None:
    root = pyrnn.__path__[0]
    found = []
    for pattern in ("pyrnn/**/*.py", "pyrnn/**/*.md", "docs/**/*.md", "README.md", "*.md"):
        for path in importlib.import_module("pathlib").Path(root).parent.glob(pattern):
            if {"_build", "gallery", "generated"} & set(path.parts) or ".venv" in path.parts:
                continue
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                if path.name == "CHANGELOG.md":
                    line = re.sub("`[^`]*`", "", line)  # names of older versions
                if "register_former" not in line:  # names in files of older versions
                    found += [f"{path}:{number}: {word}" for word in BRITISH.findall(line)]
    assert not found, "\n".join(found)
