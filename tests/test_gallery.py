"""Pages of the gallery: prose between steps, figures for light and dark pages, thumbnails."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
PAGE = """.. code-block:: Python

    def main():
        a = 1

        # %%
        # Now b,
        # which is larger.
        b = 2
        return a + b
"""


@pytest.fixture
def load(monkeypatch):
    """A function that imports an extension of the documentation."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs" / "_ext"), *sys.path])
    return importlib.import_module


def test_steps_of_a_program_are_blocks_with_prose_between_them(load):
    blocks = load("steps").split_steps(PAGE).split(".. code-block:: Python\n")
    assert blocks[1].endswith("a = 1\n\nNow b,\nwhich is larger.\n\n")
    assert blocks[2] == "\n        b = 2\n        return a + b\n"


def test_examples_have_prose_between_their_steps():
    examples = [path.read_text(encoding="utf-8") for path in (ROOT / "examples").glob("*.py")]
    assert sum("    # %%\n" in example for example in examples) >= len(examples) - 1


def test_ink_of_a_dark_figure_is_light_and_what_a_color_map_drew_stays(load):
    figures = load("figures")
    figure, axes = plt.subplots(1, 2)
    axes[0].imshow(np.linspace(-1, 1, 25).reshape(5, 5), cmap="RdBu_r")
    axes[0].set_axis_off()
    axes[1].plot([0, 1], color="black", linewidth=4)
    axes[1].fill_between([0, 1], 0.5, color="tab:blue", linewidth=0)
    axes[1].set_title("title")
    pictures = []
    for turn in (lambda figure: None, figures.darken):
        turn(figure)
        figure.canvas.draw()
        pictures.append(np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int))
    light, dark = pictures
    plt.close(figure)
    height, width, _ = light.shape
    box = axes[0].get_window_extent().shrunk(0.95, 0.95)
    rows = slice(int(height - box.y1) + 8, int(height - box.y0))
    heat = (rows, slice(int(box.x0), int(box.x1)))
    assert np.array_equal(light[heat], dark[heat])
    assert np.median(dark) < 40
    assert np.median(light) == 255
    right = (slice(None), slice(width // 2, None))
    is_black = light[right].max(-1) < 30
    assert np.median(dark[right][is_black]) > 220
    assert dark[right][is_black].min() > 120
    is_blue = (np.abs(light[right] - [31, 119, 180]) < 3).all(-1)
    assert is_blue.sum() > 100
    assert np.median(np.abs(light[right][is_blue] - dark[right][is_blue])) == 0
