"""Laws that hold for every network, tried on random ones, against slow and simple references.

``pytest tests/dynamics/test_properties.py --hypothesis-profile=thorough`` tries thousands.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import root
from scipy.special import expit
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics import FixedPoints, find_fixed_points

SMOOTH = {
    "tanh": (torch.tanh, np.tanh, lambda u: 1 - np.tanh(u) ** 2),
    "sigmoid": (torch.sigmoid, expit, lambda u: expit(u) * (1 - expit(u))),
    "softplus": (functional.softplus, lambda u: np.logaddexp(0, u), expit),
}
SEEDS = st.integers(0, 10**6)
SIZES = st.integers(1, 12)
FAR = 3.0  # starts are from -1 to 1


class Network:
    """``h' = (1 - alpha) h + alpha s f(W h / s + b)`` with random numbers."""

    def __init__(self, seed: int, size: int, activation: str) -> None:
        rng = np.random.default_rng(seed)
        self.size, self.activation = size, activation
        gain = rng.uniform(0.3, 2.5) * {"softplus": 0.4, "sigmoid": 3.0}.get(activation, 1.0)
        self.weight = gain * rng.normal(size=(size, size)) / np.sqrt(size)
        self.bias = 0.5 * rng.normal(size=size)
        self.alpha = rng.choice([1.0, 0.5, 0.1])

    def find(self, scale: float = 1.0, order: np.ndarray | None = None) -> FixedPoints:
        f = torch.relu if self.activation == "relu" else SMOOTH[self.activation][0]
        order = np.arange(self.size) if order is None else order
        w, b = torch.tensor(self.weight[order][:, order]), torch.tensor(self.bias[order])

        def step(h: Tensor, x: Tensor) -> Tensor:
            new = scale * f(h @ w.to(h).T / scale + b.to(h))
            return (1 - self.alpha) * h + self.alpha * new

        rng = torch.Generator().manual_seed(0)
        starts = 2 * torch.rand(200, self.size, generator=rng, dtype=torch.float64) - 1
        return find_fixed_points(step, scale * starts[:, order], progress=False)


def same_sets(a: np.ndarray, b: np.ndarray, tol: float = 1e-6) -> bool:
    if len(a) != len(b):
        return False
    if not len(a):
        return True
    apart = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return bool(apart.min(1).max() < tol and apart.min(0).max() < tol)


def near(points: FixedPoints, activation: str) -> FixedPoints:
    """Leave out points of unbounded networks far from all starts, which may be missed."""
    is_bounded = activation in ("tanh", "sigmoid")
    return points if is_bounded else points[points.states.abs().amax(-1) < FAR]


def is_clear(points: FixedPoints) -> bool:
    """Return whether no point is so near a bifurcation that rounding decides."""
    return not len(points) or float((points.spectrum.eigenvalues - 1).abs().min()) > 1e-4


@given(SEEDS, SIZES, st.sampled_from(["tanh", "sigmoid", "softplus", "relu"]), st.integers(-8, 8))
def test_points_do_not_depend_on_the_unit_of_the_states(
    seed: int, size: int, activation: str, exponent: int
) -> None:
    network = Network(seed, size, activation)
    points, scaled = network.find(), network.find(10.0**exponent)
    if not is_clear(points):
        return
    assert same_sets(points.states.numpy(), scaled.states.numpy() / 10.0**exponent)
    assert points.n_unstable.tolist() == scaled.n_unstable.tolist()
    assert points.index_sum == scaled.index_sum


@given(SEEDS, SIZES, st.sampled_from(["tanh", "sigmoid", "softplus", "relu"]))
def test_points_do_not_depend_on_the_order_of_the_units(
    seed: int, size: int, activation: str
) -> None:
    network = Network(seed, size, activation)
    order = np.random.default_rng(seed).permutation(size)
    points, permuted = network.find(), network.find(order=order)
    if not is_clear(points):
        return
    points, permuted = near(points, activation), near(permuted, activation)
    assert same_sets(points.states.numpy()[:, order], permuted.states.numpy())
    assert sorted(points.n_unstable.tolist()) == sorted(permuted.n_unstable.tolist())


