"""Points under several constant inputs: which belong to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from pyrnn.validate import as_tensor

__all__ = ["distinct", "of_input", "rows_by_input"]

_SAME = 1e-6  # inputs that differ less than this share of the largest are the same
_MOST_ROWS = 30  # of a table by inputs
_MOST_CHANNELS = 6  # that are written in such a table


def distinct(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the inputs without repetition ``(n_inputs, input_size)``, and the number of each.

    Example:
        >>> distinct(torch.tensor([[1.0], [0.0], [1.0]]))
        (tensor([[0.],
                [1.]]), tensor([1, 0, 1]))
    """
    return torch.unique(inputs + 0.0, dim=0, return_inverse=True)  # 0.0 makes -0.0 equal to it


def of_input(inputs: Tensor, x: object) -> Tensor:
    """Return which points belong to an input, ``(n,)``.

    Args:
        inputs: Input of each point, ``(n, input_size)``.
        x: The input, ``(input_size,)``.

    Raises:
        TypeError: If it is no input.
        ValueError: If no point belongs to it, or it has another number of channels.

    Example:
        >>> of_input(torch.tensor([[1.0], [0.0], [1.0]]), [1.0])
        tensor([ True, False,  True])
    """
    wanted = as_tensor("x", x).to(inputs)
    if wanted.shape != inputs.shape[1:]:
        raise ValueError(
            f"expected x of shape {tuple(inputs.shape[1:])}, got {tuple(wanted.shape)}; pass one "
            "input, without time"
        )
    apart = (inputs - wanted).abs().amax(dim=1)
    is_same = apart <= _SAME * max(float(inputs.abs().max()) if len(inputs) else 0.0, 1e-300)
    if not is_same.any():
        known, _ = distinct(inputs)
        nearest = (
            "there are none" if not len(known) else f"the nearest is {_nearest(known, wanted)}"
        )
        raise ValueError(
            f"expected x to be one of {len(known)} inputs that have points, got "
            f"{wanted.tolist()}; {nearest}"
        )
    return is_same


def _nearest(known: Tensor, x: Tensor) -> list[float]:
    nearest: list[float] = known[(known - x).norm(dim=1).argmin()].tolist()
    return nearest


def rows_by_input(
    inputs: Tensor, kinds: Sequence[str], radii: Tensor
) -> list[tuple[str, str, str, str]]:
    """Return rows of a table: input, number of points, their kinds, largest modulus.

    Args:
        inputs: Input of each point, ``(n, input_size)``.
        kinds: Kind of each.
        radii: Largest modulus of the eigenvalues of each, ``(n,)``.

    Example:
        >>> rows_by_input(torch.tensor([[1.0], [0.0], [1.0]]), ["a", "b", "a"], torch.ones(3))
        [('0', '1', '1 b', '<= 1.0000'), ('1', '2', '2 a', '<= 1.0000')]
    """
    known, number = distinct(inputs)
    rows = []
    for i, x in enumerate(known[:_MOST_ROWS]):
        chosen = torch.nonzero(number == i).flatten().tolist()
        counts = Counter(kinds[j] for j in chosen)
        words = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        values = [f"{value:.3g}" for value in x[:_MOST_CHANNELS].tolist()]
        name = ", ".join(values + ["..."] * (len(x) > _MOST_CHANNELS))
        rows.append((name, str(len(chosen)), words, f"<= {float(radii[chosen].max()):.4f}"))
    if len(known) > _MOST_ROWS:
        rest = int((number >= _MOST_ROWS).sum())
        rows.append((f"{len(known) - _MOST_ROWS} more inputs", str(rest), "see points.at(x)", ""))
    return rows
