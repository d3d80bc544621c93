"""The flow behind a leaky step: fields, limit cycles, Lyapunov exponents."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import root
from torch import Tensor
from torch.testing import assert_close

from pyrnn.dynamics import (
    RungeKuttaMap,
    find_limit_cycle,
    flow_field,
    kaplan_yorke_dimension,
    lyapunov_spectrum,
    n_principal_components,
    participation_ratio,
    velocity,
)
from tests.systems import beer2, linear5, rotation_map, tent

W_BEER = np.array([[4.5, 1.0], [-1.0, 4.5]])
W_TURN = np.array([[1.5, -1.0], [1.0, 1.5]])


def turning(h: Tensor, x: Tensor) -> Tensor:
    """An Euler step of .1 of dh/dt = -h + tanh(W h)."""
    w = torch.tensor(W_TURN).to(h)
    return h + 0.1 * (torch.tanh(h @ w.T) - h)


def _beer(t: float, y: np.ndarray) -> np.ndarray:
    return W_BEER @ (1 / (1 + np.exp(-(y + np.array([-2.75, -1.75]))))) - y


def _turn(t: float, y: np.ndarray) -> np.ndarray:
    return np.tanh(W_TURN @ y) - y


def scipy_cycle(flow, start: np.ndarray, period: float) -> tuple[float, float]:
    """Return period and Floquet multiplier by shooting, with derivatives by differences."""
    exact = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-12}
    start = solve_ivp(flow, (0, 200), start, **exact).y[:, -1]
    normal = flow(0, start)

    def end(y: np.ndarray, duration: float) -> np.ndarray:
        return solve_ivp(flow, (0, duration), y, **exact).y[:, -1]

    def gap(z: np.ndarray) -> np.ndarray:
        return np.append(end(z[:2], z[2]) - z[:2], normal @ (z[:2] - start))

    z = root(gap, np.append(start, period), tol=1e-11).x
    moves = 1e-5 * np.eye(2)
    monodromy = np.stack([(end(z[:2] + d, z[2]) - end(z[:2] - d, z[2])) / 2e-5 for d in moves], 1)
    return z[2], float(np.linalg.det(monodromy))


@pytest.mark.parametrize(
    ("step", "flow", "start", "guess", "known"),
    [
        (beer2().step, _beer, [3.0, 2.0], 29.0, (28.9999079, 0.00197965)),
        (turning, _turn, [0.5, 0.1], 9.88, (9.88317643, 0.00358474)),
    ],
)
def test_limit_cycles_agree_with_scipy(step, flow, start, guess, known) -> None:
    period, multiplier = scipy_cycle(flow, np.array(start), guess)
    cycle = find_limit_cycle(step, torch.tensor(start), dt=0.1, max_duration=60.0, n_samples=400)
    assert cycle is not None
    assert cycle.period == pytest.approx(period, abs=1e-6)
    assert float(cycle.multipliers[0].real) == pytest.approx(multiplier, abs=1e-6)
    assert (cycle.period, float(cycle.multipliers[0].real)) == pytest.approx(known, abs=1e-6)
    assert cycle.is_stable
    assert cycle.residual < 1e-10
    assert "stable" in repr(cycle)


def test_highest_point_of_the_turning_cycle() -> None:
    cycle = find_limit_cycle(
        turning, torch.tensor([0.5, 0.1]), dt=0.1, max_duration=50.0, n_samples=500
    )
    assert cycle is not None
    assert float(cycle.states[:, 0].max()) == pytest.approx(0.81337975, abs=1e-5)


def test_a_state_that_comes_to_rest_leads_to_no_cycle() -> None:
    rest = find_limit_cycle(lambda h, x: 0.9 * h, torch.ones(2), max_duration=500.0)
    assert rest is None


def test_runge_kutta_solves_the_flow_of_the_euler_step() -> None:
    start = torch.tensor([[0.5, 0.1]])
    moved = RungeKuttaMap(turning, dt=0.1, duration=3.0, n_substeps=100)(start, torch.zeros(1))
    exact = solve_ivp(_turn, (0, 3), [0.5, 0.1], rtol=1e-12, atol=1e-12).y[:, -1]
    assert_close(moved[0], torch.tensor(exact), atol=1e-7, rtol=0)


def test_velocity_is_the_move_of_a_step() -> None:
    h = torch.randn(4, 3, 2)
    assert_close(velocity(turning, h), turning(h, torch.zeros(1)) - h)


def test_flow_field_lies_on_the_plane_asked_for() -> None:
    w = torch.randn(5, 5)
    axes = torch.randn(2, 5)
    field = flow_field(lambda h, x: h @ w.T, axes, origin=torch.ones(5), extent=2.0, n=4)
    q = torch.linalg.qr(axes.T).Q.T
    q = q * (q @ axes.T).diagonal().sign()[:, None]
    h = torch.ones(5) + field.points @ q
    assert_close(field.vectors, (h @ w.T - h) @ q.T)
    assert_close(field.speeds, (h @ w.T - h).norm(dim=-1))
    assert field.points[0, 1].tolist() == pytest.approx([-2 + 4 / 3, -2])
    with pytest.raises(ValueError, match="two independent axes"):
        flow_field(turning, torch.ones(2, 2))


@pytest.mark.parametrize(
    ("system", "known"),
    [
        (linear5(), np.log([1.1, 0.9, 0.9, 0.5, 0.3])),
        (rotation_map(), [0.0, -0.5801928]),
        (tent(), [np.log(1.9)]),
    ],
    ids=["linear5", "rotation_map", "tent"],
)
def test_lyapunov_spectrum_of_maps(system, known) -> None:
    start = 0.1 * torch.ones(system.states.shape[-1])
    exponents = lyapunov_spectrum(system.step, start, system.x, n_steps=2000)
    assert_close(exponents, torch.tensor(np.array(known)), atol=1e-3, rtol=0)


def test_lyapunov_spectrum_of_a_flow() -> None:
    start = find_limit_cycle(
        turning, torch.tensor([0.5, 0.1]), dt=0.1, max_duration=50.0, n_samples=200
    )
    assert start is not None
    duration = start.period / 100
    step = RungeKuttaMap(turning, 0.1, duration)
    exponents = lyapunov_spectrum(step, start.states[0], n_steps=1000, n_transient=100) / duration
    assert_close(exponents, torch.tensor([0.0, -0.56976318]), atol=1e-3, rtol=0)
    assert float(exponents[1]) == pytest.approx(np.log(0.00358474) / start.period, abs=1e-3)


def test_lyapunov_pair_of_two_neurons_agrees_with_scipy() -> None:
    """On a plane the second exponent is the mean divergence of the flow along the cycle."""

    def with_divergence(t: float, z: np.ndarray) -> np.ndarray:
        s = 1 / (1 + np.exp(-(z[:2] + np.array([-2.75, -1.75]))))
        return np.append(_beer(t, z[:2]), np.diag(W_BEER) @ (s * (1 - s)) - 2)

    exact = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-12}
    period, _ = scipy_cycle(_beer, np.array([3.0, 2.0]), 29.0)
    start = solve_ivp(_beer, (0, 200), [3.0, 2.0], **exact).y[:, -1]
    second = solve_ivp(with_divergence, (0, period), [*start, 0.0], **exact).y[2, -1] / period
    assert second == pytest.approx(-0.21465017, abs=1e-6)

    duration, n_laps = period / 40, 20
    flow = RungeKuttaMap(beer2().step, 0.1, duration, n_substeps=8)
    exponents = lyapunov_spectrum(flow, torch.tensor(start), n_steps=40 * n_laps, n_transient=40)
    assert_close(exponents / duration, torch.tensor([0.0, second]), atol=1e-3, rtol=0)


def test_largest_exponent_of_random_networks_changes_sign_at_gain_one() -> None:
    r"""Below, the origin attracts and the exponent is :math:`\ln g + \ln \rho(W)`.

    The radius of a Gaussian matrix, and with it the crossing, is off 1 by about
    :math:`\sqrt{\ln N / 4N}` (Rider, J. Phys. A 36:3401, 2003), which is 0.1 here. Above, chaos
    comes slowly (Sompolinsky, Crisanti & Sommers, PRL 61:259, 1988), in small networks through
    quasi-periodic orbits, whose exponent is 0.
    """
    size, gains = 128, (0.8, 0.9, 1.5, 2.0)
    largest = torch.empty(3, len(gains))
    for network in range(3):
        w = torch.randn(size, size) / size**0.5
        for i, gain in enumerate(gains):
            largest[network, i] = lyapunov_spectrum(
                lambda h, x, w=gain * w: torch.tanh(h @ w.T),
                torch.randn(size),
                n_steps=200,
                n_transient=100,
                n_exponents=1,
                every=5,
            )
    below = largest[:, :2].mean(0)
    slope = (below[1] - below[0]) / np.log(0.9 / 0.8)
    crossing = 0.9 * float((-below[1] / slope).exp())
    assert crossing == pytest.approx(1, abs=np.sqrt(np.log(size) / (4 * size)))
    assert (below < 0).all()
    assert largest[:, 2].mean() > 0.005
    assert (largest[:, 3] > 0.05).all()


def test_driven_network_follows_its_inputs() -> None:
    """h' = x h: the exponent is the mean of log x over the inputs, which repeat."""
    inputs = torch.tensor([[0.5], [2.0], [0.25]])
    exponents = lyapunov_spectrum(lambda h, x: x * h, torch.ones(1), inputs, n_steps=30)
    assert float(exponents) == pytest.approx(np.log(0.25) / 3)