@given(SEEDS, SIZES)
def test_points_change_sign_with_the_units_of_an_odd_activation(seed: int, size: int) -> None:
    network = Network(seed, size, "tanh")
    points = network.find()
    sign = np.random.default_rng(seed).choice([-1, 1], size)
    network.weight, network.bias = sign[:, None] * network.weight * sign, sign * network.bias
    turned = network.find()
    if not is_clear(points):
        return
    assert same_sets(sign * points.states.numpy(), turned.states.numpy())


@given(SEEDS, SIZES, st.sampled_from(["tanh", "sigmoid", "softplus", "relu"]))
def test_verdicts_agree_with_each_other_and_with_numpy(
    seed: int, size: int, activation: str
) -> None:
    points = Network(seed, size, activation).find()
    for point in points:
        values = np.linalg.eigvals(point.jacobian.numpy())
        if point.is_one_sided or point.is_degenerate or np.abs(np.abs(values) - 1).min() < 1e-7:
            continue
        assert point.n_unstable == (np.abs(values) > 1).sum()
        assert point.is_stable == (point.n_unstable == 0)
        assert ("stable" in point.stability.split()) == point.is_stable
        assert ("saddle" in point.stability) == (0 < point.n_unstable < size)
        n_beyond = ((np.abs(values.imag) < 1e-12) & (values.real > 1)).sum()
        assert int(point.spectrum.index) == (-1) ** n_beyond


@given(SEEDS, st.integers(1, 12), st.sampled_from(list(SMOOTH)))
def test_every_root_that_scipy_finds_is_found(seed: int, size: int, activation: str) -> None:
    network = Network(seed, size, activation)
    _, f, slope = SMOOTH[activation]
    points = network.find().states.numpy()
    eye = np.eye(size)
    starts = np.random.default_rng(seed).uniform(-1.5, 1.5, size=(200 if size < 4 else 12, size))
    for start in starts:
        found = root(
            lambda h: f(network.weight @ h + network.bias) - h,
            start,
            jac=lambda h: slope(network.weight @ h + network.bias)[:, None] * network.weight - eye,
            tol=1e-12,
        )
        if not found.success or np.abs(found.fun).max() > 1e-10:
            continue
        if activation == "softplus" and np.abs(found.x).max() > FAR:
            continue
        a = slope(network.weight @ found.x + network.bias)[:, None] * network.weight - eye
        if np.linalg.svd(a, compute_uv=False)[-1] < 1e-4:
            continue  # as good as degenerate
        assert np.linalg.norm(points - found.x, axis=1).min() < 1e-6


@given(SEEDS, st.integers(1, 6))
def test_points_of_rectifiers_are_those_of_their_linear_regions(seed: int, size: int) -> None:
    network = Network(seed, size, "relu")
    points = network.find()
    expected, stable = [], []
    for active in itertools.product([0, 1], repeat=size):
        mask = np.array(active)
        a = np.eye(size) - mask[:, None] * network.weight
        if abs(np.linalg.det(a)) < 1e-6:
            return
        h = np.linalg.solve(a, mask * network.bias)
        u = network.weight @ h + network.bias
        if np.abs(u).min() < 1e-6:
            return
        if ((u > 0) == (mask == 1)).all():
            expected.append(h)
            inside = mask[:, None] * network.weight
            jacobian = (1 - network.alpha) * np.eye(size) + network.alpha * inside
            stable.append(np.abs(np.linalg.eigvals(jacobian)).max() < 1)
    places, is_near = np.array(expected).reshape(-1, size), [abs(h).max() < FAR for h in expected]
    found = points.states.numpy()
    apart = np.linalg.norm(found[:, None] - places[None], axis=-1)
    assert not len(found) or apart.min(1).max() < 1e-6
    assert all(apart[:, i].min(initial=np.inf) < 1e-6 for i in np.flatnonzero(is_near))
    for i, place in enumerate(apart.argmin(1) if len(found) else []):
        assert bool(points.is_stable[i]) == stable[place]
