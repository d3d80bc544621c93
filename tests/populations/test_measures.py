"""Distances are metrics, and zero for what only renames or turns the units."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn.dynamics import FixedPoints, find_fixed_points
from pyrnn.populations import shape_distance, spectra_distance


def random_states(seed: int, n_units: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(5, 40, n_units))


def points_of(gain: float, units: Tensor | None = None, scale: float = 1.0) -> FixedPoints:
    """Return fixed points of two independent bits, in other coordinates."""
    m = torch.eye(2) if units is None else units
    inverse = torch.linalg.inv(m)
    first = torch.tensor([gain, 1.5])
    axis = torch.linspace(-1, 1, 9)
    starts = torch.cartesian_prod(axis, axis) @ m.T * scale
    return find_fixed_points(
        lambda h, x: torch.tanh(first * (h / scale @ inverse.T)) @ m.T * scale, starts
    )


def test_shape_is_zero_for_permuted_and_rotated_units_of_another_scale() -> None:
    states = random_states(0)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
    assert shape_distance(states, states[..., ::-1]) <= 1e-7
    assert shape_distance(states, 5 * states @ turn + 3) <= 1e-7
    wider = np.concatenate([states, np.zeros((5, 40, 3))], axis=-1)
    assert shape_distance(states, wider) <= 1e-7


def test_shape_is_the_angle_of_the_nuclear_norm() -> None:
    a, b = random_states(0), random_states(1, n_units=5)
    x, y = (s.reshape(-1, s.shape[-1]) for s in (a, b))
    x, y = x - x.mean(0), y - y.mean(0)
    cosine = np.linalg.norm(x.T @ y, "nuc") / np.linalg.norm(x) / np.linalg.norm(y)
    assert shape_distance(a, b) == pytest.approx(np.arccos(cosine), abs=1e-12)


def test_both_are_symmetric_and_obey_the_triangle_inequality() -> None:
    states = [random_states(0) + 0.3 * random_states(seed) for seed in range(8)]
    found = [points_of(gain) for gain in (0.5, 1.2, 1.5, 2.0, 3.0, 5.0)]
    for measure, things in ((shape_distance, states), (spectra_distance, found)):
        d = np.array([[measure(a, b) for b in things] for a in things])  # type: ignore[operator]
        np.testing.assert_allclose(d, d.T, atol=1e-12)
        for i, j, k in itertools.permutations(range(len(d)), 3):
            assert d[i, k] <= d[i, j] + d[j, k] + 1e-9


def test_spectra_are_those_of_the_dynamics_not_of_the_coordinates() -> None:
    skewed = torch.tensor([[2.0, 0.7], [0.1, 0.4]])
    assert len(points_of(2.0)) == 9
    assert spectra_distance(points_of(2.0), points_of(2.0, skewed)) <= 1e-7
    assert spectra_distance(points_of(2.0), points_of(2.0, scale=1e3)) <= 1e-7
    assert spectra_distance(points_of(2.0), points_of(3.0)) > 0.1


def test_a_point_without_partner_costs_its_price() -> None:
    """Of nine points eight have no partner."""
    one, nine = points_of(2.0)[:1], points_of(2.0)
    assert spectra_distance(one, nine, price=0.5) == pytest.approx(0.5 * np.sqrt(8 / 9))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="the same inputs"):
        shape_distance(np.eye(3), np.eye(4))
    with pytest.raises(ValueError, match="other inputs"):
        shape_distance(np.ones((3, 2)), np.eye(3))
    with pytest.raises(TypeError, match="fixed points"):
        spectra_distance(np.eye(3), np.eye(3))  # type: ignore[arg-type]
