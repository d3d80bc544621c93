"""Numbers of fixed points under all inputs between two, against folds that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from pyrnn import CTRNN, LowRankRNN, RateRNN
from pyrnn.dynamics import InputProof, find_fixed_points, prove_along, prove_complete
from pyrnn.dynamics.points._low_rank import LowRank


def one_dimension(n: int = 20, gain: float = 2.0) -> LowRankRNN:
    """Return units u = m (kappa + x) with kappa the mean of gain m tanh(u)."""
    rnn = LowRankRNN(1, n, 1, rank=1, seed=0).double()
    rnn.n.data, rnn.w_in.weight.data = gain * rnn.m.data, rnn.m.data.clone()
    return rnn


def fold_of(rnn: LowRankRNN, gain: float = 2.0) -> float:
    """Return the input at which two points meet: the largest of x(v) with v = kappa + x < 0."""
    m = rnn.m.detach().numpy()[:, 0]
    best = minimize_scalar(
        lambda v: gain * np.mean(m * np.tanh(m * v)) - v, bounds=(-2, 0), method="bounded"
    )
    return float(-best.fun)


def test_folds_are_enclosed_on_both_sides() -> None:
    rnn = one_dimension()
    fold = fold_of(rnn)
    proof = prove_along(rnn, [-1.0], [1.0])
    assert proof.n_points.tolist() == [1, -1, 3, -1, 1]
    for k, x in ((1, -fold), (3, fold)):
        assert proof.low[k] <= (x + 1) / 2 <= proof.high[k]
        assert proof.high[k] - proof.low[k] < 1e-3
    assert (proof.low[1:] == proof.high[:-1]).all()
    assert proof.share > 0.999
    assert not proof.is_complete


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
def test_numbers_are_those_of_single_inputs(activation: str) -> None:
    rnn = LowRankRNN(2, 30, 1, rank=2, seed=1, activation=activation).double()
    rnn.n.data = 4 * rnn.m.data + rnn.n.data
    if activation == "softplus":
        rnn.n.data *= -1
    ends = torch.tensor([[0.0, 0.0], [0.6, -0.9]], dtype=torch.float64)
    proof = prove_along(rnn, *ends, min_width=1e-2)
    assert proof.share > 0.8
    for share in (0.0, 0.13, 0.4, 0.77, 1.0):
        k = int((proof.low <= share).sum()) - 1
        single = prove_complete(rnn, ends[0] + share * (ends[1] - ends[0]))
        if proof.n_points[k] >= 0 and single.is_complete:
            assert proof.n_points[k] == len(single)


def test_one_input_is_a_way_without_length() -> None:
    rnn = one_dimension()
    proof = prove_along(rnn, [0.1], [0.1])
    assert proof.is_complete
    assert (
        proof.n_points.tolist() == [3] == [len(find_fixed_points(rnn, torch.randn(50, 20), [0.1]))]
    )


def test_rounding_of_drives_that_cancel_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the way the drive is small, and its error that of both ends."""
    errors = []

    def noted(equation: LowRank, first: torch.Tensor, last: torch.Tensor) -> tuple[int, int]:
        errors.append(equation.drive_error)
        return 1, 1

    monkeypatch.setattr("pyrnn.dynamics.points.proof.n_points_between", noted)
    rnn = one_dimension()
    prove_along(rnn, [-1e3], [1e3])
    size = 2e3 * rnn.w_in.weight.detach().abs()[:, 0]
    assert (errors[0] >= 6 * torch.finfo(torch.float64).eps / 2 * size).all()


def test_a_budget_ends_it_and_a_file_keeps_it(tmp_path) -> None:
    proof = prove_along(one_dimension(), [-1.0], [1.0], max_boxes=200)
    assert proof.was_stopped
    assert proof.status.startswith("stopped early: proved on")
    again = InputProof.load(proof.save(tmp_path / "proof.npz"))
    assert again.summary() == proof.summary()
    assert list(again.to_pandas().columns) == ["low", "high", "n_points"]


def test_weights_of_full_rank_are_refused() -> None:
    with pytest.raises(ValueError, match="expected weights of a rank up to 6"):
        prove_along(RateRNN(1, 20, 1), [0.0], [1.0])
    with pytest.raises(ValueError, match="expected weights of a rank up to 6"):
        prove_along(CTRNN(1, 8, 1, activation="relu"), [0.0], [1.0])
