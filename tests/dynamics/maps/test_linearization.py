"""Modes, time constants and selection vectors of systems where they are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from pyrnn import CTRNN
from pyrnn.dynamics import (
    departure_from_normality,
    find_fixed_points,
    linearize,
)
from pyrnn.dynamics.maps import Spectrum
from tests.systems import beer2, linear5


def test_eigenvectors_are_biorthonormal_and_rebuild_the_jacobian() -> None:
    w = torch.randn(6, 6)
    at = linearize(lambda h, x: h @ w.T + x, torch.zeros(3, 6), torch.zeros(6))
    eye = torch.eye(6, dtype=torch.complex128).expand(3, 6, 6)
    assert_close(at.left @ at.right, eye)
    rebuilt = at.right @ torch.diag_embed(at.eigenvalues) @ at.left
    assert_close(rebuilt.real, at.jacobians)
    assert_close(at.input_jacobians, torch.eye(6).expand(3, 6, 6))
    moduli = at.eigenvalues.abs()
    assert (moduli[:, :-1] >= moduli[:, 1:]).all()


def test_known_modes_of_the_linear_system() -> None:
    system = linear5()
    at = linearize(system.step, system.states, system.x, dt=10.0)
    assert_close(at.eigenvalues.abs()[0], torch.tensor([1.1, 0.9, 0.9, 0.5, 0.3]))
    assert_close(at.timescales[0], -10 / torch.tensor([1.1, 0.9, 0.9, 0.5, 0.3]).log())
    # a turn by π/6 each 10 ms is a period of 120 ms; a negative mode alternates: 20 ms
    assert_close(at.frequencies[0], torch.tensor([0, 1000 / 120, 1000 / 120, 50, 0]))
    assert at.n_unstable.tolist() == [1]


def test_flow_jacobian_of_two_neurons() -> None:
    system = beer2(dt=0.1)
    at = linearize(system.step, system.states, system.x, dt=0.1)
    values = torch.linalg.eigvals(at.flow_jacobians[0])
    assert_close(values.real, torch.tensor([0.125, 0.125]))
    assert_close(values.imag.abs(), torch.tensor([0.25, 0.25]))


def test_flow_jacobian_of_a_network_is_that_of_its_equation() -> None:
    """(W diag(f'(h)) - I) / tau for the current form."""
    rnn = CTRNN(2, 8, 1, tau=50.0, dt=5.0, seed=0)
    h = torch.randn(3, 8)
    at = linearize(rnn, h, torch.zeros(2))
    slope = 1 - torch.tanh(h) ** 2
    weight = rnn.w_rec.weight.detach()
    assert_close(at.flow_jacobians, (weight * slope[:, None] - torch.eye(8)) / 50)
    assert_close(at.input_jacobians, (0.1 * rnn.w_in.weight.detach()).expand(3, 8, 2))
    assert at.dt == 5.0


def test_selection_vector_picks_the_input_that_is_integrated() -> None:
    """h' = h + r (s·x): the input along s moves the state along r and stays."""
    r = torch.nn.functional.normalize(torch.randn(4), dim=0)
    s = torch.randn(4)
    s = s / (s @ r)  # left eigenvector: s·r = 1
    w = 0.3 * torch.eye(4) + 0.7 * torch.outer(r, s)
    at = linearize(lambda h, x: h @ w.T + x, torch.zeros(4), torch.zeros(4))
    assert_close(at.eigenvalues[0], torch.tensor(1.0 + 0j))
    selection = at.selection_vector() * (at.right[:, 0].real @ r).sign()
    assert_close(selection, s)
    assert_close(at.input_effect()[0].real.abs(), s.abs())


def test_henrici_is_zero_for_normal_and_one_for_nilpotent_matrices() -> None:
    turn = torch.linalg.qr(torch.randn(5, 5)).Q
    assert float(departure_from_normality(turn)) == pytest.approx(0, abs=1e-6)
    shift = torch.diag(torch.ones(4), 1)
    assert float(departure_from_normality(shift)) == pytest.approx(1)
    assert float(departure_from_normality(torch.zeros(3, 3))) == 0
    assert linearize(
        lambda h, x: h @ shift.T, torch.zeros(5)
    ).departure_from_normality == pytest.approx(1)


def test_points_bring_their_inputs_along() -> None:
    step = lambda h, x: torch.tanh(2 * h + x)  # noqa: E731
    points = find_fixed_points(step, torch.linspace(-1, 1, 9)[:, None], [0.2])
    assert_close(linearize(step, points).jacobians, points.jacobians)


def test_timescales_of_growing_and_marginal_modes() -> None:
    tau = Spectrum(torch.diag(torch.tensor([1.1, 1.0, 0.5]))).timescales(dt=1.0)
    assert tau[0] < 0
    assert math.isinf(tau[1])
    assert tau[2] > 0


@pytest.mark.parametrize("function", [Spectrum.timescales, Spectrum.frequencies])
def test_dt_must_be_positive(function) -> None:
    with pytest.raises(ValueError, match="dt to be a number > 0"):
        function(torch.ones(2), dt=0.0)


def test_a_cell_of_torch() -> None:
    cell = nn.GRUCell(2, 4)
    at = linearize(lambda h, x: cell(x, h), torch.zeros(5, 3, 4), torch.zeros(2))
    assert at.jacobians.shape == (5, 3, 4, 4)
    assert at.input_jacobians.shape == (5, 3, 4, 2)
