"""Penalties by the names under which they are recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from torch import Tensor, nn

from pyrnn.training.network import Rolled
from pyrnn.validate import as_list, check_callable

__all__ = ["Penalty", "named_penalties"]

Penalty: TypeAlias = Callable[[nn.Module, Rolled], Tensor]
"""A function of the network and its rollout (``outputs``, ``states``) that returns a scalar."""

_RESERVED = ("loss", "task", "learning_rate", "gradient_norm")


def named_penalties(
    penalties: Mapping[str, Penalty] | Sequence[Penalty] | Penalty | None,
) -> dict[str, Penalty]:
    """Return penalties by the names under which they are recorded.

    Args:
        penalties: One penalty, several, or penalties by name.

    Raises:
        TypeError: If one cannot be called with a network and its rollout.
        ValueError: If two have the same name, or one has a name that the history itself uses.

    Example:
        >>> from pyrnn.training import L1, L2
        >>> list(named_penalties([L1(0.1), L2(0.1, name="decay")]))
        ['l1', 'decay']
    """
    if penalties is None:
        return {}
    if isinstance(penalties, Mapping):
        named = dict(penalties)
    else:
        advice = "take L2(1e-4) or a list of penalties"
        given = [penalties] if callable(penalties) else penalties
        items = as_list("penalties", given, "penalties", advice)
        names = [_name_of(penalty) for penalty in items]
        if len(set(names)) < len(names):
            raise ValueError(f"expected penalties of different names, got {names}; give name=...")
        named = dict(zip(names, items, strict=True))
    for name, penalty in named.items():
        if not isinstance(name, str):
            raise TypeError(f"expected names of penalties as text, got {name!r}")
        if name in _RESERVED:
            raise ValueError(f"expected penalties not named {', '.join(_RESERVED)}, got {name!r}")
        if not callable(penalty):
            raise TypeError(f"expected penalty(rnn, rollout) -> scalar, got {name} = {penalty!r}")
        check_callable(name, penalty, "rnn", "rollout")
    return named


def _name_of(penalty: object) -> str:
    """Return the name of a penalty, of a function, or else of the class."""
    for attribute in ("name", "__name__"):
        name = getattr(penalty, attribute, None)
        if name is not None:
            return name
    return type(penalty).__name__
