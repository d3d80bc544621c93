"""Forms of the built-in equations, and the functions that are known to have them."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import TypeVar

__all__ = ["CURRENT", "GATED", "GRU_FORM", "RATE", "form_of", "has_form"]

RATE = "rate"
CURRENT = "current"
GATED = "gated"
GRU_FORM = "gru"

_Function = TypeVar("_Function", bound=Callable[..., object])
_forms: dict[object, str] = {}


def has_form(form: str) -> Callable[[_Function], _Function]:
    r"""Mark a ``step`` or a ``readout`` as one of a known form, for faster engines; a decorator.

    .. math::
        \text{rate:} \quad & h' = (1-\alpha) h + \alpha f(W h + d), & y = W_{out} h + c \\
        \text{current:} \quad & h' = (1-\alpha) h + \alpha (W f(h) + d), & y = W_{out} f(h) + c \\
        \text{gated:} \quad & h' = F(h, d)

    with :math:`d` the input current. A marked step calls ``w_in`` once, with its input, and uses
    the input nowhere else. A method that overrides a marked one is not marked. ``GRU_FORM`` is the
    gated form of :func:`pyrnn.cells.gru`.

    Args:
        form: ``RATE``, ``CURRENT``, ``GATED`` or ``GRU_FORM``.

    Returns:
        A decorator that returns the function as it is.

    Example:
        >>> @has_form(RATE)
        ... def step(self, h, x):
        ...     return self.f(self.w_rec(h) + self.w_in(x))
        >>> form_of(step)
        'rate'
    """

    def mark(function: _Function) -> _Function:
        _forms[function] = form
        return function

    return mark


def form_of(function: Callable[..., object]) -> str:
    """Return the form that a function, or a bound method, is marked with; "" for any other.

    Args:
        function: A ``step`` or a ``readout``.

    Returns:
        ``RATE``, ``CURRENT``, ``GATED`` or ``""``.

    Example:
        >>> from pyrnn import CTRNN
        >>> form_of(CTRNN.step), form_of(CTRNN(1, 2, 1).step), form_of(lambda h, x: h)
        ('current', 'current', '')
    """
    marked = function.__func__ if isinstance(function, MethodType) else function
    try:
        return _forms.get(marked, "")
    except TypeError:  # a callable that cannot be hashed
        return ""
