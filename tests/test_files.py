"""Whatever ends a process while it writes, the file that was there before stays whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pyrnn import RNN
from pyrnn.dynamics import find_fixed_points, transition_graph
from pyrnn.render import Scene

STATES = torch.linspace(-1, 1, 20)[:, None] * torch.ones(3)


def step(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(2 * h)


def save_points(path: Path) -> None:
    find_fixed_points(step, STATES).save(path)


def save_transitions(path: Path) -> None:
    transition_graph(step, find_fixed_points(step, STATES)).save(path)


def save_scene(path: Path) -> None:
    Scene(STATES).save(path)


WRITERS = [
    pytest.param(lambda path: RNN(1, 4, 1).save(path), "rnn.pt", id="network"),
    pytest.param(save_points, "points.npz", id="points"),
    pytest.param(save_transitions, "graph.json", id="json"),
    pytest.param(save_transitions, "graph.graphml", id="graphml"),
    pytest.param(save_scene, "scene.html", id="page"),
]


@pytest.mark.parametrize(("save", "name"), WRITERS)
def test_an_interrupted_write_leaves_the_old_file(
    save: Callable[[Path], Any], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text("old")

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("save", "name"), WRITERS)
def test_missing_folders_are_made(save: Callable[[Path], Any], name: str, tmp_path: Path) -> None:
    path = tmp_path / "results" / "monday" / name
    save(path)
    assert path.stat().st_size > 20
    assert list(path.parent.iterdir()) == [path]
