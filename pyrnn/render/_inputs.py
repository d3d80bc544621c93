"""Colors of fixed points by the input that they belong to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pyrnn.arrays import Array, as_array
from pyrnn.coloring import ColorBar
from pyrnn.dynamics import FixedPoints, SlowPoints
from pyrnn.palette import color_scale
from pyrnn.render._drawing import Balls

__all__ = ["colored_by_input", "input_scale"]

_SAME = 1e-9  # inputs whose channel varies less than this share are constant in it


def input_scale(points: object) -> tuple[Array, ColorBar] | None:
    """Return a number for the input of each point, ``(n,)``, and its scale.

    The number is the channel that varies; if several do, the first principal component.

    Args:
        points: Points under several inputs. ``None`` is returned for anything else.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step, x = lambda h, x: torch.tanh(h / 2 + x), torch.tensor([[0.5], [0.0]])
        >>> values, bar = input_scale(find_fixed_points(step, torch.zeros(1, 1), x))
        >>> values.tolist(), bar.label, input_scale([])
        ([0.0, 0.5], 'input 0', None)
    """
    if not isinstance(points, (FixedPoints, SlowPoints)) or not len(points):
        return None
    inputs = as_array(points.inputs).astype(float)
    ranges = np.ptp(inputs, axis=0)
    if not ranges.size or ranges.max() == 0:
        return None
    (varying,) = np.nonzero(ranges > _SAME * ranges.max())
    if len(varying) == 1:
        values, label = inputs[:, varying[0]], f"input {varying[0]}"
    else:
        _, _, axes = np.linalg.svd(inputs - inputs.mean(axis=0), full_matrices=False)
        values = (inputs - inputs.mean(axis=0)) @ axes[0] * np.sign(axes[0][abs(axes[0]).argmax()])
        label = "input, first PC"
    scale, values = color_scale(values)
    return values, ColorBar(label, scale._replace(colormap="viridis"))


def colored_by_input(balls: Balls, values: Array, bar: ColorBar, names: list[str]) -> Balls:
    """Return points in the colors of their inputs, with the input on each card.

    Args:
        balls: The points.
        values: What is colored, ``(n,)``.
        bar: Its scale.
        names: The input of each in words.
    """
    cards = (
        replace(card, facts=(*card.facts, name))
        for card, name in zip(balls.cards, names, strict=True)
    )
    colors = (255 * bar.scale(values)[:, :3]).round().astype(np.uint8)
    return replace(balls, colors=colors, cards=tuple(cards))
