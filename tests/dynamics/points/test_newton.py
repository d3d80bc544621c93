"""Newton's method, against roots known in closed form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from pyrnn import CTRNN, GRU, RNN, RateRNN, RNNBase
from pyrnn.dynamics import Map, as_map
from pyrnn.dynamics.maps import ScaledMap
from pyrnn.dynamics.points import _compiled, newton
from pyrnn.dynamics.points._kinks import Kinks
from pyrnn.dynamics.points._known import Known
from pyrnn.dynamics.points._settle import settle
from pyrnn.threads import single_threaded
from pyrnn.unroll import KERNEL_ACTIVATIONS, kernel
from tests.systems import Step, seeded


def square_root(h: Tensor, x: Tensor) -> Tensor:
    """Leave the square roots of the input in place."""
    return h + h**2 - x


def as_checked(step: Step, size: int = 1) -> Map:
    return as_map(step, torch.ones(1, size), torch.ones(1))


def bump(h: Tensor, x: Tensor) -> Tensor:
    """Leave the origin in place; the residual is flat at a half, and vanishes at infinity."""
    return h + h * torch.exp(-2 * h**2)


def test_convergence_is_cubic() -> None:
    distance = torch.tensor([[1e-2], [1e-3], [1e-4]])
    h, *_ = newton(
        as_checked(square_root),
        2 + distance,
        torch.full((3, 1), 4.0),
        tol=0,
        n_iterations=1,
        cap=1,
    )
    error = (h - 2).abs() / distance**3
    assert torch.allclose(error, error[:1], rtol=0.05)


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 0.0])
def test_no_step_is_longer_than_the_cap(gap: float) -> None:
    """A second step with the Jacobian of a flat place once led to infinity, and stayed there."""
    start = torch.tensor([[0.5 - gap], [0.5 + gap]])
    h, *_ = newton(as_checked(bump), start, torch.zeros(2, 1), tol=1e-12, n_iterations=1, cap=1.0)
    assert bool(((h - start).abs() <= 2).all())


def knowledge(points: Tensor, jacobians: Tensor) -> Known:
    """Know some points, all under the first of two inputs."""
    known, n = Known.nothing(points, 2), len(points)
    owner, one = torch.zeros(n, dtype=torch.long), torch.ones(n, dtype=torch.long)
    growth = points.new_full((n,), torch.nan)
    inverses = torch.linalg.inv(torch.eye(points.shape[1]) - jacobians)
    known.add(points, owner, Kinks(growth, jacobians), inverses, one)
    return known


def test_who_is_known_is_left_out() -> None:
    start = torch.tensor([[1.0], [3.0], [-1.0], [2.001]], dtype=torch.float32)
    known = knowledge(torch.full((1, 1), 2.0).double(), torch.full((1, 1, 1), 5.0).double())
    found = newton(
        as_checked(square_root).to(torch.float32),
        start,
        torch.full((4, 1), 4.0),
        tol=1e-5,
        n_iterations=8,
        cap=2.0,
        known=known,
        owner=torch.zeros(4, dtype=torch.long),
    )
    assert found.drawn.tolist() == [0, 0, -1, 0]
    assert torch.isinf(found.residuals).tolist() == [True, True, False, True]
    assert found.states[2].item() == pytest.approx(-2.0)


needs_kernel = pytest.mark.skipif(kernel() is None, reason="the kernel was not compiled")


def in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on solve without the kernel."""
    monkeypatch.setattr(_compiled, "kernel", lambda: None)


def networks() -> Iterator[RNNBase]:
    for activation in KERNEL_ACTIVATIONS:
        yield RNN(2, 5, 1, activation=activation, seed=1)
        yield CTRNN(2, 19, 1, activation=activation, tau=50.0, seed=2)
        yield RateRNN(2, 33, 1, activation=activation, tau=20.0, dale_ratio=0.8, seed=3)
    yield RNN(1, 1, 1, seed=0)
    yield CTRNN(2, 64, 1, tau=30.0, train_tau=True, gain=2.0, seed=4)
    yield RNN(2, 128, 1, gain=2.0, seed=5)
    yield GRU(2, 5, 1, seed=6)
    yield GRU(2, 40, 1, bias=False, seed=7)


def name_of(value: object) -> str | None:
    return f"{type(value).__name__}-{value.hidden_size}" if isinstance(value, RNNBase) else None


