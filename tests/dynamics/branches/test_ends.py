"""Where branches end, and what is said of those that could not be followed to the end."""

from __future__ import annotations

import dataclasses
import re
import signal

import pytest
import torch
from torch import Tensor

from pyrnn.dynamics import Bifurcation, Branch, find_branches

LINE = torch.linspace(-1, 1, 21, dtype=torch.float64)[:, None]


def test_branches_that_leave_to_infinity_say_where() -> None:
    """h = 1 / (0.5 - p), above and below the pole."""
    branches = find_branches(lambda h, p: h + 0.1 * (1 - (0.5 - p) * h), 5 * LINE, (0.0, 1.0))
    assert len(branches) == 2
    for k, branch in enumerate(branches):
        pole = re.fullmatch(r"leaves to infinity near (\S+)", branch.status)
        assert pole
        assert float(pole[1]) == pytest.approx(0.5, abs=1e-2)
        assert f"branch {k} leaves to infinity near" in branches.status
        truth = 1 / (0.5 - branch.parameters)
        assert branch.states[:, 0].numpy() == pytest.approx(truth.numpy(), rel=1e-9)


def test_a_continuum_is_no_branch() -> None:
    """(h₁ / 2 + p, h₂): every h₂ is as good."""
    branches = find_branches(
        lambda h, p: torch.cat([h[..., :1] / 2 + p, h[..., 1:]], dim=-1),
        torch.randn(9, 2),
        (0.0, 1.0),
    )
    assert len(branches) == 0
    assert "a continuum of fixed points of dimension 1, at 0 for one" in branches.status


def test_a_fold_on_a_bound_is_found() -> None:
    """h² = -p: the branch begins and ends at the other bound."""
    (branch,) = find_branches(lambda h, p: h - 0.5 * (p + h * h), LINE, (-1.0, 0.0))
    (fold,) = branch.bifurcations
    assert (fold.kind, fold.turns, branch.status) == ("fold", True, "complete")
    assert fold.parameter == pytest.approx(0, abs=1e-12)
    assert branch.parameters[[0, -1]].tolist() == [-1.0, -1.0]
    assert sorted(branch.states[[0, -1], 0].tolist()) == pytest.approx([-1, 1])


def test_a_pitchfork_on_a_bound_is_found() -> None:
    branches = find_branches(lambda h, p: torch.tanh(p * h), LINE, (1.0, 2.0))
    straight, bent = sorted(branches, key=lambda branch: len(branch.bifurcations))
    assert straight.states.abs().max() < 1e-9
    (fork,) = bent.bifurcations
    assert (fork.kind, round(fork.parameter, 9)) == ("pitchfork", 1.0)
    assert bent.parameters[[0, -1]].tolist() == [2.0, 2.0]


def test_ctrl_c_keeps_the_branches_that_were_found() -> None:
    calls = [0]

    def step(h: Tensor, p: Tensor) -> Tensor:
        calls[0] += 1
        if calls[0] == 150:
            signal.raise_signal(signal.SIGINT)
        return torch.tanh(2 * h + p)

    branches = find_branches(step, LINE, (-1.0, 1.0))
    assert "stopped early: branches may be missing" in branches.status
    assert all(branch.status in ("complete", branch.verdict) for branch in branches)


def test_values_are_shown_in_tables() -> None:
    values = torch.tensor([[2.0, 0.5], [1.0, 0.5], [0.9, -0.8]], dtype=torch.complex128)
    fold = Bifurcation("fold", 1 / 3, torch.ones(2), values[1], turns=True)
    states = torch.tensor([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    branch = Branch(torch.tensor([0.0, 1 / 3, 0.1]), states, values, (fold,))
    assert branch.to_pandas().to_dict("list") == {
        "parameter": [0.0, 1 / 3, 0.1],
        "n_unstable": [1, 0, 0],
        "h0": [0.0, 1.0, 2.0],
        "h1": [1.0, 1.0, 1.0],
    }
    assert branch.is_stable.tolist() == [False, False, True]  # marginal at the fold
    assert branch.summary().startswith("branch from 0 to 0.3333")
    assert repr(branch) == "Branch(0 .. 0.3333, [fold at 0.333333])"
    assert fold.to_pandas().to_dict("list") == {
        "kind": ["fold"],
        "parameter": [1 / 3],
        "multiplicity": [1],
    }
    assert "0.333333333" in fold.summary()
    twice = dataclasses.replace(fold, multiplicity=2)
    assert repr(twice) == "fold of 2 modes at 0.333333"
    assert re.search(r"modes\W+2", twice.summary())
