"""Options of a network: checked, and turned into constraints on its layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeAlias, TypedDict, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from pyrnn.activations import Activation
from pyrnn.arrays import as_numbers
from pyrnn.constraints import Constraint, Dale, Mask, SignedMask
from pyrnn.validate import as_boolean, as_names, as_number, check_tensors

__all__ = [
    "LAYERS",
    "Masks",
    "Options",
    "Wiring",
    "checked_bias",
    "layer_constraints",
    "unit_signs",
]

LAYERS = ("w_in", "w_rec", "w_out")

_OneMask: TypeAlias = "Tensor | np.ndarray | Sequence[Sequence[float]]"
Masks: TypeAlias = "_OneMask | Mapping[str, _OneMask] | None"
"""What ``connectivity=`` takes: a recurrent mask, or masks by the name of the layer."""


class Options(TypedDict, total=False):
    """Options that all networks take, by keyword; ``RNNBase`` documents them.

    Example:
        >>> from pyrnn import CTRNN
        >>> options: Options = {"dale_ratio": 0.8, "autapses": False}
        >>> CTRNN(3, 10, 2, **options).dale_ratio
        0.8
    """

    activation: str | Activation
    dale_ratio: float | Tensor | Sequence[float] | None
    autapses: bool
    connectivity: Masks
    noise: float
    bias: bool | Collection[str]
    frozen: Collection[str]
    init: str
    gain: float
    train_initial_state: bool
    seed: int | None


@runtime_checkable
class Wiring(Protocol):
    """Signs and tonic input, which a ``Connectivity`` has in addition to its masks.

    Example:
        >>> from pyrnn.connectivity import MultiRegion, Region
        >>> isinstance(MultiRegion(Region("cortex", 3)).build(1, 1), Wiring)
        True
    """

    signs: Tensor
    tonic: Tensor


def unit_signs(
    dale_ratio: float | Tensor | Sequence[float] | None, n_units: int, connectivity: Masks
) -> Tensor | None:
    """Return the sign of each unit, ``(n_units,)``: 1, -1, or 0 for either; None without Dale.

    Args:
        dale_ratio: Share of excitatory units, which come first; or one sign per unit, 1, -1 or,
            for units whose weights may have either, 0; or None.
        n_units: Number of units.
        connectivity: A ``Connectivity`` has signs of its own, which count if there is no ratio.

    Example:
        >>> unit_signs(0.75, 4, None).tolist()
        [1.0, 1.0, 1.0, -1.0]
    """
    if dale_ratio is None:
        has_signs = isinstance(connectivity, Wiring) and bool(connectivity.signs.any())
        return connectivity.signs if has_signs else None  # type: ignore[union-attr]
    if isinstance(dale_ratio, (list, tuple)) or getattr(dale_ratio, "ndim", 0) > 0:
        signs = as_numbers(dale_ratio, "pass dale_ratio as one sign per unit")
        return _checked_signs(torch.as_tensor(signs), n_units)
    share = as_number("dale_ratio, the share of excitatory units,", dale_ratio, low=0, high=1)
    return 1.0 - 2.0 * (torch.arange(n_units) >= round(share * n_units))


def _checked_signs(signs: Tensor, n_units: int) -> Tensor:
    strange = signs[signs.sign() != signs] if signs.dtype != torch.bool else signs
    if len(strange):
        raise ValueError(
            "expected dale_ratio as the share of excitatory units, or as one sign per unit, 1, -1 "
            f"or 0 (either), got {strange.flatten()[0].item()}; of a mask m write 2 * m - 1"
        )
    if signs.shape != (n_units,):
        raise ValueError(
            f"expected dale_ratio with one sign per unit, ({n_units},), got {tuple(signs.shape)}"
        )
    return signs


def layer_constraints(
    n_units: int, signs: Tensor | None, autapses: bool, connectivity: Masks
) -> dict[str, list[Constraint]]:
    """Return the constraints of each layer.

    Args:
        n_units: Number of units.
        signs: Sign of each unit under Dale's law, or None.
        autapses: Whether a unit may connect to itself.
        connectivity: A recurrent mask, or masks by name of the layer; perhaps a ``Connectivity``,
            which has signs of its own.

    Raises:
        ValueError: If a layer is unknown or a mask holds other values than -1, 0 and 1.

    Example:
        >>> layer_constraints(3, torch.tensor([1, 1, -1]), True, None)["w_in"]
        []
    """
    by_layer: dict[str, list[Constraint]] = {name: [] for name in LAYERS}
    own_signs = connectivity.signs if isinstance(connectivity, Wiring) else None
    for law in (signs, own_signs):
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


def _mask_or_signs(mask: _OneMask) -> Constraint:
    try:
        values = torch.as_tensor(mask)
        check_tensors(connectivity=values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            "expected a connectivity as a tensor or an array of 0 and 1 (mask) or -1, 0 and 1 "
            f"(signed mask), got {type(mask).__name__} ({error})"
        ) from error
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


def checked_bias(bias: bool | Collection[str]) -> bool | list[str]:
    """Check the option ``bias`` and return it as a plain value.

    Args:
        bias: Whether layers have a bias; or the names of the layers that do.

    Returns:
        A boolean, or the names.

    Example:
        >>> checked_bias(("w_in", "w_out"))
        ['w_in', 'w_out']
    """
    if isinstance(bias, Collection) and not isinstance(bias, str):
        return as_names("bias", bias, LAYERS)
    return as_boolean("bias", bias)
