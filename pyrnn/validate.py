"""Checks of arguments: each returns a plain value, or raises an error with a clear message.

A value of the wrong kind raises a ``TypeError``, a wrong value a ``ValueError``. The message says
what the argument must be, what was given and, where it helps, what to do. Numbers of NumPy and
tensors of one element are numbers; ``True`` and text are not.
"""

from __future__ import annotations

import inspect
import math
import operator
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = [
    "as_boolean",
    "as_bound",
    "as_choice",
    "as_device",
    "as_integer",
    "as_list",
    "as_matrices",
    "as_names",
    "as_number",
    "as_path",
    "as_rng",
    "as_seed",
    "as_tensor",
    "check_callable",
    "check_finite",
    "check_kind",
    "check_tensors",
]

_BOOLEANS = (bool, np.bool_)


def as_integer(name: str, value: object, *, low: int | None = None) -> int:
    """Check that a value is a whole number and return it as an ``int``.

    Args:
        name: Name of the argument, for the message.
        value: What was given.
        low: Smallest value allowed.

    Returns:
        The number.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If it is too small.

    Example:
        >>> as_integer("hidden_size", np.int64(8), low=1)
        8
        >>> as_integer("hidden_size", 0, low=1)
        Traceback (most recent call last):
        ...
        ValueError: expected hidden_size to be a whole number of at least 1, got 0
    """
    wanted = "a whole number" if low is None else f"a whole number of at least {low}"
    try:
        if isinstance(value, _BOOLEANS):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except (TypeError, RuntimeError):  # torch raises the second for a tensor on the device "meta"
        raise TypeError(f"expected {name} to be {wanted}, got {_shown(value)}") from None
    if low is not None and number < low:
        raise ValueError(f"expected {name} to be {wanted}, got {number}")
    if low is not None and number >= 2**63:
        raise ValueError(f"expected {name} to be a whole number of 64 bits, got {number}")
    return number


def as_number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    is_finite: bool = True,
) -> float:
    """Check that a value is a number within bounds and return it as a ``float``.

    Args:
        name: Name of the argument, for the message.
        value: What was given.
        above: Bound that it must exceed.
        low: Smallest value allowed.
        high: Largest value allowed.
        unit: Unit, for the message, such as ``"ms"``.
        is_finite: Whether NaN and infinity are refused.

    Returns:
        The number.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is out of bounds, NaN or infinite.

    Example:
        >>> as_number("dt", np.float32(10), above=0)
        10.0
        >>> as_number("dt", 0, above=0, unit="ms")
        Traceback (most recent call last):
        ...
        ValueError: expected dt to be a number > 0 (in ms), got 0
    """
    number = _real(value)
    if (
        number is not None
        and (math.isfinite(number) or not is_finite)
        and (above is None or number > above)
        and (low is None or number >= low)
        and (high is None or number <= high)
    ):
        return number
    limits = [("> ", above), (">= ", low), ("<= ", high)]
    wanted = " and ".join(f"{sign}{limit:g}" for sign, limit in limits if limit is not None)
    wanted = f"a number {wanted}".strip() + (f" (in {unit})" if unit else "")
    if number is None:
        raise TypeError(f"expected {name} to be {wanted}, got {_shown(value)}")
    raise ValueError(f"expected {name} to be {wanted}, got {value}")


def as_bound(name: str, value: object) -> float:
    """Check that a value is a number, perhaps infinite, and return it as a ``float``.

    Args:
        name: Name of the argument, for the message.
        value: What was given.

    Returns:
        The number.

    Raises:
        ValueError: If it is NaN.

    Example:
        >>> as_bound("high", np.inf)
        inf
    """
    number = as_number(name, value, is_finite=False)
    if math.isnan(number):
        raise ValueError(f"expected {name} to be a number, perhaps infinite, got {value}")
    return number


def as_boolean(name: str, value: object) -> bool:
    """Check that a value is True or False and return it as a ``bool``.

    Args:
        name: Name of the argument, for the message.
        value: What was given.

    Returns:
        The boolean.

    Raises:
        TypeError: If it is neither.

    Example:
        >>> as_boolean("autapses", "no")
        Traceback (most recent call last):
        ...
        TypeError: expected autapses to be True or False, got 'no'
    """
    if not isinstance(value, _BOOLEANS):
        raise TypeError(f"expected {name} to be True or False, got {_shown(value)}")
    return bool(value)