def test_dimension_implied_by_a_spectrum() -> None:
    exponents = torch.tensor([[0.5, 0.0, -1.0], [-0.1, -0.2, -0.3], [0.3, 0.2, 0.1]])
    assert_close(kaplan_yorke_dimension(exponents), torch.tensor([2.5, 0.0, 3.0]))


@pytest.mark.parametrize("exponents", [torch.tensor(0.5), torch.zeros(0), torch.zeros(3, 0)])
def test_a_dimension_needs_exponents(exponents: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"expected exponents \(\.\.\., n\)"):
        kaplan_yorke_dimension(exponents)


def test_dimension_of_states() -> None:
    states = torch.randn(20, 500, 3) @ torch.linalg.qr(torch.randn(8, 3)).Q.T
    assert float(participation_ratio(states)) == pytest.approx(3, abs=0.05)
    assert n_principal_components(states, 0.99) == 3
    assert float(participation_ratio(torch.ones(5, 2))) == 0
    assert n_principal_components(torch.ones(5, 2)) == 0
    with pytest.raises(ValueError, match="share"):
        n_principal_components(states, 0.0)
    with pytest.raises(ValueError, match="at least two"):
        participation_ratio(torch.ones(3))


@pytest.mark.parametrize(
    "options", [{"n_exponents": 3}, {"n_steps": 0}, {"every": 0}, {"n_transient": -1}]
)
def test_bad_options_get_one_clear_error(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        lyapunov_spectrum(turning, torch.ones(2), **options)
