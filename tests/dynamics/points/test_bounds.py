"""The bounds of a certificate against exact arithmetic, hand-solved networks and dense grids."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn import CTRNN, RNN, RateRNN, RNNBase
from pyrnn.activations import ACTIVATIONS
from pyrnn.dynamics import FixedPoints, as_map, certify
from pyrnn.dynamics.points._enclosures import CURVES
from pyrnn.dynamics.points._intervals import gamma
from pyrnn.dynamics.points.certificate import _Bounds

EXACT = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log(1 + mpmath.exp(u)),
    "gelu": lambda u: u * mpmath.ncdf(u),
    "identity": lambda u: u,
    "relu": lambda u: max(u, mpmath.mpf(0)),
    "retanh": lambda u: max(mpmath.tanh(u), mpmath.mpf(0)),
}


def _network(
    kind: type[RNNBase], weight: object, bias: object, activation: str, w_in: object = 0.0
) -> RNNBase:
    weight = torch.as_tensor(weight, dtype=torch.float64)
    options = {} if kind is RNN else {"tau": 20.0, "dt": 5.0}
    rnn = kind(1, len(weight), 1, activation=activation, **options).double()
    rnn.w_rec.weight.data.copy_(weight)
    rnn.w_in.weight.data[:, 0] = torch.as_tensor(w_in, dtype=torch.float64)
    rnn.w_rec.bias.data.copy_(torch.as_tensor(bias, dtype=torch.float64))
    return rnn


def _at(rnn: RNNBase, state: Tensor, x: float = 0.0) -> FixedPoints:
    """Return states as if they had been found."""
    x = torch.full((len(state), 1), x)
    jacobians = as_map(rnn).jacobian(state, x)
    return FixedPoints(state, x, state[:, 0], jacobians, state[:, 0])


def _bounds(rnn: RNNBase, state: Tensor, x: float = 0.0) -> _Bounds:
    step = as_map(rnn)
    return _Bounds(step, CURVES[step.activation], state, torch.full((len(state), 1), x))


# ---------------------------------------------------------------------- slope and curvature


@pytest.mark.parametrize("name", CURVES)
def test_slope_and_curvature_are_bounded_and_not_by_much(name: str) -> None:
    curve = CURVES[name]
    u = torch.linspace(-8, 8, 200_002)  # without zero
    u = torch.cat([u, -torch.linspace(1e-6, 1e-3, 1000), torch.linspace(1e-6, 1e-3, 1000)])
    u.requires_grad_()
    (slope,) = torch.autograd.grad(ACTIVATIONS[name](u).sum(), u, create_graph=True)
    curvature = torch.zeros_like(u)
    if slope.requires_grad:
        (curvature,) = torch.autograd.grad(slope.sum(), u)
    for bound, values in ((curve.slope, slope), (curve.curvature, curvature)):
        largest = float(values.detach().abs().max())
        assert largest <= bound
        assert bound <= 1.01 * largest


@pytest.mark.parametrize("name", CURVES)
def test_kinks_are_known(name: str) -> None:
    """A kink is a jump of the slope at zero."""
    u = torch.tensor([-1e-9, 1e-9], requires_grad=True)
    (slope,) = torch.autograd.grad(ACTIVATIONS[name](u).sum(), u)
    assert (0.0 in CURVES[name].kinks) == bool((slope[1] - slope[0]).abs() > 1e-6)


def test_softplus_ends_where_torch_goes_on_with_a_straight_line() -> None:
    (until,) = CURVES["softplus"].kinks
    u = torch.tensor([until - 1e-3, until + 1e-3], requires_grad=True)
    (slope,) = torch.autograd.grad(ACTIVATIONS["softplus"](u).sum(), u)
    assert slope[0] < 1
    assert slope[1] == 1


# ------------------------------------------------------------------- hand-solved certificates


@pytest.mark.parametrize("kind", [RNN, RateRNN, CTRNN])
@pytest.mark.parametrize(("w", "b", "move"), [(0.5, 0.3, 1e-3), (-1.7, 0.2, 1e-4), (3.0, 0.1, 0)])
def test_radii_of_one_unit_solve_the_quadratic(
    kind: type[RNNBase], w: float, b: float, move: float
) -> None:
    """``Y - r + L r**2 = 0`` with ``Y = |F(h) - h| / |1 - J|`` and ``L = K / |1 - J|``."""
    rnn = _network(kind, [[w]], [b], "tanh")
    alpha = 1.0 if kind is RNN else 0.25
    if kind is CTRNN:
        target = lambda h: w * math.tanh(h) + b  # noqa: E731
        slope, bend = lambda h: w * (1 - math.tanh(h) ** 2), abs(w)
    else:
        target = lambda h: math.tanh(w * h + b)  # noqa: E731
        slope, bend = lambda h: w * (1 - math.tanh(w * h + b) ** 2), w**2
    h = 1.0
    for _ in range(100):
        h -= (target(h) - h) / (slope(h) - 1)
    h += move
    inverse = 1 / abs(alpha * (1 - slope(h)))
    y = inverse * alpha * abs(target(h) - h)
    bound = inverse * alpha * bend * 4 / (3 * math.sqrt(3))  # largest curvature of tanh
    root = math.sqrt(1 - 4 * y * bound)
    certificates = certify(rnn, _at(rnn, torch.tensor([[h]])))
    assert certificates.is_certified.all()
    assert float(certificates.unique_within) == pytest.approx((1 + root) / (2 * bound), rel=1e-6)
    if move:
        radius = float(certificates.radius)
        assert radius == pytest.approx(2 * y / (1 + root), rel=1e-6)
        assert radius >= move


def test_states_where_nothing_can_be_proven() -> None:
    """A quadratic without a root: ``4 Y L > 1``."""
    w, b = 2.0, 0.0
    for move, is_certified in ((0.05, True), (0.3, False)):
        state = torch.tensor([[0.9575040240772687 + move]])
        rnn = _network(RNN, [[w]], [b], "tanh")
        h = float(state)
        inverse = 1 / abs(1 - w * (1 - math.tanh(w * h) ** 2))
        product = 4 * inverse**2 * abs(math.tanh(w * h) - h) * w**2 * 4 / (3 * math.sqrt(3))
        assert (product < 1) == is_certified
        assert bool(certify(rnn, _at(rnn, state)).is_certified) == is_certified


@pytest.mark.parametrize("x", [0.0, 3.0])
@pytest.mark.parametrize("activation", ["relu", "retanh"])
def test_the_nearest_kink_ends_the_ball(activation: str, x: float) -> None:
    """Pre-activations are at .2 and -.3; rows of 2 and .5 bring them to zero within .1 and .6."""
    weight = np.array([[0.0, 2.0], [0.5, 0.0]])
    f = {"relu": lambda u: max(u, 0.0), "retanh": lambda u: max(math.tanh(u), 0.0)}[activation]
    h = np.array([f(0.2), 0.0])
    w_in = np.array([0.7, -0.4])
    bias = np.array([0.2, -0.3]) - weight @ h - x * w_in
    rnn = _network(RNN, weight, bias, activation, w_in)
    certificates = certify(rnn, _at(rnn, torch.tensor(h[None]), x))
    assert float(certificates.unique_within) == pytest.approx(0.1, rel=1e-6)


def test_a_singular_jacobian_is_the_reason_also_near_a_kink() -> None:
    rnn = _network(RNN, [[1.0]], [0.0], "relu")  # every h > 0 is a fixed point
    (reason,) = certify(rnn, _at(rnn, torch.tensor([[0.5]]))).reasons
    assert reason == "the Jacobian is too close to singular for the residual"


@pytest.mark.parametrize("activation", ["relu", "retanh"])
@pytest.mark.parametrize("kind", [RNN, CTRNN])
def test_points_at_a_kink_are_refused(kind: type[RNNBase], activation: str) -> None:
    rnn = _network(kind, 0.5 * torch.eye(2), [0.0, 0.0], activation)
    certificates = certify(rnn, _at(rnn, torch.zeros(1, 2)))
    assert certificates.reasons == ("the point lies at a kink of the activation",)


def test_softplus_is_certified_on_either_side_of_its_end_but_not_across() -> None:
    rnn = _network(RNN, [[0.2]], [20.0], "softplus")
    certificates = certify(rnn, _at(rnn, torch.tensor([[25.0]])))  # 5 units of u from the end
    assert 0 < float(certificates.unique_within) <= 25.0
    rnn = _network(RNN, [[0.2]], [16.0], "softplus")
    assert not certify(rnn, _at(rnn, torch.tensor([[20.0]]))).is_certified.any()
    rnn = _network(RNN, [[0.2]], [15.2], "softplus")
    certificates = certify(rnn, _at(rnn, torch.tensor([[19.0]])))  # 1 unit of u from the end
    assert float(certificates.unique_within) == pytest.approx(5.0, rel=1e-6)


# ------------------------------------------------------------------------- rounding, exactly


def _exact_step(rnn: RNNBase, kind: type[RNNBase], name: str, state: list, x: float = 0) -> tuple:
    """Return the next state and the Jacobian in exact arithmetic, from the float64 numbers."""
    f = EXACT[name]
    weight = rnn.w_rec.weight.detach().tolist()
    bias = rnn.w_rec.bias.detach().tolist()
    w_in = rnn.w_in.weight[:, 0].tolist()
    bias = [mpmath.mpf(b) + mpmath.mpf(w) * mpmath.mpf(x) for b, w in zip(bias, w_in, strict=True)]
    n, alpha = len(bias), mpmath.mpf(1 if kind is RNN else 0.25)
    rows = range(n)
    inner = [f(v) for v in state] if kind is CTRNN else state
    u = [mpmath.fdot(map(mpmath.mpf, weight[i]), inner) + bias[i] for i in rows]
    new = u if kind is CTRNN else [f(v) for v in u]
    slope = [mpmath.diff(f, v) for v in (state if kind is CTRNN else u)]
    jacobian = [
        [
            alpha * mpmath.mpf(weight[i][j]) * slope[j if kind is CTRNN else i]
            + (1 - alpha) * (i == j)
            for j in rows
        ]
        for i in rows
    ]
    return [(1 - alpha) * h + alpha * v for h, v in zip(state, new, strict=True)], jacobian


@pytest.mark.parametrize("kind", [RNN, RateRNN, CTRNN])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "gelu"])
@pytest.mark.parametrize("size", [1.0, 1e6])
def test_residual_and_jacobian_are_within_their_rounding(
    kind: type[RNNBase], name: str, size: float
) -> None:
    """Weights of 1e6 cancel each other, so that rounding of sums is what counts."""
    x = 0.1
    rng = np.random.default_rng(0)
    with mpmath.workdps(50):
        for _ in range(4):
            h = rng.uniform(0.1, 0.9, 4) * rng.choice([-1, 1], 4)
            weight = rng.normal(size=(4, 4))
            inner = 1 / (1 + np.exp(-h)) if kind is CTRNN else h
            weight += size * np.outer(rng.normal(size=4), [inner[1], -inner[0], 0, 0])
            w_in = size * rng.normal(size=4)
            rnn = _network(kind, weight, 0.1 * rng.normal(size=4) - w_in * x, name, w_in)
            state = torch.tensor(h)[None]
            bounds, step = _bounds(rnn, state, x), as_map(rnn)
            exact = [mpmath.mpf(v) for v in h.tolist()]
            new, jacobian = _exact_step(rnn, kind, name, exact, x)
            true = torch.tensor([float(abs(a - b)) for a, b in zip(new, exact, strict=True)])
            assert (true <= bounds.residual[0]).all()
            found = step.jacobian(state, torch.full((1, 1), x))[0].tolist()
            error = [
                [float(abs(mpmath.mpf(a) - b)) for a, b in zip(*rows, strict=True)]
                for rows in zip(found, jacobian, strict=True)
            ]
            assert (torch.tensor(error).sum(-1) <= bounds.a_error[0]).all()


@pytest.mark.parametrize("kind", [RNN, RateRNN, CTRNN])
def test_rounding_is_counted_where_the_residual_shows_none(kind: type[RNNBase]) -> None:
    """States that the step returns to the last digit are no exact fixed points."""
    rng, n_inexact = np.random.default_rng(1), 0
    with mpmath.workdps(50):
        for _ in range(12):
            weight = 0.3 * rng.normal(size=(3, 3))
            rnn = _network(kind, weight, rng.normal(size=3), "tanh")
            step, state = as_map(rnn), torch.zeros(1, 3)
            for _ in range(2000):
                state = step(state, torch.zeros(1, 1))
            if not torch.equal(step(state, torch.zeros(1, 1)), state):
                continue
            exact = [mpmath.mpf(v) for v in state[0].tolist()]
            new, _ = _exact_step(rnn, kind, "tanh", exact)
            true = torch.tensor([float(abs(a - b)) for a, b in zip(new, exact, strict=True)])
            n_inexact += int(true.max() > 1e-18)
            assert (true <= _bounds(rnn, state).residual[0]).all()
            assert (_bounds(rnn, state).residual < 1e-13).all()
    assert n_inexact >= 6


@pytest.mark.parametrize("kind", [RateRNN, CTRNN])
def test_rounding_of_the_state_counts_where_it_is_much_larger_than_its_input(
    kind: type[RNNBase],
) -> None:
    rng = np.random.default_rng(0)
    rnn = _network(kind, 1e-9 * rng.normal(size=(3, 3)), [0.1, -0.2, 0.3], "tanh")
    states = 1e6 * rng.normal(size=(20, 3))
    bounds = _bounds(rnn, torch.tensor(states))
    with mpmath.workdps(50):
        for h, bound in zip(states.tolist(), bounds.residual.tolist(), strict=True):
            new, _ = _exact_step(rnn, kind, "tanh", list(map(mpmath.mpf, h)))
            assert all(abs(a - b) <= c for a, b, c in zip(new, h, bound, strict=True))


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_gamma_bounds_the_rounding_of_sums(n: int) -> None:
    """Higham (2002), lemma 3.1: n u / (1 - n u), with u half the distance from 1 to the next."""
    u = np.finfo(float).eps / 2
    assert n * u / (1 - n * u) <= gamma(n) <= (n + 8) * u / (1 - (n + 8) * u)


def test_the_defect_of_an_inverse_is_bounded_whatever_the_inverse() -> None:
    """Entries of 1e6 cancel, and the matrix that is inverted exactly is anywhere in its bounds."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(6, 6)) + 1e6 * np.outer(rng.normal(size=6), rng.normal(size=6))
    bounds = _bounds(_network(RNN, weight, np.zeros(6), "tanh"), torch.zeros(1, 6))
    error = rng.choice([-1, 1], (6, 6)) * bounds.a_error[0, :, None].numpy() / 6
    inverses = torch.linalg.inv(bounds.a), torch.linalg.inv(bounds.a.float()).double()
    with mpmath.workdps(60):
        a = mpmath.matrix(bounds.a[0].tolist()) + mpmath.matrix(error.tolist())
        for inverse in inverses:
            defect = mpmath.eye(6) - mpmath.matrix(inverse[0].tolist()) * a
            true = float(mpmath.mnorm(defect, mpmath.inf))
            z0 = float(bounds.of(inverse)[1])
            assert true <= z0
            assert z0 <= 1e-3 or z0 <= 1.1 * true
    assert z0 > 1e-3  # the inverse in float32 is rough