def as_choice(name: str, value: object, options: Collection[str]) -> str:
    """Check that a value is one of some names and return it.

    Args:
        name: Name of the argument, for the message.
        value: What was given.
        options: Names allowed.

    Returns:
        The name.

    Raises:
        TypeError: If it is no text.
        ValueError: If it is none of the names.

    Example:
        >>> as_choice("init", "zeros", ("normal", "orthogonal"))
        Traceback (most recent call last):
        ...
        ValueError: expected init to be one of normal, orthogonal; got 'zeros'
    """
    if not isinstance(value, str):
        raise TypeError(f"expected {name} to be one of {', '.join(options)}; got {_shown(value)}")
    if value not in options:
        raise ValueError(f"expected {name} to be one of {', '.join(options)}; got {value!r}")
    return value


def as_device(name: str, value: object) -> torch.device:
    """Check that a value is a device of this machine and return it.

    Args:
        name: Name of the argument, for the message.
        value: What was given.

    Returns:
        The device.

    Raises:
        TypeError: If it is no device or name of one.
        ValueError: If this machine, or this torch, has no such device.

    Example:
        >>> as_device("device", "cpu")
        device(type='cpu')
        >>> as_device("device", "gpu")
        Traceback (most recent call last):
        ...
        ValueError: expected device to be a device of this machine, such as 'cpu', got 'gpu'
    """
    wanted = f"expected {name} to be a device of this machine, such as 'cpu'"
    if not isinstance(value, (str, torch.device)):
        raise TypeError(f"{wanted}, got {_shown(value)}")
    try:
        device = torch.device(value)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"{wanted}, got {str(value)!r}") from error
    return device


def as_names(name: str, values: object, options: Collection[str]) -> list[str]:
    """Check that a value is a collection of some names and return them as a list.

    Args:
        name: Name of the argument, for the message.
        values: What was given.
        options: Names allowed.

    Returns:
        The names.

    Raises:
        TypeError: If it is no collection, or a single text.

    Example:
        >>> as_names("frozen", ("w_in", "w_out"), ("w_in", "w_rec", "w_out"))
        ['w_in', 'w_out']
    """
    listed = as_list(name, values, "names", f"choose among {', '.join(options)}")
    return [as_choice(f"every name in {name}", value, options) for value in listed]


def as_list(name: str, values: object, content: str, advice: str = "") -> list[Any]:
    """Check that a value is a collection, or an iterator, and return what it holds as a list.

    Args:
        name: Name of the argument, for the message.
        values: What was given. Text, a mapping and an array without axes are no collection.
        content: What the list holds, for the message.
        advice: What to pass, for the message.

    Returns:
        The list.

    Raises:
        TypeError: If it is no collection.

    Example:
        >>> as_list("periods", range(2, 4), "whole numbers")
        [2, 3]
        >>> as_list("periods", 2, "whole numbers", "write periods=(2,)")
        Traceback (most recent call last):
        ...
        TypeError: expected periods to be a list of whole numbers, got 2; write periods=(2,)
    """
    is_scalar = isinstance(values, (Tensor, np.ndarray)) and values.ndim == 0
    is_text = isinstance(values, (str, bytes, Mapping))
    if is_scalar or is_text or not isinstance(values, Iterable):
        ending = f"; {advice}" if advice else ""
        raise TypeError(f"expected {name} to be a list of {content}, got {_shown(values)}{ending}")
    return list(values)


