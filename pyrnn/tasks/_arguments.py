"""Kinds of arguments that tasks take, and their checks at construction.

A kind is a type that carries its check, such as ``Count`` or ``Duration``. Fields of a dataclass
that are annotated with a kind are checked by ``check_arguments``, in users' classes too.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from collections.abc import Callable
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Protocol,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pyrnn.validate import as_integer, as_list, as_number

__all__ = [
    "Count",
    "Duration",
    "FixedDuration",
    "NonNegative",
    "Positive",
    "PositiveDuration",
    "as_numbers",
    "as_spread",
    "bounds",
    "check_arguments",
    "to_steps",
]

Spread: TypeAlias = float | tuple[float, float] | list[float]
"""A number, a range ``(low, high)`` or a list of equally likely values."""


def as_spread(name: str, value: object, *, low: float | None = None, unit: str = "") -> Spread:
    """Check that a value is a number, a range or a list of numbers and return it.

    Args:
        name: Name of the argument, for the message.
        value: What was given.
        low: Smallest number allowed.
        unit: Unit, for the message, such as ``"ms"``.

    Returns:
        A number, a tuple ``(low, high)`` or a list.

    Raises:
        TypeError: If it is something else.
        ValueError: If a number is NaN, infinite or too small, a range is not ``(low, high)``, or
            a list is empty.

    Example:
        >>> as_spread("delay", (100, 300)), as_spread("delay", [100])
        ((100.0, 300.0), [100.0])
    """
    if isinstance(value, tuple):
        ends = [as_number(f"each end of {name}", end, low=low, unit=unit) for end in value]
        if len(ends) != 2 or ends[0] > ends[1]:
            raise ValueError(f"expected {name} to be a range (low, high), got {value}")
        return ends[0], ends[1]
    if isinstance(value, list):
        if not value:
            raise ValueError(f"expected {name} to list some values, got none")
        return [as_number(f"each value of {name}", item, low=low, unit=unit) for item in value]
    try:
        return as_number(name, value, low=low, unit=unit)
    except TypeError as error:
        raise TypeError(f"{error}; a tuple (low, high) is a range, a list holds values") from None


def as_numbers(
    name: str,
    values: object,
    *,
    above: float | None = None,
    low: float | None = None,
    size: int | None = None,
) -> tuple[float, ...]:
    """Check that a value is a list of numbers within bounds and return them as a tuple.

    Args:
        name: Name of the argument, for the message.
        values: What was given.
        above: Bound that each number must exceed.
        low: Smallest number allowed.
        size: How many there must be; any number but 0 by default.

    Returns:
        The numbers.

    Raises:
        TypeError: If it is something else.
        ValueError: If there is none, another number of them, or one is NaN, infinite or out of
            bounds.

    Example:
        >>> as_numbers("coherences", [6.4, 12.8], above=0)
        (6.4, 12.8)
        >>> as_numbers("coherences", [6.4, -1], above=0)
        Traceback (most recent call last):
        ...
        ValueError: expected each of coherences to be a number > 0, got -1
    """
    wanted = f"{size} numbers" if size else "one or more numbers"
    rows = as_list(name, values, wanted)
    numbers = tuple(as_number(f"each of {name}", v, above=above, low=low) for v in rows)
    if not numbers or size not in (None, len(numbers)):
        raise ValueError(f"expected {name} to be a list of {wanted}, got {len(numbers)} of them")
    return numbers


_MOST_STEPS = 10**7
_MOST = 1e30  # inputs are in single precision, which ends at 3e38


def to_steps(name: str, duration: float, dt: float) -> int:
    """Convert a duration in ms into a number of steps.

    Args:
        name: Name of the duration, for the message.
        duration: The duration, in ms.
        dt: Duration of a step, in ms.

    Returns:
        The number of steps: 0 for no duration, at least 1 otherwise.

    Raises:
        ValueError: If it is negative, NaN, infinite, or shorter than a step.

    Example:
        >>> to_steps("delay", 25.0, dt=10.0), to_steps("delay", 0.0, dt=10.0)
        (2, 0)
    """
    is_possible = 0 <= duration < math.inf
    n = round(duration / dt) if is_possible and duration < _MOST_STEPS * dt else 0
    if is_possible and duration >= _MOST_STEPS * dt:
        raise ValueError(
            f"expected {name} to last fewer than {_MOST_STEPS:,} steps of {dt} ms, got {duration} "
            "ms; shorten it or choose a larger dt"
        )
    if not is_possible or (duration > 0 and n < 1):
        raise ValueError(
            f"expected {name} to last 0 or at least dt = {dt} ms, got {duration} ms; "
            "lengthen it or choose a smaller dt"
        )
    return n


def bounds(spread: Spread) -> list[float]:
    """Return the values that bound a draw: all values of a list, the ends of a range.

    Example:
        >>> bounds((100.0, 300.0)), bounds(100.0)
        ([100.0, 300.0], [100.0])
    """
    return list(spread) if isinstance(spread, list | tuple) else [spread]


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


@dataclasses.dataclass(frozen=True)
class _Check:
    """Check that a kind carries, a function of the argument's name, its value and ``dt``."""

    function: Callable[[str, object, float | None], object]


