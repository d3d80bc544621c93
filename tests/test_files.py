"""Whatever ends a process while it writes, the file that was there before stays whole."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import pyrnn
from pyrnn import RNN
from pyrnn.dynamics import find_fixed_points, transition_graph
from pyrnn.files import replacing
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


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("umask", [0o077, 0o027, 0o002])
def test_permissions_are_those_of_any_new_file(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        path = RNN(1, 4, 1).save(tmp_path / "rnn.pt")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    path.chmod(0o640)
    RNN(1, 4, 1).save(path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_file_behind_a_link_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "far" / "rnn.pt", tmp_path / "rnn.pt"
    RNN(1, 4, 1).save(target)
    link.symlink_to(target)
    RNN(1, 6, 1).save(link)
    assert link.is_symlink()
    assert pyrnn.load(target).hidden_size == 6


def test_the_home_folder_has_its_short_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = RNN(1, 4, 1).save("~/rnn.pt")
    assert path == tmp_path / "rnn.pt"
    assert pyrnn.load("~/rnn.pt").hidden_size == 4


def test_what_a_killed_process_has_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """A child writes half of a file and is killed; others may be at work beside it."""
    path = tmp_path / "rnn.pt"
    code = (
        "import os, signal; from pyrnn.files import replacing\n"
        f"with replacing({str(path)!r}) as partial:\n"
        "    partial.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    (orphan,) = tmp_path.iterdir()
    with replacing(path) as alive:  # which removes the orphan, and is not removed itself
        assert not orphan.exists()
        RNN(1, 4, 1).save(path)
        assert alive.exists()
        alive.write_bytes(path.read_bytes())
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = RNN(1, 4, 1).save(tmp_path / "rnn.pt")

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match=r"expected room for .*rnn\.pt on its disk"):
        RNN(1, 8, 1).save(path)
    monkeypatch.undo()
    assert pyrnn.load(path).hidden_size == 4
    assert list(tmp_path.iterdir()) == [path]