@needs_kernel
@pytest.mark.parametrize("rnn", list(networks()), ids=name_of)
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-10), (torch.float32, 2e-3)])
def test_the_kernel_and_torch_take_the_same_steps(
    rnn: RNNBase, dtype: torch.dtype, within: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = as_map(rnn).to(dtype)
    h = torch.randn(40, rnn.hidden_size, generator=seeded(), dtype=dtype)
    x = torch.randn(40, rnn.input_size, generator=seeded(), dtype=dtype)
    options = {"tol": 1e-6, "n_iterations": 2, "cap": 3.0}
    for scale in (1.0, 2.0**-3):
        scaled = ScaledMap(step, scale)
        assert _compiled.compiled_form(scaled) is not None
        with monkeypatch.context() as patch:
            fast = newton(scaled, h, x, **options)
            in_torch(patch)
            slow = newton(scaled, h, x, **options)
        # where two lengths are as good as each other, rounding decides
        gap = (fast.states - slow.states).norm(dim=-1) / (1 + slow.states.norm(dim=-1))
        assert (gap < within).double().mean() > 0.9
        assert torch.allclose(fast.residuals, slow.residuals, rtol=100 * within, atol=within)


@needs_kernel
def test_the_kernel_goes_on_where_the_matrix_is_singular(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of fixed points, and none along the other axis: I - J is singular everywhere."""
    rnn = CTRNN(1, 2, 1, activation="identity", tau=20.0, dt=10.0).double()
    with torch.no_grad():
        rnn.w_rec.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -0.5]]))
        rnn.w_rec.bias.zero_()
    step, h = as_map(rnn), torch.tensor([[0.5, 1.0], [-2.0, 0.1]]).double()
    x, options = torch.zeros(2, 1).double(), {"tol": 1e-12, "n_iterations": 20, "cap": 10.0}
    fast = newton(step, h, x, **options)
    in_torch(monkeypatch)
    slow = newton(step, h, x, **options)
    expected = torch.stack([h[:, 0], torch.zeros(2)], dim=-1)
    assert torch.allclose(fast.states, expected, atol=1e-11)
    assert torch.allclose(fast.states, slow.states, atol=1e-11)


@needs_kernel
@pytest.mark.parametrize("scale", [1.0, 0.125])
def test_the_kernel_knows_who_is_known(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where states are counted in another unit."""
    rnn = RNN(1, 8, 1, gain=2.5, seed=0)
    step = as_map(rnn)
    h, x = 2 * torch.rand(200, 8, generator=seeded()).double() - 1, torch.zeros(200, 1).double()
    roots = newton(step, h, x, tol=1e-13, n_iterations=30, cap=5.0)
    points = roots.states[roots.residuals < 1e-12]
    points = points[
        (torch.cdist(points, points).tril(-1) + 9 * torch.eye(len(points))).min(1)[0] > 0
    ]
    point = points[points.norm(dim=-1).argmax()][None]  # not the origin, which has no unit
    known = knowledge(point / scale, step.jacobian(point, x[:1]))
    owner = torch.arange(200) % 2
    options = {"tol": 1e-4, "n_iterations": 9, "cap": 5.0, "known": known, "owner": owner}
    coarse, h = ScaledMap(step, scale).to(torch.float32), h / scale
    fast = newton(coarse, h.float(), x.float(), **options)
    in_torch(monkeypatch)
    slow = newton(coarse, h.float(), x.float(), **options)
    assert (fast.drawn == slow.drawn).double().mean() > 0.98
    assert (fast.drawn[owner == 0] == 0).any()
    assert not (fast.drawn[owner == 1] == 0).any()
    assert torch.isinf(fast.residuals[fast.drawn == 0]).all()


@needs_kernel
@pytest.mark.parametrize("rnn", list(networks()), ids=name_of)
@pytest.mark.parametrize("is_wary", [False, True])
def test_the_kernel_and_torch_settle_alike(
    rnn: RNNBase, is_wary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = ScaledMap(as_map(rnn), 0.5)
    h = torch.randn(30, rnn.hidden_size, generator=seeded(), dtype=torch.float64)
    x = torch.randn(30, rnn.input_size, generator=seeded(), dtype=torch.float64)
    moves = torch.arange(30) % 4
    fast = settle(step, h, x, moves, is_wary=is_wary)
    in_torch(monkeypatch)
    slow = settle(step, h, x, moves, is_wary=is_wary)
    assert torch.allclose(fast, slow, rtol=1e-10, atol=1e-12)
    assert torch.equal(fast[::4], h[::4])
    once = step(h[1::4], x[1::4])
    assert is_wary or torch.allclose(fast[1::4], once, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "rnn", [RNN(2, 100, 1, gain=2.0), GRU(2, 60, 1), RNN(2, 150, 1)], ids=name_of
)
def test_threads_change_nothing(rnn: RNNBase) -> None:
    step = as_map(rnn)
    h = torch.randn(150, rnn.hidden_size, generator=seeded()).double()
    x, options = torch.zeros(150, 2).double(), {"tol": 1e-9, "n_iterations": 4, "cap": 5.0}
    before, found = torch.get_num_threads(), []
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        with single_threaded():
            found.append(newton(step, h, x, **options))
    torch.set_num_threads(before)
    assert torch.equal(found[0].states, found[1].states)
    assert torch.equal(found[0].residuals, found[1].residuals)
