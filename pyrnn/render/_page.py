"""Web pages that need no network: the viewer, three.js and the data in one file."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
from matplotlib import colors

from pyrnn.arrays import Array
from pyrnn.coloring import ColorBar
from pyrnn.palette import colormap
from pyrnn.render._drawing import Balls, Card, Drawing, Layer

__all__ = ["as_json", "fill", "iframe", "page", "ramp", "scene_page", "scenes_data"]

_DIGITS = 7  # of numbers written as text


def page(drawings: Sequence[Drawing]) -> str:
    """Return a page that shows drawings side by side, each with its own controls.

    Example:
        >>> box = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
        >>> empty = Drawing((), box, ("x", "y", "z"), np.ones(3), title="nothing yet")
        >>> "<title>nothing yet</title>" in page([empty])
        True
    """
    title = " · ".join(d.title for d in drawings if d.title) or "pyrnn scene"
    return scene_page(title, scenes_data(drawings))


def scene_page(title: str, scenes: str) -> str:
    """Return a page for scenes that are given as data.

    Example:
        >>> "<title>later</title>" in scene_page("later", "")
        True
    """
    viewer = _resource("viewer.js").replace("</", "<\\/")
    return fill("page.html", title=html.escape(title), scenes=scenes, viewer=viewer)


def scenes_data(drawings: Sequence[Drawing]) -> str:
    """Return drawings as JSON that a script element may hold.

    Example:
        >>> scenes_data([])
        '{"scenes": []}'
    """
    return as_json({"scenes": [_scene(drawing) for drawing in drawings]})


def as_json(data: object) -> str:
    """Return JSON that a script element may hold.

    Example:
        >>> "<" in as_json("</script>")
        False
    """
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def fill(name: str, **parts: str) -> str:
    """Return a file of the folder ``web`` with its ``{{places}}`` filled in.

    Example:
        >>> len(fill("page.html", title="", scenes="", viewer="")) > 1000
        True
    """
    before, *rest = _resource(name).split("{{")
    pieces = [parts[part] + text for part, text in (piece.split("}}", 1) for piece in rest)]
    return before + "".join(pieces)


def iframe(document: str, height: int = 640) -> str:
    """Return a page as an element that a notebook can show.

    Example:
        >>> iframe("<p>hello</p>")[:39]
        '<iframe srcdoc="&lt;p&gt;hello&lt;/p&gt'
    """
    source = html.escape(document, quote=True)
    style = f"width:100%;height:{height}px;border:0"
    return f'<iframe srcdoc="{source}" style="{style}" allowfullscreen></iframe>'


def _resource(name: str) -> str:
    """Return a file of the folder ``web``."""
    return (files("pyrnn.render") / "web" / name).read_text(encoding="utf-8")


def _scene(drawing: Drawing) -> dict[str, object]:
    return {
        "title": drawing.title,
        "labels": drawing.labels,
        "box": _numbers(drawing.box),
        "iso": _numbers(drawing.iso),
        "legend": drawing.legend,
        "bar": _bar(drawing.bar) if drawing.bar else None,
        "nSteps": drawing.n_steps,
        "moments": drawing.moments,
        "layers": [_layer(layer) for layer in drawing.layers],
    }


def ramp(bar: ColorBar) -> list[str]:
    """Return the colors of a scale, from its low end to its high end."""
    return [colors.to_hex(c) for c in colormap(bar.scale.colormap)(np.linspace(0, 1, 31))]


def _bar(bar: ColorBar) -> dict[str, object]:
    low, high = bar.scale.ends
    return {"label": bar.label, "colors": ramp(bar), "low": low, "high": high}


def _layer(layer: Layer) -> dict[str, object]:
    cards, card_of = _distinct(layer.cards)
    common = {
        "key": layer.key,
        "note": layer.note,
        "visible": layer.visible,
        "radii": _numbers(layer.radii),
        "cards": [_card(card) for card in cards],
        "cardOf": card_of,
    }
    if isinstance(layer, Balls):
        places = {"centers": _packed(layer.centers, np.float32)}
        if layer.spans is not None:
            places["spans"] = _packed(layer.spans, np.int32)
        return {"kind": "balls", **common, **places, "colors": _packed(layer.colors, np.uint8)}
    plain = bool((layer.colors == layer.colors[:1]).all())
    return {
        "kind": "curves",
        **common,
        "vertices": _packed(layer.vertices, np.float32),
        "lengths": layer.lengths.tolist(),
        "plain": plain,
        "colors": _packed(layer.colors[:1] if plain else layer.colors, np.uint8),
        "alpha": layer.alpha,
        "fades": None if layer.fades is None else _packed(255 * layer.fades, np.uint8),
        "heads": layer.heads,
        "clip": layer.clip,
        "timed": layer.times is not None,
    }


def _distinct(cards: Sequence[Card]) -> tuple[list[Card], list[int]]:
    """Return the cards without repetitions, and which of them belongs to each place."""
    numbers: dict[int, int] = {}
    card_of = [numbers.setdefault(id(card), len(numbers)) for card in cards]
    return list({id(card): card for card in cards}.values()), card_of


def _card(card: Card) -> dict[str, object]:
    values = np.stack([card.eigenvalues.real, card.eigenvalues.imag], axis=-1)
    return {
        "title": card.title,
        "detail": card.detail,
        "color": card.color,
        "facts": card.facts,
        "eigenvalues": _packed(values, np.float32),
    }


def _packed(array: Array, dtype: type[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode("ascii")


def _numbers(array: Array) -> list[object] | float:
    """Return an array as nested lists of numbers, with as many digits as can be seen."""
    if array.ndim:
        return [_numbers(part) for part in array]
    return float(f"{float(array):.{_DIGITS}g}")
