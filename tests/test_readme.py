"""The README's programs run as printed, and draw the picture that stands below the first one."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from pyrnn.palette import GREEN, ORANGE, PURPLE, SKY
from pyrnn.render import Scene, scene
from pyrnn.render._crowd import Stroke

from .render.conftest import opengl

__all__ = ["opengl"]

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
KEPT = ROOT / "docs" / "images" / "flipflop.png"
ADVICE = "draw the picture again: python docs/images/make_picture.py"


def n_pixels(path: Path, color: str) -> int:
    """Return how many pixels have about this color."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(pixels - rgb).max(-1) < 24).sum())


def luminance(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Return how light the parts of a picture are, ``(height, width)``, 0 to 1."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX)) / 255


def every_trajectory_in_full(trials: object, box: np.ndarray, *_: object, **__: object) -> Stroke:
    return Stroke(0.0016 * float(np.linalg.norm(box[1] - box[0])), 0.9)


def are_alike(one: Path, other: Path) -> bool:
    """Return whether pictures have as much ink in about the same places, from any side.

    Views of the same cube from different sides differ by 0.006 in the sorted luminance of blocks
    and correlate by 0.89 when blurred; trajectories drawn in full differ by 0.022, and a picture
    without any correlates by 0.8.
    """
    blocks = [np.sort(luminance(path, (50, 36)), axis=None) for path in (one, other)]
    blurred = [gaussian_filter(luminance(path, (150, 110)), 4).ravel() for path in (one, other)]
    difference = np.abs(blocks[0] - blocks[1]).mean()
    return bool(difference < 0.016 and np.corrcoef(*blurred)[0, 1] > 0.85)


@pytest.mark.slow
@pytest.mark.render
@pytest.mark.usefixtures("opengl")
def test_programs_run_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_default_dtype(torch.float32)
    seen: dict[str, object] = {"__name__": "__main__"}
    exec(compile(PROGRAMS[0], "README.md", "exec", dont_inherit=True), seen)
    assert torch.bincount(seen["points"].n_unstable).tolist() == [8, 12, 6, 1]
    states, points, graph = seen["states"], seen["points"], seen["graph"]
    for program in PROGRAMS[1:]:
        exec(compile(program, "README.md", "exec", dont_inherit=True), seen)
    network = seen["RectifiedLeaky"](3, 8, 2)
    assert network.predict(seen["task"].batch(2).inputs).outputs.shape == (2, 100, 2)
    drawn = Path("flipflop.png")
    for color in (GREEN, ORANGE, SKY, PURPLE):  # the view may differ between processors
        assert 0.4 < n_pixels(drawn, color) / n_pixels(KEPT, color) < 2.5, ADVICE
    assert are_alike(drawn, KEPT), ADVICE
    monkeypatch.setattr(scene, "stroke_for", every_trajectory_in_full)
    monkeypatch.setattr(scene, "fading", lambda trials, unit: np.ones(sum(map(len, trials))))
    assert not are_alike(Scene(states, points, graph).save("crowded.png"), KEPT)
    assert not are_alike(Scene(points=points).save("empty.png"), KEPT)


def test_first_program_is_short_and_its_picture_follows() -> None:
    lines = [line for line in PROGRAMS[0].splitlines() if line.strip()]
    assert len(lines) <= 12
    after = README.partition(PROGRAMS[0])[2]
    assert re.search(r"!\[[^]]+\]\(([^)]+)\)", after)[1] == "docs/images/flipflop.png"
    with Image.open(KEPT) as picture:
        assert picture.text["Source"] == PROGRAMS[0], ADVICE


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_and_paths_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text) + re.findall(r"`([\w/]+/[\w/.]+\w)`", text)
    assert len(links) > 4
    assert [link for link in links if not (ROOT / link).exists()] == []