def test_where_single_precision_is_too_rough_a_point_is_certified_all_the_same() -> None:
    h, weight = torch.zeros(1, 2), [[1.0 - 3e-9, 1.0], [0.0, 0.93]]
    rnn = _network(RNN, weight, [0.0, 0.0], "identity")
    bounds = _bounds(rnn, h)
    assert not bounds.of(torch.linalg.inv(bounds.a.float()).double())[1] < 1
    assert certify(rnn, _at(rnn, h)).is_certified.all()


def test_an_ill_conditioned_jacobian_costs_room() -> None:
    """The inverse times the matrix misses the identity by about condition times rounding."""
    h = torch.zeros(1, 2)
    room = []
    for gap in (1e-3, 1e-13, 1e-15):
        rnn = _network(RNN, [[1.0, 1.0], [0.0, 1.0]] - gap * np.eye(2), [0.0, 0.0], "identity")
        certificates = certify(rnn, _at(rnn, h))
        room.append(bool(certificates.is_certified))
    assert room == [True, False, False]


@pytest.mark.parametrize("kind", [RNN, RateRNN, CTRNN])
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "gelu", "retanh"])
def test_the_jacobian_changes_as_fast_as_the_bound_allows_and_no_faster(
    kind: type[RNNBase], name: str
) -> None:
    """Row sums of the change, along the worst direction, where the curvature is largest."""
    u = torch.linspace(1e-3, 3, 30_000) if name == "retanh" else torch.linspace(-3, 3, 60_001)
    v = u.clone().requires_grad_()
    (slope,) = torch.autograd.grad(ACTIVATIONS[name](v).sum(), v, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), v)
    worst = float(u[curvature.abs().argmax()])
    weight = np.random.default_rng(0).normal(size=(3, 3))
    h = np.full(3, worst) if kind is CTRNN else np.array([0.3, -0.2, 0.4])
    bias = np.zeros(3) if kind is CTRNN else worst - weight @ h
    rnn = _network(kind, weight, bias, name)
    state, step, x = torch.tensor(h[None]), as_map(rnn), torch.zeros(1, 1)
    lipschitz = _bounds(rnn, state).lipschitz[0]
    length, before = 1e-4, step.jacobian(state, x)
    fastest = torch.zeros(3)
    for signs in np.ndindex(2, 2, 2):
        move = length * (2 * torch.tensor(signs) - 1.0)
        change = (step.jacobian(state + move, x) - before)[0].abs().sum(-1) / length
        fastest = fastest.maximum(change)
    assert (fastest <= lipschitz).all()
    assert (fastest >= 0.99 * lipschitz).all()
