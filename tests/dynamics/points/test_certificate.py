"""Certificates hold where a point exists, and are refused where none does."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from pyrnn import CTRNN, GRU, RNN, RateRNN
from pyrnn.dynamics import FixedPoints, certify, find_fixed_points, jacobian

ACTIVATIONS = ["tanh", "relu", "softplus", "sigmoid", "retanh", "gelu", "identity"]


def _network(kind: type, activation: str = "tanh", gain: float = 0.7, size: int = 10):
    return kind(2, size, 1, activation=activation, gain=gain, seed=0)


def _points(rnn, gain: float = 0.3) -> FixedPoints:
    return find_fixed_points(rnn, torch.randn(100, rnn.hidden_size), torch.full((2,), gain))


@pytest.mark.parametrize("kind", [RNN, RateRNN, CTRNN])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_points_of_built_in_networks_are_certified(kind: type, activation: str) -> None:
    rnn = _network(kind, activation)
    points = _points(rnn)
    certificates = certify(rnn, points)
    assert len(points) > 0
    assert certificates.is_certified.all()
    assert (certificates.radius < 1e-9).all()
    assert (certificates.radius < certificates.unique_within).all()
    assert set(certificates.reasons) == {""}
    assert f"{len(points)} of {len(points)}" in repr(certificates)


@pytest.mark.parametrize("kind", [RNN, CTRNN])
def test_ball_holds_the_true_point_of_a_state_beside_it(kind: type) -> None:
    """Moved by 1e-6, the certificate must reach back to the true point and stay honest."""
    rnn = _network(kind, gain=1.8, size=16)
    points = _points(rnn)
    move = 1e-6 * torch.randn_like(points.states)
    states = points.states + move
    beside = dataclasses.replace(
        points, states=states, jacobians=jacobian(rnn, states, points.inputs)
    )
    certificates = certify(rnn, beside)
    assert certificates.is_certified.all()
    assert (certificates.radius >= move.abs().amax(-1)).all()
    assert (certificates.radius < 1e-3).all()


def test_ghost_is_refused() -> None:
    """At w = 2, b = .55 the speed has a minimum near -.7157, but no fixed point is there."""
    rnn = RNN(1, 1, 1)
    rnn.w_rec.weight.data.fill_(2.0)
    rnn.w_rec.bias.data.fill_(0.55)
    state = torch.tensor([[-0.71568679351]])
    ghost = FixedPoints(
        state,
        torch.zeros(1, 1),
        torch.tensor([0.00858]),
        jacobian(rnn, state, torch.zeros(1, 1)),
        torch.zeros(1),
    )
    certificates = certify(rnn, ghost)
    assert not certificates.is_certified.any()
    assert "singular" in certificates.reasons[0]
    assert certificates.unique_within.tolist() == [0.0]


def test_point_at_a_kink_is_refused() -> None:
    rnn = _network(RNN, "relu")
    rnn.w_rec.bias.data.zero_()
    zero = torch.zeros(1, 10)
    point = FixedPoints(
        zero, torch.zeros(1, 2), zero[:, 0], jacobian(rnn, zero, zero[:, :2]), zero[:, 0]
    )
    assert certify(rnn, point).reasons == ("the point lies at a kink of the activation",)


def test_the_table_names_each_radius() -> None:
    rnn = _network(RNN)
    certificates = certify(rnn, _points(rnn))
    row = certificates.summary().splitlines()[2].split()
    assert row[1:] == [f"{certificates.radius[0]:.1e}", f"{certificates.unique_within[0]:.1e}"]
    assert float(row[1]) < 1e-9 < float(row[2])


def test_only_fixed_points_are_certified() -> None:
    with pytest.raises(TypeError, match=r"points to be a FixedPoints.*find_fixed_points"):
        certify(_network(RNN), torch.zeros(1, 10))  # type: ignore[arg-type]


def test_other_networks_say_why_not() -> None:
    gru = GRU(2, 6, 1, seed=0)
    assert "built-in equations" in certify(gru, _points(gru)).reasons[0]
    own = RNN(2, 6, 1, activation=torch.atan, seed=0)
    points = _points(own)
    assert "curvature" in certify(own, points).reasons[0]
    assert len(certify(own, points[:0])) == 0
