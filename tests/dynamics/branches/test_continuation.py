"""Bifurcations at the parameters that scipy finds for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor

from pyrnn.dynamics import Branch, find_branches
from tests.systems import rotation_matrix

STARTS = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]


def _found(branches: list[Branch]) -> list[tuple[str, float]]:
    """Return kinds and parameters of all bifurcations, each once, in order."""
    all_of_them = {
        (b.kind, round(b.parameter, 5)) for branch in branches for b in branch.bifurcations
    }
    return sorted(all_of_them, key=lambda found: found[1])


def _assert_found(branches: list[Branch], expected: list[tuple[str, float]]) -> None:
    found = _found(branches)
    assert [kind for kind, _ in found] == [kind for kind, _ in expected]
    for (_, parameter), (_, known) in zip(found, expected, strict=True):
        assert parameter == pytest.approx(known, abs=1e-5)


def test_folds_of_one_neuron() -> None:
    """At a fold 2 (1 - h²) = 1, so h = ±1/√2 and b = artanh h - 2 h."""
    h = np.sqrt(0.5)
    fold = abs(np.arctanh(h) - 2 * h)
    assert fold == pytest.approx(0.532839975353552)
    branches = find_branches(lambda h, b: torch.tanh(2 * h + b), STARTS, (-1.0, 1.0))
    _assert_found(branches, [("fold", -fold), ("fold", fold)])
    (branch,) = branches
    for bifurcation in branch.bifurcations:
        assert abs(float(bifurcation.state)) == pytest.approx(h, abs=1e-6)
    assert branch.parameters[[0, -1]].abs().tolist() == pytest.approx([1.0, 1.0])
    residual = torch.tanh(2 * branch.states[:, 0] + branch.parameters) - branch.states[:, 0]
    assert residual.abs().max() < 1e-9
    assert "fold" in repr(branch)


def test_pitchfork_and_period_doubling_of_one_neuron() -> None:
    branches = find_branches(lambda h, w: torch.tanh(w * h), STARTS, (-2.0, 2.0))
    _assert_found(branches, [("period doubling", -1.0), ("pitchfork", 1.0)])
    assert len(branches) == 2


def test_transcritical() -> None:
    branches = find_branches(lambda h, p: h + p * h - h * h, STARTS, (-0.5, 0.5))
    _assert_found(branches, [("transcritical", 0.0)])


def test_broken_pitchfork_is_a_fold_and_a_branch_without_one() -> None:
    branches = find_branches(lambda h, w: torch.tanh(w * h + 0.05), STARTS, (0.5, 2.0))
    fold = _fold_of_tanh(0.05)
    _assert_found(branches, [("fold", fold)])
    assert sorted(len(branch.bifurcations) for branch in branches) == [0, 1]


def _fold_of_tanh(b: float) -> float:
    """Solve h = tanh(w h + b) and w (1 - h²) = 1 for w."""

    def gap(h: float) -> float:
        return np.tanh(h / (1 - h**2) + b) - h

    h = brentq(gap, -0.9, -0.01)
    return 1 / (1 - h**2)


def test_neimark_sacker_of_the_rotation_map() -> None:
    turn = torch.tensor(rotation_matrix(2 * np.pi / 7))
    branches = find_branches(
        lambda h, g: torch.tanh(g * (h @ turn.T)), torch.rand(9, 2), (0.5, 1.5)
    )
    _assert_found(branches, [("Neimark-Sacker", 1.0)])


def test_hopf_of_the_turning_flow() -> None:
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    branches = find_branches(
        lambda h, a: h + 0.1 * (torch.tanh(a * h + h @ turn.T) - h),
        torch.rand(9, 2),
        (0.5, 1.5),
        is_flow=True,
    )
    _assert_found(branches, [("Hopf", 1.0)])


def test_folds_of_beers_neuron() -> None:
    """8 σ'(u) = 1 at the folds, and I + θ = u - 8 σ(u)."""
    s = (1 + np.array([1, -1]) * np.sqrt(0.5)) / 2  # s (1 - s) = 1/8
    folds = np.sort(np.log(s / (1 - s)) - 8 * s)
    assert folds == pytest.approx([-5.0656799507, -2.9343200493])
    branches = find_branches(
        lambda h, p: h + 0.1 * (8 * torch.sigmoid(h + p) - h),
        torch.rand(30, 1) * 8,
        (-7.0, -1.0),
        is_flow=True,
    )
    _assert_found(branches, [("fold", folds[0]), ("fold", folds[1])])


def test_hopf_of_beers_two_neurons() -> None:
    """Center-crossing, θ = -W 1 / 2: eigenvalues w/4 - 1 ± i/4, a Hopf point at w = 4."""
    cross = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])

    def step(h: Tensor, w: Tensor) -> Tensor:
        ones = torch.ones_like(h)
        theta = -(w * ones + ones @ cross.T) / 2
        s = torch.sigmoid(h + theta)
        return h + 0.1 * (w * s + s @ cross.T - h)

    branches = find_branches(step, torch.rand(30, 2) * 5, (3.5, 4.5), is_flow=True)
    _assert_found(branches, [("Hopf", 4.0)])


def test_direction_mixes_input_channels() -> None:
    step = lambda h, x: torch.tanh(2 * h + x.sum(-1, keepdim=True))  # noqa: E731
    fold = 0.532839975353552
    branches = find_branches(step, STARTS, (-1.0, 1.0), x=[0.0, 0.1], direction=[0.0, 1.0])
    _assert_found(branches, [("fold", -fold - 0.1), ("fold", fold - 0.1)])


def test_no_points_make_no_branches() -> None:
    branches = find_branches(lambda h, x: h + 1 + x**2, STARTS, (0.0, 1.0))
    assert len(branches) == 0
    assert "no fixed point found between 0 and 1" in branches.status


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bounds": (1.0, 0.0)}, "low < high"),
        ({"bounds": (0.0, np.inf)}, r"bounds\[1\] to be a number, got inf"),
        ({"bounds": (0.0, 1.0, 2.0)}, r"two numbers .* got \(0.0, 1.0, 2.0\)"),
        ({"bounds": 1.0}, "two numbers .* got 1.0"),
        ({"bounds": "ab"}, "two numbers .* got ab"),
        ({"max_step": 0.0}, "max_step to be a number > 0 and <= 1, got 0.0"),
        ({"direction": [0.0]}, "direction of shape .* not zero"),
        ({"direction": [0.0, 1.0], "x": [0.0]}, r"expected x of shape \(1,\).*got \(2,\)"),
        ({"x": torch.arange(9.0)[:, None]}, "one constant input.*9 different"),
    ],
)
def test_bad_arguments_get_one_clear_error(changes: dict, message: str) -> None:
    arguments = {"bounds": (0.0, 1.0)} | changes
    with pytest.raises((TypeError, ValueError), match=message):
        find_branches(lambda h, x: torch.tanh(h + x), STARTS, **arguments)