def _count(name: str, value: object, dt: float | None) -> int:
    return as_integer(name, value, low=1)


def _positive(name: str, value: object, dt: float | None) -> float:
    return _in_single_precision(name, as_number(name, value, above=0))


def _non_negative(name: str, value: object, dt: float | None) -> float:
    return _in_single_precision(name, as_number(name, value, low=0))


def _in_single_precision(name: str, value: float) -> float:
    return as_number(name, value, high=_MOST)


def _duration(name: str, value: object, dt: float | None) -> Spread:
    duration = as_spread(name, value, low=0, unit="ms")
    if dt is not None:
        for bound in bounds(duration):
            to_steps(name, bound, dt)
    return duration


def _positive_duration(name: str, value: object, dt: float | None) -> Spread:
    duration = _duration(name, value, dt)
    if min(bounds(duration)) == 0:
        raise ValueError(f"expected {name} to last at least dt = {dt} ms, got {value} ms")
    return duration


def _fixed_duration(name: str, value: object, dt: float | None) -> Spread:
    return _positive_duration(name, as_number(name, value, low=0, unit="ms"), dt)


Count: TypeAlias = Annotated[int, _Check(_count)]
"""A whole number of at least 1."""

Positive: TypeAlias = Annotated[float, _Check(_positive)]
"""A finite number above 0."""

NonNegative: TypeAlias = Annotated[float, _Check(_non_negative)]
"""A finite number, 0 or above."""

Duration: TypeAlias = Annotated[Spread, _Check(_duration)]
"""A time in ms, 0 or at least ``dt``: a number, a range ``(low, high)`` or a list of values.

Times are rounded to steps after they were drawn, so that both ends of a range are half as likely
as the steps between them.
"""

PositiveDuration: TypeAlias = Annotated[Spread, _Check(_positive_duration)]
"""A time in ms, at least ``dt``: a number, a range ``(low, high)`` or a list of values."""

FixedDuration: TypeAlias = Annotated[float, _Check(_fixed_duration)]
"""A time in ms, at least ``dt``, the same in all trials."""


def check_arguments(thing: _Dataclass, dt: float | None = None) -> None:
    """Check the fields of a dataclass that are annotated with a kind, and make them plain.

    Args:
        thing: An instance of a dataclass.
        dt: Duration of a step, in ms, that its durations must not fall below; None for any.

    Example:
        >>> @dataclasses.dataclass
        ... class Pause:
        ...     time: Duration = 500
        >>> pause = Pause()
        >>> check_arguments(pause, dt=20.0)
        >>> pause.time
        500.0
        >>> check_arguments(Pause(-500.0))
        Traceback (most recent call last):
        ...
        ValueError: expected time to be a number >= 0 (in ms), got -500.0
    """
    for name, (check, is_optional) in _checks(type(thing)).items():  # type: ignore[arg-type]
        value = getattr(thing, name)
        if value is not None or not is_optional:
            object.__setattr__(thing, name, check.function(name, value, dt))


@functools.cache
def _checks(cls: type) -> dict[str, tuple[_Check, bool]]:
    """Return the check of each field that has one, and whether the field may also be None."""
    found = {}
    for field in dataclasses.fields(cls):
        kind = _resolved(cls, field)
        members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
        for member in members:
            marks = get_args(member)[1:] if get_origin(member) is Annotated else ()
            for mark in marks:
                if isinstance(mark, _Check):
                    found[field.name] = mark, NoneType in members
    return found


def _resolved(cls: type, field: dataclasses.Field[Any]) -> object:
    """Return the type of a field, which is text where annotations are postponed.

    The names in it are those of the module that declares the field. Names that a function imports
    cannot be found there; Duration is then that of this module, and others stay unknown.
    """
    if not isinstance(field.type, str):
        return field.type
    owners = (
        c for c in cls.__mro__ if vars(c).get("__dataclass_fields__", {}).get(field.name) is field
    )
    module = sys.modules.get(list(owners)[-1].__module__)
    names = {"Duration": Duration, **(vars(module) if module else {})}
    holder = type("Holder", (), {"__annotations__": {"kind": field.type}})
    try:
        return get_type_hints(holder, names, include_extras=True)["kind"]
    except (NameError, AttributeError, SyntaxError, TypeError):
        return None