def as_tensor(name: str, values: object, advice: str = "") -> Tensor:
    """Return numbers as a real tensor, on the device and in the dtype that they have.

    Numbers of Python are read in double precision, whatever torch's default is.

    Args:
        name: Name of the argument, for the message.
        values: A tensor, an array, a number or nested lists of them.
        advice: What to pass instead, for the message.

    Raises:
        TypeError: If these are no real numbers.

    Example:
        >>> as_tensor("states", [[0.1, 2.0]])
        tensor([[0.1000, 2.0000]], dtype=torch.float64)
    """
    ending = f"; {advice}" if advice else ""
    try:
        tensor = torch.as_tensor(values)
        if tensor.is_floating_point() and not isinstance(values, (Tensor, np.ndarray)):
            tensor = torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(
            f"expected {name} to be a tensor or an array, got {type(values).__name__} "
            f"({error}){ending}"
        ) from error
    if tensor.dtype == torch.bool or tensor.is_complex():
        raise TypeError(f"expected {name} to be real numbers, got {tensor.dtype}{ending}")
    check_tensors(**{name: tensor})
    return tensor


def check_finite(
    name: str, values: Tensor, advice: str = "remove them, or find out where the run diverges"
) -> Tensor:
    """Check that numbers are neither NaN nor infinite and return them.

    Args:
        name: Name of the argument, for the message.
        values: Numbers, of any shape.
        advice: What to do, for the message.

    Returns:
        The numbers.

    Raises:
        ValueError: If one of them is not finite.

    Example:
        >>> check_finite("starts", torch.tensor([torch.nan]))
        Traceback (most recent call last):
        ...
        ValueError: expected finite starts, got 1 value that is NaN or infinite; ...
    """
    is_finite = values.sum().isfinite()  # far quicker than a look at each of them
    if not is_finite and not values.isfinite().all():
        n_bad = int((~values.isfinite()).sum())
        which = "value that is" if n_bad == 1 else "values that are"
        raise ValueError(f"expected finite {name}, got {n_bad} {which} NaN or infinite; {advice}")
    return values


def as_matrices(name: str, values: object) -> Tensor:
    """Return square matrices as a tensor of real numbers, ``(..., n, n)``.

    Args:
        name: Name of the argument, for the message.
        values: A tensor, an array or nested lists.

    Returns:
        The matrices.

    Raises:
        TypeError: If these are no real numbers.
        ValueError: If they are no square matrices, or not finite.

    Example:
        >>> as_matrices("jacobian", [[0.5, 0.0], [0.0, 0.5]]).shape
        torch.Size([2, 2])
        >>> as_matrices("jacobian", 0.5)
        Traceback (most recent call last):
        ...
        ValueError: expected jacobian to be square matrices (..., n, n), got shape ()
    """
    matrices = as_tensor(name, values)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2] or not matrices.shape[-1]:
        raise ValueError(
            f"expected {name} to be square matrices (..., n, n), got shape {tuple(matrices.shape)}"
        )
    check_tensors(**{name: matrices})
    check_finite(name, matrices)
    return matrices if matrices.is_floating_point() else matrices.double()


def as_path(name: str, value: object) -> Path:
    """Check that a value is a path of a file and return it.

    Args:
        name: Name of the argument, for the message.
        value: What was given.

    Returns:
        The path.

    Raises:
        TypeError: If it is no text and no path.
        ValueError: If it is empty, or no file can have this name.

    Example:
        >>> as_path("path", "rnn.pt").name
        'rnn.pt'
        >>> as_path("path", 3)
        Traceback (most recent call last):
        ...
        TypeError: expected path to be a path of a file, got 3
    """
    wanted = f"expected {name} to be a path of a file"
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{wanted}, got {_shown(value)}")
    text = os.fspath(value)
    if not isinstance(text, str):
        raise TypeError(f"{wanted} as text, got {_shown(value)}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{wanted}, got {_shown(value)}, which is no text ({error})") from error
    if not text or "\0" in text:
        raise ValueError(f"{wanted}, got {_shown(value)}")
    return Path(text)


