"""Operators: their eigenvalues, their rank, and the angle of two of them."""

from __future__ import annotations

import numpy as np
import pytest

from pyrnn.arrays import Array
from pyrnn.populations import choose_rank, dsa_angle, dsa_distance
from pyrnn.populations._rotations import aligned
from pyrnn.populations.dsa import dsa_matrix, operator
from pyrnn.validate import as_rng


def rotation(n: int, seed: int = 0) -> Array:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]


def linear_runs(a: Array, n_trials: int = 20, n_steps: int = 30, noise: float = 0.0) -> Array:
    rng = np.random.default_rng(1)
    states = [rng.normal(size=(n_trials, len(a)))]
    for _ in range(n_steps - 1):
        states.append(states[-1] @ a.T + noise * rng.normal(size=(n_trials, len(a))))
    return np.stack(states, axis=1)


def symmetric(runs: Array) -> Array:
    """Return runs and their mirror images, whose mean is zero."""
    return np.concatenate([runs, -runs])


A = rotation(4) * np.array([0.99, 0.9, 0.8, 0.95])


def test_the_operator_of_linear_runs_has_their_eigenvalues() -> None:
    found = operator(symmetric(linear_runs(A)), n_components=4, n_delays=1, rank=4)
    assert dsa_matrix([found, A])[0, 1] == pytest.approx(0, abs=1e-9)


def test_it_does_not_depend_on_coordinates() -> None:
    runs = linear_runs(A)
    assert dsa_distance(runs, runs @ rotation(4, 1)) <= 1e-7
    skewed = runs @ np.random.default_rng(2).normal(size=(4, 6))
    assert dsa_distance(runs, skewed, n_delays=1, rank=4) <= 1e-7


def test_the_rank_is_that_of_the_data_not_of_the_noise() -> None:
    """Beyond it, copies of a network with other noise come out different."""
    rng = np.random.default_rng(0)
    hidden = symmetric(linear_runs(A, noise=0.1)) @ rng.normal(size=(4, 30))
    a, b = (hidden + 0.01 * rng.normal(size=hidden.shape) for _ in range(2))
    assert choose_rank([a, b], n_delays=1) == 4
    assert dsa_distance(a, b, n_delays=1) < 0.01 < dsa_distance(a, b, n_delays=1, rank=10)


def test_the_root_is_a_metric_and_its_square_is_none() -> None:
    operators = [rotation(6, seed) * np.linspace(0.3, 1, 6) for seed in range(40)]
    d = dsa_matrix(operators)
    excess = [x[:, None, :] - x[:, :, None] - x[None, :, :] for x in (d, d**2)]
    assert excess[0].max() <= 1e-12
    assert excess[1].max() > 0.01


def test_the_angle_of_rotated_operators_is_zero() -> None:
    turn = rotation(8, 1)
    a = rotation(8, 2) * np.linspace(0.3, 1, 8)
    found = aligned(a, turn @ a @ turn.T, 6, as_rng(0))
    assert min(found.angles) <= 1e-6
    assert found.lowest <= min(found.angles) + 1e-7


def test_no_rotation_is_below_the_bound() -> None:
    """For plane operators all rotations and reflections can be tried."""
    a, b = np.random.default_rng(0).normal(size=(2, 2, 2))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    turns = np.linspace(0, 2 * np.pi, 20001)
    c, s = np.cos(turns), np.sin(turns)
    best = np.inf
    for flip in (1.0, -1.0):
        turn = np.moveaxis(np.array([[c, -flip * s], [s, flip * c]]), -1, 0)
        moved = turn @ b @ np.swapaxes(turn, -1, -2)
        best = min(best, float(np.arccos((moved * a).sum((-1, -2)).max())))
    found = aligned(a, b, 6, as_rng(0))
    assert min(found.angles) == pytest.approx(best, abs=1e-6)
    assert found.lowest <= best


def test_an_angle_tells_its_spread() -> None:
    other = rotation(4, 5) * np.array([0.99, 0.7, 0.6, 0.95])
    found = dsa_angle(linear_runs(A), linear_runs(other), n_delays=1, rank=4)
    assert found.angle == found.angles[0] <= found.angles[-1]
    assert 0 <= found.lowest <= found.angle
    assert "none is below" in found.summary()


def test_wrong_arguments_are_refused() -> None:
    runs = linear_runs(A)
    with pytest.raises(ValueError, match="at most 20, that of the states, got 21"):
        dsa_distance(np.random.default_rng(0).normal(size=(9, 40, 4)), runs, rank=21)
    with pytest.raises(ValueError, match="at least two trials"):
        dsa_distance(runs[:1], runs[:1])
    with pytest.raises(ValueError, match="more than 5 steps"):
        dsa_distance(runs[:, :5], runs[:, :5])
    with pytest.raises(ValueError, match="n_trials, time, hidden_size"):
        choose_rank([runs[0]])
