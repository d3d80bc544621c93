"""A damaged file is one clear error: flipped bits, truncations, and files made to do harm."""

from __future__ import annotations

import io
import os
import pickle
import random
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pyrnn
from pyrnn import RNN
from pyrnn.dynamics import FixedPoints, TransitionGraph, find_fixed_points, transition_graph
from pyrnn.dynamics import load as load_result
from pyrnn.tasks import FlipFlop
from pyrnn.training import History


def _points(path: Path) -> Path:
    starts = torch.linspace(-1, 1, 20)[:, None] * torch.ones(3)
    return find_fixed_points(lambda h, x: torch.tanh(2 * h), starts).save(path)


def _trained(path: Path) -> Path:
    rnn = RNN(2, 8, 2)
    rnn.fit(FlipFlop(n_bits=2, n_trials=8), epochs=2, progress=False)
    return rnn.save(path)


def _history(path: Path) -> Path:
    return History(steps={"loss": [0.5, 0.25]}, epochs={"loss": [0.4]}).save(path)


def _graph(path: Path) -> Path:
    starts = torch.linspace(-1, 1, 20)[:, None] * torch.ones(2)
    points = find_fixed_points(_step, starts)
    return transition_graph(_step, points).save(path.with_suffix(".npz"))


def _step(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(2 * h)


FILES: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "small network": (_trained, pyrnn.load),
    "large network": (lambda path: RNN(2, 400, 2).save(path), pyrnn.load),
    "points": (_points, load_result),
    "history": (_history, History.load),
    "graph": (_graph, TransitionGraph.load),
}


@pytest.mark.parametrize("kind", FILES)
def test_flipped_bits_are_noticed(kind: str, tmp_path: Path) -> None:
    save, load = FILES[kind]
    content = save(tmp_path / "whole").read_bytes()
    rng, damaged = random.Random(0), tmp_path / "damaged"
    places = [rng.randrange(8 * len(content)) for _ in range(60)]
    places += range(8 * (len(content) - 90), 8 * len(content), 40)  # the checksum itself
    for place in places:
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        damaged.write_bytes(changed)
        with pytest.raises(ValueError, match=r"damaged|expected a file that"):
            load(damaged)


@pytest.mark.parametrize("kind", FILES)
def test_truncated_files_are_noticed(kind: str, tmp_path: Path) -> None:
    save, load = FILES[kind]
    content = save(tmp_path / "whole").read_bytes()
    damaged = tmp_path / "damaged"
    for share in range(50):
        damaged.write_bytes(content[: share * len(content) // 50])
        with pytest.raises(ValueError, match=r"damaged|expected a file that"):
            load(damaged)


def test_a_file_without_its_checksum_is_no_file_of_an_earlier_version(tmp_path: Path) -> None:
    path = RNN(2, 4, 2).save(tmp_path / "rnn.pt")
    content = path.read_bytes()
    path.write_bytes(content[:-79] + b"\0\0")  # a whole archive, as torch writes it
    with pytest.raises(ValueError, match="with its checksum, got none"):
        pyrnn.load(path)


# ------------------------------------------------------------------------- made to do harm


class _Harm:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch harm",)


def _content(**changes: Any) -> dict[str, Any]:
    """Return the content of a file of an earlier version, which needs no checksum."""
    file = io.BytesIO(RNN(2, 4, 2).save(Path.cwd() / "rnn.pt").read_bytes())
    content = torch.load(file, weights_only=True) | {"version": 2}
    for name, value in changes.items():
        place, keys = content, name.split("__")
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
    return content


def _saved(**changes: Any) -> bytes:
    file = io.BytesIO()
    torch.save(_content(**changes), file)
    return file.getvalue()


def _nested() -> list[Any]:
    """Return a list that holds another one twice, and so on: 2**60 parts in a small file."""
    part: list[Any] = [0.0]
    for _ in range(60):
        part = [part, part]
    return part


def _compressed() -> bytes:
    file = io.BytesIO()
    old = zipfile.ZipFile(io.BytesIO(_saved()))
    with old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("archive/data/99", b"\0" * 400_000_000)
    return file.getvalue()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "pickle": lambda: pickle.dumps(_Harm()),
    "pickle in an archive": lambda: _saved(beside__history=_Harm()),
    "activation": lambda: _saved(network__config__activation="os:system"),
    "builtin": lambda: _saved(network__config__activation="builtins:input"),
    "class": lambda: _saved(network={"__class__": "os.system", "config": {}}),
    "path": lambda: _saved(network__config__activation="../../etc/passwd:x"),
    "bomb": _compressed,
    "huge": lambda: _saved(network__config__hidden_size=300_000),
    "version as text": lambda: _saved(version="2"),
    "version from the future": lambda: _saved(version=99),
    "history": lambda: _saved(beside__history={"steps": 3}),
    "state": lambda: _saved(beside__training_state={"epoch": 1}),
    "lists of lists": lambda: _saved(beside__history={"steps": {"loss": _nested()}}),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_made_to_do_harm_do_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pt"
    path.write_bytes(HOSTILE[name]())
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises((ValueError, TypeError), match="expected"):
        pyrnn.load(path)
    assert time.perf_counter() - began < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB
    assert not (tmp_path / "harm").exists()


def test_a_result_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.npy", b"\0" * 2**20)
        with archive.open("states.npy", "w") as file:
            for _ in range(600):
                file.write(b"\0" * 2**20)
    with pytest.raises(ValueError, match="MB of memory"):
        load_result(path)


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    np.savez(path, header=np.array([_Harm()], dtype=object))
    with pytest.raises(ValueError, match="expected a file that the save"):
        FixedPoints.load(path)


@pytest.mark.parametrize("version", ["2.4.0", "2.9.1", "2.9.1+cu128"])
def test_an_old_torch_reads_files_of_others_no_more(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = RNN(2, 4, 2).save(tmp_path / "rnn.pt")
    monkeypatch.setattr(torch, "__version__", version)
    with pytest.raises(ValueError, match=r"expected torch 2\.10 or newer"):
        pyrnn.load(path)
    assert RNN.load(path, trusted=True).hidden_size == 4
