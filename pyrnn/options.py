"""Options of a network: checked, and turned into constraints on its layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyrnn.constraints import Constraint, Dale, Mask, SignedMask

__all__ = [
    "LAYERS",
    "layer_constraints",
    "layer_names",
    "non_negative",
    "positive",
    "positive_int",
    "unit_signs",
]

LAYERS = ("w_in", "w_rec", "w_out")


def unit_signs(
    dale_ratio: float | Tensor | Sequence[float] | None, n_units: int, connectivity: Any
) -> Tensor | None:
    """Return the sign of each unit, ``(n_units,)``: 1, -1, or 0 for either; None without Dale.

    Args:
        dale_ratio: Share of excitatory units, which come first; or one sign per unit, 1, -1 or,
            for units whose weights may have either, 0; or None.
        n_units: Number of units.
        connectivity: May have ``signs`` of its own, which count where there is no ratio.

    Raises:
        ValueError: If the ratio is outside [0, 1], or a sign is none of these.

    Example:
        >>> unit_signs(0.75, 4, None).tolist()
        [1.0, 1.0, 1.0, -1.0]
    """
    if dale_ratio is None:
        signs = getattr(connectivity, "signs", None)
        return signs if signs is not None and signs.any() else None
    if np.ndim(dale_ratio) > 0:
        return _checked_signs(torch.as_tensor(dale_ratio))
    dale_ratio = float(dale_ratio)  # type: ignore[arg-type]
    if not 0 <= dale_ratio <= 1:
        raise ValueError(
            f"expected dale_ratio in [0, 1], got {dale_ratio}: the share of excitatory units"
        )
    return 1.0 - 2.0 * (torch.arange(n_units) >= round(dale_ratio * n_units))


def _checked_signs(signs: Tensor) -> Tensor:
    strange = signs[signs.sign() != signs] if signs.dtype != torch.bool else signs
    if len(strange):
        raise ValueError(
            "expected dale_ratio as the share of excitatory units, or as one sign per unit, 1, -1 "
            f"or 0 (either), got {strange.flatten()[0].item()}; of a mask m write 2 * m - 1"
        )
    return signs


def layer_constraints(
    n_units: int, signs: Tensor | None, autapses: bool, connectivity: Any
) -> dict[str, list[Constraint]]:
    """Return the constraints of each layer.

    Args:
        n_units: Number of units.
        signs: Sign of each unit under Dale's law, or None.
        autapses: Whether a unit may connect to itself.
        connectivity: A recurrent mask, or masks by name of the layer; with ``signs``, perhaps.

    Raises:
        ValueError: If a layer is unknown or a mask holds other values than -1, 0 and 1.

    Example:
        >>> layer_constraints(3, torch.tensor([1, 1, -1]), True, None)["w_in"]
        []
    """
    by_layer: dict[str, list[Constraint]] = {name: [] for name in LAYERS}
    for law in (signs, getattr(connectivity, "signs", None)):
        if law is not None:
            by_layer["w_rec"].append(Dale(law))
    if not autapses:
        by_layer["w_rec"].append(Mask(~torch.eye(n_units, dtype=torch.bool)))
    masks = connectivity if isinstance(connectivity, Mapping) else {"w_rec": connectivity}
    for name, mask in masks.items():
        if name not in LAYERS:
            raise ValueError(f"expected connectivity of {', '.join(LAYERS)}, got {name!r}")
        if mask is not None:
            by_layer[name].append(_mask_or_signs(mask))
    return by_layer


def _mask_or_signs(mask: Any) -> Constraint:
    values = torch.as_tensor(mask)
    if values.dtype == torch.bool:
        return Mask(values)
    other = ~torch.isin(values.double(), torch.tensor([-1.0, 0.0, 1.0]).double())
    if other.any():
        raise ValueError(
            "expected a connectivity of 0 and 1 (mask) or -1, 0 and 1 (signed mask), got other "
            f"values, such as {values[other][0]:g}; for weights that keep their value use "
            "constrain(rnn.w_rec, Fixed(values))"
        )
    return SignedMask(values) if (values < 0).any() else Mask(values)


def positive_int(name: str, value: int) -> int:
    """Return a positive whole number, or say what came instead.

    Example:
        >>> positive_int("hidden_size", 0)
        Traceback (most recent call last):
        ...
        ValueError: expected hidden_size to be a positive whole number, got 0
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"expected {name} to be a positive whole number, got {value!r}")
    return int(value)


def positive(name: str, value: float) -> float:
    """Return a positive number, likewise.

    Example:
        >>> positive("dt", 0)
        Traceback (most recent call last):
        ...
        ValueError: expected dt > 0, got 0
    """
    if not value > 0:
        raise ValueError(f"expected {name} > 0, got {value}")
    return float(value)


def non_negative(name: str, value: float) -> float:
    """Return a number that isn't negative, likewise.

    Example:
        >>> non_negative("noise", 0)
        0.0
    """
    if not value >= 0:
        raise ValueError(f"expected {name} >= 0, got {value}")
    return float(value)


def layer_names(option: str, names: Collection[str]) -> list[str]:
    """Return names of layers as a list, likewise.

    Example:
        >>> layer_names("frozen", ("w_in", "w_out"))
        ['w_in', 'w_out']
    """
    if isinstance(names, str) or any(name not in LAYERS for name in names):
        raise ValueError(
            f"expected {option} to be a collection of {', '.join(LAYERS)}, got {names!r}"
        )
    return list(names)
