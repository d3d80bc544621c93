"""A point and a set of points say what follows from their Jacobians, and survive a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch.testing import assert_close

from pyrnn.dynamics import (
    FixedPoint,
    FixedPoints,
    certify,
    find_attractors,
    find_branches,
    find_cycles,
    find_fixed_points,
    find_manifolds,
    load,
)
from pyrnn.dynamics.maps import Spectrum
from tests.systems import product_flip_flop


@pytest.fixture(scope="module")
def points() -> FixedPoints:
    system = product_flip_flop()
    return find_fixed_points(system.step, system.starts, system.x)


def test_eigenvalues_agree_with_numpy(points: FixedPoints) -> None:
    for point in points:
        expected = np.sort(np.abs(np.linalg.eigvals(point.jacobian.numpy())))[::-1]
        assert_close(point.eigenvalues.abs(), torch.tensor(expected.copy()), atol=1e-7, rtol=0)


def test_eigenvectors_are_right_ones() -> None:
    point = FixedPoint(torch.zeros(3), torch.zeros(1), 0.0, torch.randn(3, 3))
    product = point.jacobian.to(point.eigenvectors) @ point.eigenvectors
    assert_close(product, point.eigenvectors * point.eigenvalues)


def test_set_and_points_agree(points: FixedPoints) -> None:
    assert [point.n_unstable for point in points] == points.n_unstable.tolist()
    assert [point.stability for point in points] == points.stability
    assert [point.is_stable for point in points] == points.is_stable.tolist()
    assert "saddle" in repr(points[-1])


def test_slices_and_masks_are_sets(points: FixedPoints) -> None:
    assert len(points[:3]) == 3
    assert len(points[points.is_stable]) == 8
    assert torch.equal(points[-1].state, points.states[26])
    assert repr(points[:3]) == "FixedPoints(3)"


@pytest.mark.parametrize(
    ("eigenvalues", "name"),
    [
        ([0.5, 0.1], "stable node"),
        ([0.5 + 0.5j, 0.5 - 0.5j], "stable focus"),
        ([1.5, 1.2], "unstable node"),
        ([1 + 1j, 1 - 1j], "unstable focus"),
        ([1.5, 0.2], "saddle with 1 unstable mode"),
        ([1 + 1j, 1 - 1j, 0.5], "saddle with 2 unstable modes"),
        ([1.0, 0.2], "marginal"),
        ([1.0, 1.2], "marginal with 1 unstable mode"),
    ],
)
def test_classes(eigenvalues: list[complex], name: str) -> None:
    assert Spectrum.from_eigenvalues(torch.tensor(eigenvalues)).stability == name


def test_summary_counts_each_kind(points: FixedPoints) -> None:
    text = points.summary()
    assert "27 fixed points" in text
    assert "saddle with 1 unstable mode   12 " in text
    console = Console(width=100)
    with console.capture() as capture:
        console.print(points)
    assert "27 fixed points" in capture.get()


def test_saved_points_come_back(points: FixedPoints, tmp_path: Path) -> None:
    points.save(tmp_path / "points.npz")
    loaded = FixedPoints.load(tmp_path / "points.npz")
    assert torch.equal(loaded.states, points.states)
    assert torch.equal(loaded.jacobians, points.jacobians)
    assert loaded.stability == points.stability


def test_empty_set_survives_a_file(tmp_path: Path, points: FixedPoints) -> None:
    points[:0].save(tmp_path / "none.npz")
    assert len(FixedPoints.load(tmp_path / "none.npz")) == 0


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ValueError, match="expected a file that the save"):
        FixedPoints.load(path)
    path.write_text("not at all")
    with pytest.raises(ValueError, match="expected a file that the save"):
        FixedPoints.load(path)
    with pytest.raises(FileNotFoundError):
        FixedPoints.load(tmp_path / "missing.npz")


@pytest.mark.parametrize("kind", ["cycles", "attractors", "branches", "manifolds", "certificates"])
def test_every_result_survives_a_file(kind: str, tmp_path: Path) -> None:
    def step(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(-2 * h + x)

    starts = torch.linspace(-1, 1, 9)[:, None]
    results = {
        "cycles": lambda: find_cycles(step, starts, periods=[2]),
        "attractors": lambda: find_attractors(step, starts),
        "branches": lambda: find_branches(step, starts, (-0.5, 0.5)),
        "manifolds": lambda: find_manifolds(lambda h, x: 1.0 * h, starts),
        "certificates": lambda: certify(step, find_fixed_points(step, starts)),
    }
    result = results[kind]()
    loaded = load(result.save(tmp_path / "result.npz"))
    assert type(loaded) is type(result)
    assert repr(loaded) == repr(result)


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    header = '{"format": "pyrnn.dynamics/1", "result": {"kind": "find_cycles", "fields": {}}}'
    np.savez(tmp_path / "function.npz", header=np.array(header))
    with pytest.raises(ValueError, match="find_cycles to be defined"):
        load(tmp_path / "function.npz")


def test_table_for_pandas(points: FixedPoints) -> None:
    table = points.to_pandas()
    assert table.shape == (27, 28)  # 4 facts, 12 units, 12 input channels
    assert table["n_unstable"].tolist() == points.n_unstable.tolist()


def test_eigenvalues_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    points = find_fixed_points(lambda h, x: torch.tanh(2 * h), torch.randn(20, 3))
    expected = torch.linalg.eigvals(points.jacobians).abs().sort(descending=True).values
    monkeypatch.delattr(torch.linalg, "eigvals")
    assert_close(points.eigenvalues.abs(), expected)
    assert points[points.is_stable].n_unstable.unique().tolist() == [0]
