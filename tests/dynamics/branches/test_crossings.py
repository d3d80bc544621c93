"""Every change of the number of growing modes is counted, in any unit, on every curve."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.testing import assert_close

from pyrnn.dynamics import Branch, find_branches
from pyrnn.dynamics.branches._crossings import _dips

LINE = torch.linspace(-1, 1, 21, dtype=torch.float64)[:, None]
FOLD = np.arctanh(-np.sqrt(0.5)) + np.sqrt(2)  # of tanh(2 h + b)


def _events(branch: Branch) -> list[tuple[str, int]]:
    return [(event.kind, event.multiplicity) for event in branch.bifurcations]


# ------------------------------------------------------------------------------------- units


@pytest.mark.parametrize("w", [1e8, 0.009, 1e-3, 1e-8])
def test_kinds_do_not_depend_on_the_unit_of_the_parameter(w: float) -> None:
    (branch,) = find_branches(lambda h, p: torch.tanh(2 * h + w * p), LINE, (-1 / w, 1 / w))
    assert _events(branch) == [("fold", 1), ("fold", 1)]
    folds = w * np.array([event.parameter for event in branch.bifurcations])
    assert np.sort(folds) == pytest.approx([-FOLD, FOLD], rel=1e-10)


@pytest.mark.parametrize("s", [1e8, 1e3, 1.0, 1e-2, 1e-8])
def test_branches_do_not_depend_on_the_unit_of_the_states(s: float) -> None:
    (branch,) = find_branches(lambda h, p: s * torch.tanh(2 * h / s + p), s * LINE, (-1.0, 1.0))
    assert _events(branch) == [("fold", 1), ("fold", 1)]
    assert sorted(event.parameter for event in branch.bifurcations) == pytest.approx([-FOLD, FOLD])
    assert branch.states.abs().max() / s == pytest.approx(
        brentq(lambda h: np.tanh(2 * h + 1) - h, 0.5, 1)
    )


@pytest.mark.parametrize("extreme", [1e3, 1e30, 1e200])
def test_one_extreme_start_spoils_no_branch(extreme: float) -> None:
    starts = torch.cat([LINE, torch.tensor([[extreme]], dtype=torch.float64)])
    (branch,) = find_branches(lambda h, p: torch.tanh(2 * h + p), starts, (-1.0, 1.0))
    assert _events(branch) == [("fold", 1), ("fold", 1)]


# --------------------------------------------------------------------------- several at once


@pytest.mark.parametrize(
    ("gains", "at"),
    [
        ([1.0, 1.0], [("pitchfork", 1.0, 2)]),
        ([1.0, 0.99], [("pitchfork", 1.0, 1), ("pitchfork", 1 / 0.99, 1)]),
        ([-1.0, -1.0], [("period doubling", 1.0, 2)]),
        ([1.0, 1.0, 1.0], [("pitchfork", 1.0, 3)]),
        ([1.0, -1.0], [("period doubling", 1.0, 1), ("pitchfork", 1.0, 1)]),
    ],
)
def test_modes_that_cross_together_are_all_counted(gains: list[float], at: list) -> None:
    starts = 0.8 * torch.randn(100, len(gains), generator=torch.Generator().manual_seed(0))
    g = torch.tensor(gains).double()
    branches = find_branches(lambda h, p: torch.tanh(p * g * h), starts, (0.2, 1.8))
    (origin,) = (branch for branch in branches if branch.states.abs().max() < 1e-6)
    found = sorted((b.kind, round(b.parameter, 9), b.multiplicity) for b in origin.bifurcations)
    assert found == [(kind, round(p, 9), n) for kind, p, n in at]


@pytest.mark.parametrize("seed", range(8))
def test_every_crossing_of_a_random_network_is_reported(seed: int) -> None:
    """At the origin modes cross at 1 / |λ|; elsewhere numpy counts them at every state."""
    rng = np.random.default_rng(seed)
    n = [2, 3, 4, 6, 8, 12, 16, 24][seed]
    weight = rng.normal(size=(n, n)) / np.sqrt(n)
    w = torch.tensor(weight)
    starts = torch.tensor(rng.normal(size=(200, n)))
    branches = find_branches(lambda h, p: torch.tanh(p * (h @ w.T)), starts, (0.5, 3.0))
    values = np.linalg.eigvals(weight)
    known = np.sort([1 / abs(v) for v in values if v.imag >= 0 and 0.5 < 1 / abs(v) < 3])
    (origin,) = (branch for branch in branches if branch.states.abs().max() < 1e-6)
    found = [b.parameter for b in origin.bifurcations for _ in range(b.multiplicity)]
    assert np.sort(found) == pytest.approx(known, rel=1e-9)
    for branch in branches:
        _assert_counted(branch, weight)


def _assert_counted(branch: Branch, weight: np.ndarray) -> None:
    """Assert that growing modes change in number at bifurcations only."""
    events = [(event.parameter, event.state) for event in branch.bifurcations]
    counts = []
    for p, h in zip(branch.parameters, branch.states, strict=True):
        slope = 1 - np.tanh(float(p) * weight @ h.numpy()) ** 2
        jacobian = slope[:, None] * float(p) * weight
        n_growing = int((abs(np.linalg.eigvals(jacobian)) > 1 + 2e-9).sum())
        is_event = any(p == at and torch.equal(h, state) for at, state in events)
        counts.append(None if is_event else n_growing)
    neighbors = itertools.pairwise(counts)
    assert all(a == b for a, b in neighbors if a is not None and b is not None)


# ----------------------------------------------------------------------- what is easily missed


@pytest.mark.parametrize("center", [0.02, 0.4, 0.5, 0.97])
def test_a_closed_curve_between_the_seeds_is_found_once(center: float) -> None:
    """The circle (p - c)² + h² = r² has two folds, at c ± r."""
    r2 = 0.015**2
    (branch,) = find_branches(
        lambda h, p: h + 0.5 * (r2 - (p - center) ** 2 - h**2), 0.2 * LINE, (0.0, 1.0)
    )
    assert branch.is_closed
    assert _events(branch) == [("fold", 1), ("fold", 1)]
    folds = sorted(event.parameter for event in branch.bifurcations)
    assert folds == pytest.approx([center - 0.015, center + 0.015], abs=1e-10)


@pytest.mark.parametrize("edge", [0.03, 0.97])
def test_what_lives_near_a_bound_alone_is_found(edge: float) -> None:
    """Two more points of tanh(2 h + b) live where b is within the folds."""
    sign = 1.0 if edge < 0.5 else -1.0
    branches = find_branches(
        lambda h, p: torch.tanh(2 * h + FOLD + 10 * sign * (p - edge)), LINE, (0.0, 1.0)
    )
    assert len(branches) == 2
    (fold,) = (event for branch in branches for event in branch.bifurcations)
    assert fold.kind == "fold"
    assert fold.parameter == pytest.approx(edge, abs=1e-10)


def test_folds_are_exact_to_ten_digits() -> None:
    (branch,) = find_branches(lambda h, p: torch.tanh(2 * h + p), LINE, (-1.0, 1.0))
    for fold in branch.bifurcations:
        assert abs(fold.parameter) == pytest.approx(FOLD, abs=1e-12)
        assert abs(float(fold.state)) == pytest.approx(np.sqrt(0.5), abs=1e-10)
        assert fold.turns


@pytest.mark.parametrize("lean", [0.0, 10.0])
def test_kinds_are_told_in_systems_that_are_not_normal(lean: float) -> None:
    """A sheared copy of a pitchfork, a transcritical point and a mode at -0.5."""
    shear = torch.eye(3).double()
    shear[0, 1] = shear[1, 2] = lean
    inverse = torch.linalg.inv(shear)
    for kind, rate in [
        ("pitchfork", lambda u, p: u + p * u - u**3),
        ("transcritical", lambda u, p: u + p * u - u**2),
    ]:

        def step(h: Tensor, p: Tensor, rate=rate) -> Tensor:
            u = h @ inverse.to(h).T
            new = torch.cat([rate(u[:, :1], p), -0.5 * u[:, 1:2], 0.3 * u[:, 2:]], dim=-1)
            return new @ shear.to(h).T

        starts = 0.3 * torch.randn(60, 3, generator=torch.Generator().manual_seed(0)).double()
        branches = find_branches(step, starts, (-0.2, 0.3))
        found = {(e.kind, round(e.parameter, 8)) for b in branches for e in b.bifurcations}
        assert found == {(kind, 0.0)}


# --------------------------------------------------------------------------------------- kinks


def test_a_branch_goes_on_beyond_a_kink() -> None:
    """relu(h / 2 + p): h = 0 for p < 0, h = 2 p beyond."""
    (branch,) = find_branches(lambda h, p: torch.relu(0.5 * h + p), 3 * LINE, (-1.0, 1.0))
    assert_close(branch.states[:, 0], 2 * branch.parameters.clamp(min=0), atol=1e-9, rtol=0)
    (kink,) = branch.bifurcations
    assert kink.kind == "border collision"
    assert kink.parameter == pytest.approx(0, abs=1e-9)
    assert not kink.turns


def test_two_points_that_meet_at_a_kink() -> None:
    """relu(2 h - 1 + p / 10): h = 0 and h = 1 - p / 10 exist for p < 10 only."""
    (branch,) = find_branches(lambda h, p: torch.relu(2 * h - 1 + 0.1 * p), 5 * LINE, (0.0, 20.0))
    (kink,) = branch.bifurcations
    assert (kink.kind, kink.turns) == ("border collision", True)
    assert kink.parameter == pytest.approx(10, abs=1e-8)
    assert branch.parameters[[0, -1]].tolist() == [0.0, 0.0]


def test_a_closed_curve_of_corners_is_found_once() -> None:
    """|h| + |p - 0.5| = 0.2: it turns back at 0.3 and 0.7, and has corners at 0.5."""
    (branch,) = find_branches(
        lambda h, p: h + 0.5 * (0.2 - (p - 0.5).abs() - h.abs()), 0.5 * LINE, (0.0, 1.0)
    )
    assert branch.is_closed
    assert {event.kind for event in branch.bifurcations} == {"border collision"}
    found = sorted((round(event.parameter, 7), event.turns) for event in branch.bifurcations)
    assert found == [(0.3, True), (0.5, False), (0.5, False), (0.7, True)]
    length = branch.states[:, 0].abs() + (branch.parameters - 0.5).abs()
    assert_close(length, torch.full_like(length, 0.2), atol=1e-7, rtol=0)


def test_units_that_meet_their_kinks_together_make_one_event() -> None:
    (branch,) = find_branches(
        lambda h, p: torch.relu(0.5 * h + p), 3 * torch.rand(20, 2), (-1.0, 1.0)
    )
    (kink,) = branch.bifurcations
    assert kink.parameter == pytest.approx(0, abs=1e-8)
    assert not kink.turns


def test_two_units_that_inhibit_each_other() -> None:
    """relu(W h + b): both are active between the kinks, where each ceases to win alone.

    With the first unit alone, h₁ = 2 (1 + p), the second one is silent while 1 - p < 1.2 h₁.
    """
    w = torch.tensor([[0.5, -1.2], [-1.2, 0.5]])
    (branch,) = find_branches(
        lambda h, p: torch.relu(h @ w.to(h).T + torch.cat([1 + p, 1 - p], dim=-1)),
        3 * torch.rand(60, 2),
        (-1.0, 1.0),
    )
    at = (1 - 2.4) / (1 + 2.4)
    found = sorted((event.parameter, event.turns) for event in branch.bifurcations)
    assert [turns for _, turns in found] == [True, True]
    assert [p for p, _ in found] == pytest.approx([at, -at], abs=1e-7)
    assert branch.n_unstable.unique().tolist() == [0, 1]


# ----------------------------------------------------------------------------- several folds


def test_folds_of_two_units_at_once_are_counted_on_every_curve() -> None:
    """Two units of tanh(2 h + p), uncoupled: on one curve they are equal, on the other not."""
    starts = 2 * torch.rand(60, 2) - 1
    branches = find_branches(lambda h, p: torch.tanh(2 * h + p), starts, (-1.0, 1.0))
    equal, other = sorted(branches, key=lambda branch: branch.is_closed)
    assert sorted((e.multiplicity, round(e.parameter, 6)) for e in equal.bifurcations) == [
        (2, round(-FOLD, 6)),
        (2, round(FOLD, 6)),
    ]
    expected = [(n, round(s * FOLD, 6)) for n, s in [(1, -1), (1, -1), (1, 1), (1, 1)]]
    expected += [(2, round(-FOLD, 6)), (2, round(FOLD, 6))]
    assert sorted((e.multiplicity, round(e.parameter, 6)) for e in other.bifurcations) == sorted(
        expected
    )
    assert {e.kind for branch in branches for e in branch.bifurcations} == {"fold"}
    assert other.is_closed


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(("least", "may_touch"), [(-0.1, True), (1.0, False)])
def test_a_value_may_touch_zero_between_samples_from_either_side(
    sign: float, least: float, may_touch: bool
) -> None:
    """A parabola around 1.5; lines from its neighbors meet below its least value."""
    place, same = torch.arange(4.0, dtype=torch.float64), torch.zeros(3, 1, dtype=torch.long)
    value = sign * ((place - 1.5).square() + least)[:, None]
    assert _dips(value, same, same, place).tolist() == [False, may_touch, False]
    assert not _dips(1e-7 * value, same, same, place).any()  # touches, as far as one can tell