def check_kind(name: str, value: object, kind: type | tuple[type, ...], advice: str = "") -> None:
    """Check that a value is of a class.

    Args:
        name: Name of the argument, for the message.
        value: What was given.
        kind: The class, or several.
        advice: What to pass, for the message.

    Raises:
        TypeError: If it is of another class.

    Example:
        >>> check_kind("batch", 3, dict, "take task.batch(64)")
        Traceback (most recent call last):
        ...
        TypeError: expected batch to be a dict, got 3; take task.batch(64)
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join(k.__name__ for k in kinds)
        ending = f"; {advice}" if advice else ""
        raise TypeError(f"expected {name} to be a {names}, got {_shown(value)}{ending}")


def check_tensors(**tensors: object) -> None:
    """Check that values are tensors of real numbers or booleans in memory.

    Args:
        **tensors: The values by name.

    Raises:
        TypeError: If one is something else.

    Example:
        >>> check_tensors(outputs=[1.0])
        Traceback (most recent call last):
        ...
        TypeError: expected outputs to be a tensor of real numbers, got [1.0]
    """
    for name, tensor in tensors.items():
        is_dense = isinstance(tensor, Tensor) and tensor.layout is torch.strided
        if not is_dense or tensor.is_complex() or tensor.is_meta:  # type: ignore[attr-defined]
            raise TypeError(
                f"expected {name} to be a tensor of real numbers, got {_shown(tensor)}"
            )


def as_seed(name: str, value: object) -> int:
    """Check that a value is a seed of a random generator and return it as an ``int``.

    Args:
        name: Name of the argument, for the message.
        value: What was given.

    Returns:
        The seed.

    Raises:
        ValueError: If it has more than 64 bits.

    Example:
        >>> as_seed("seed", np.int64(5))
        5
    """
    seed = as_integer(name, value)
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"expected {name} to be a whole number of 64 bits, got {seed}")
    return seed


def as_rng(rng: object = None) -> torch.Generator:
    """Return a random generator: the one that is given, or one of the seed that is given.

    Args:
        rng: A generator on the CPU, or a seed; ``None`` stands for the seed 0, so that an analysis
            gives the same result every time.

    Raises:
        TypeError: If it is something else.
        ValueError: If the generator is not on the CPU.

    Example:
        >>> as_rng(5).initial_seed(), as_rng().initial_seed()
        (5, 0)
    """
    if isinstance(rng, torch.Generator):
        if rng.device.type != "cpu":
            raise ValueError(f"expected rng to be a generator on the CPU, got one on {rng.device}")
        return rng
    try:
        seed = 0 if rng is None else as_seed("rng", rng)
        return torch.Generator().manual_seed(seed)
    except (TypeError, ValueError):
        raise TypeError(
            f"expected rng to be a torch.Generator or a seed, got {_shown(rng)}; write "
            "rng=torch.Generator().manual_seed(0)"
        ) from None


def check_callable(name: str, function: object, *arguments: str) -> None:
    """Check that a function can be called with some positional arguments.

    Args:
        name: Name of the function, for the message.
        function: The function. One that does not tell its signature is accepted.
        *arguments: Names of the arguments that it will be given.

    Raises:
        TypeError: If it takes fewer arguments, or more without a default.

    Example:
        >>> check_callable("loss", lambda y, t: y - t, "outputs", "targets", "mask")
        Traceback (most recent call last):
        ...
        TypeError: expected loss(outputs, targets, mask), got one of (y, t); wrap it: ...
    """
    wanted = ", ".join(arguments)
    is_number = isinstance(function, type) and issubclass(function, (int, float, str))
    if not callable(function) or is_number:  # these do not tell what they take
        raise TypeError(f"expected a function {name}({wanted}), got {_shown(function)}")
    called: Callable[..., Any] = function.forward if isinstance(function, nn.Module) else function
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):
        return
    # losses of torch do not take a mask, whatever their third argument is
    is_torch_loss = "mask" in arguments and called.__module__ == "torch.nn.functional"
    if is_torch_loss or not _binds(signature, arguments):
        raise TypeError(
            f"expected {name}({wanted}), got one of {signature}; wrap it: lambda {wanted}: ..."
        )


def _binds(signature: inspect.Signature, arguments: tuple[str, ...]) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _real(value: object) -> float | None:
    """Return a number as a float, None if it is no real number."""
    if isinstance(value, _BOOLEANS):
        return None
    if isinstance(value, (int, float, np.integer, np.floating)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    is_array = isinstance(value, np.ndarray) or (isinstance(value, Tensor) and not value.is_meta)
    if is_array and value.ndim == 0:  # type: ignore[attr-defined]
        return _real(value.item())  # type: ignore[attr-defined]
    return None


def _shown(value: object) -> str:
    """Return a short description of what was given."""
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
