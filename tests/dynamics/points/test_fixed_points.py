"""The search finds every point of systems whose points are known, and says when it cannot."""

from __future__ import annotations

import copy
import logging
import math
import signal
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, LSTM, RNN, RNNBase
from pyrnn.dynamics import FixedPoints, as_map, certify, find_fixed_points
from pyrnn.dynamics.points._record import SearchRecord
from pyrnn.tasks import FlipFlop
from tests.systems import System, all_systems, product_flip_flop, tanh1

SYSTEMS = {system.name: system for system in all_systems()}


class Leaky(nn.Module):
    """A hand-written network with nothing but a step."""

    def __init__(self, hidden_size: int = 6, input_size: int = 2) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.w_in = nn.Linear(input_size, hidden_size)
        self.w_rec = nn.Linear(hidden_size, hidden_size)
        self.gain = torch.tensor([1.5])  # deliberately no buffer

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return 0.8 * h + 0.2 * torch.tanh(self.gain * self.w_rec(h) + self.w_in(x))


def assert_same_points(points: FixedPoints, system: System) -> None:
    assert len(points) == len(system.states)
    distance = torch.cdist(system.states, points.states)
    order = distance.argmin(1)
    assert sorted(order.tolist()) == list(range(len(points)))
    assert_close(points.states[order], system.states, atol=1e-8, rtol=0)
    assert_close(points.jacobians[order], system.jacobians, atol=1e-7, rtol=0)
    assert points.n_unstable.tolist() == system.n_unstable


@pytest.mark.parametrize("name", SYSTEMS)
def test_all_points_of_a_known_system_are_found(name: str) -> None:
    system = SYSTEMS[name]
    points = find_fixed_points(system.step, system.starts, system.x)
    assert_same_points(points, system)
    assert (points.speeds < 1e-12).all()


def test_numbers_of_the_literature_are_reproduced() -> None:
    points = find_fixed_points(*_arguments(tanh1(2.0, 0.2)))
    expected = torch.tensor([-0.93029720271, 0.97301568665, -0.20285321448])
    assert_close(points.states[:, 0], expected, atol=1e-10, rtol=0)
    multipliers = torch.tensor([0.26909422926, 0.10648094706, 1.91770114675])
    assert_close(points.jacobians[:, 0, 0], multipliers, atol=1e-10, rtol=0)


def test_flip_flop_counts() -> None:
    points = find_fixed_points(*_arguments(product_flip_flop()))
    assert torch.bincount(points.n_unstable).tolist() == [8, 12, 6, 1]
    assert points.index_sum == 1


def _arguments(system: System) -> tuple:
    return system.step, system.starts, system.x


@pytest.mark.parametrize("shape", [(50, 1), (5, 10, 1), (1,), (1, 1)])
def test_starts_may_have_any_leading_shape(shape: tuple[int, ...]) -> None:
    starts = torch.rand(shape) * 2 - 1
    points = find_fixed_points(lambda h, x: torch.tanh(2 * h), starts)
    assert len(points) == 3


@pytest.mark.parametrize("at", [0, 10, 26])
def test_starts_near_one_point_lead_to_all_others(at: int) -> None:
    """One point alone can make an index sum of +1, and once ended the search."""
    system = product_flip_flop()
    starts = system.states[at] + 0.02 * torch.randn(50, 12)
    assert_same_points(find_fixed_points(system.step, starts, system.x), system)


def test_a_point_that_repels_strongly_is_found_from_nearby() -> None:
    """One step of the network takes every start away from it."""
    starts = 0.01 * torch.randn(20, 3)
    points = find_fixed_points(lambda h, x: torch.tanh(60 * h), starts)
    assert len(points) == 27
    assert points.n_unstable[-1] == 3


@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("seed", range(5))
def test_points_close_to_each_other_are_told_apart(gap: float, seed: int) -> None:
    """Near a fold, a start on its way to one of two points may look as if bound for the other."""
    fold = 0.532839975353552
    system = tanh1(2.0, fold - gap)
    assert_same_points(find_fixed_points(*_arguments(system), rng=seed), system)


def test_each_input_has_its_own_points() -> None:
    x = torch.tensor([[0.0], [0.2], [0.55], [0.2]])
    points = find_fixed_points(lambda h, x: torch.tanh(2 * h + x), torch.zeros(4, 1), x)
    for value, count in [(0.0, 3), (0.2, 3), (0.55, 1)]:
        assert int((points.inputs == value).sum()) == count


def test_many_inputs_are_searched_in_one_call() -> None:
    x = torch.linspace(-1, 1, 41)[:, None]
    points = find_fixed_points(lambda h, x: torch.tanh(2 * h + x), x, x)
    n_bistable = int((x.abs() < 0.532839975353552).sum())
    assert len(points) == 41 + 2 * n_bistable


def test_inputs_need_not_match_the_states() -> None:
    rnn, inputs = Leaky(), torch.randn(9, 2)
    points = find_fixed_points(rnn, torch.randn(5, 20, 6), inputs)
    assert len(points.inputs.unique(dim=0)) == 9
    assert_close(rnn.step(points.states, points.inputs), points.states, atol=1e-12, rtol=0)


def test_rollout_stands_for_its_states() -> None:
    rnn = RNN(2, 6, 1, seed=0)
    run = rnn.predict(torch.randn(4, 20, 2))
    assert torch.equal(
        find_fixed_points(rnn, run).states, find_fixed_points(rnn, run.states).states
    )


def test_seed_stands_for_a_generator() -> None:
    step, starts = product_flip_flop().step, torch.randn(40, 12)
    ways = (3, torch.Generator().manual_seed(3))
    first, second = (find_fixed_points(step, starts, torch.zeros(12), rng=rng) for rng in ways)
    assert torch.equal(first.states, second.states)


@pytest.mark.parametrize(
    "step",
    [
        lambda h, x: torch.tanh(2 * h.float() + x.float()),
        lambda h, x: torch.tanh(2 * h.float()).double(),
        lambda h, x: 0.8 * h + 0.2 * torch.tanh(2 * h.float()),
    ],
)
def test_single_precision_inside_a_step_is_told(step: Callable) -> None:
    """Such a step lost two of the three points, and nobody said so."""
    with pytest.warns(UserWarning, match="float32 inside"):
        find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_module_is_left_as_it_was(dtype: torch.dtype) -> None:
    rnn = Leaky().to(dtype).train()
    rnn.w_in.requires_grad_(False)
    before, state = copy.deepcopy(rnn.state_dict()), torch.get_rng_state()
    points = find_fixed_points(rnn, torch.randn(10, 7, 6, dtype=dtype), x=torch.zeros(2))
    assert points.states.dtype == torch.float64
    assert (points.speeds < 1e-12).all()
    assert rnn.training
    assert [p.requires_grad for p in rnn.parameters()] == [False, False, True, True]
    assert all(p.grad is None and p.dtype == dtype for p in rnn.parameters())
    for name, value in rnn.state_dict().items():
        assert torch.equal(value, before[name])
    assert torch.equal(torch.get_rng_state(), state) is False  # randn above, nothing else


def test_constraints_are_worked_out_once() -> None:
    rnn = CTRNN(3, 12, 2, dale_ratio=0.75, autapses=False, train_tau=True, seed=1)
    h, x = torch.randn(5, 12), torch.randn(5, 3)
    step = as_map(rnn)
    assert_close(step(h, x), rnn.step(h, x))
    assert not any(hasattr(part, "parametrizations") for part in step.network.modules())
    assert hasattr(rnn.w_rec, "parametrizations")
    assert_close(rnn.step(h, x), step(h, x))


def test_search_draws_nothing_from_the_global_generator() -> None:
    state = torch.get_rng_state()
    find_fixed_points(lambda h, x: torch.tanh(h / 2), torch.ones(3, 2))
    assert torch.equal(torch.get_rng_state(), state)


def test_step_module_and_closure_agree() -> None:
    rnn, starts = Leaky().float(), torch.randn(30, 6)
    points = [
        find_fixed_points(way, starts, torch.zeros(2))
        for way in (rnn, rnn.step, lambda h, x: rnn.step(h, x))
    ]
    for other in points[1:]:
        assert_close(other.states, points[0].states, atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.GRUCell])
def test_cells_of_torch(kind: type[nn.Module]) -> None:
    cell = kind(2, 5)
    points = find_fixed_points(lambda h, x: cell(x, h), torch.randn(20, 5), torch.zeros(2))
    assert points.index_sum == 1
    state = points.states
    assert_close(cell(torch.zeros(len(state), 2), state), state, atol=1e-12, rtol=0)


def test_lstm_with_its_two_states_side_by_side() -> None:
    cell = nn.LSTMCell(2, 5)

    def step(h: Tensor, x: Tensor) -> Tensor:
        return torch.cat(cell(x, h.chunk(2, dim=-1)), dim=-1)

    (point,) = find_fixed_points(step, torch.randn(20, 10), torch.zeros(2))
    assert point.speed < 1e-12


def test_signed_permutation_moves_the_points() -> None:
    """W → P S W S Pᵀ moves points to P S h and keeps their eigenvalues."""
    w = 2 * torch.randn(5, 5) / 5**0.5
    turn = torch.diag(torch.randn(5).sign())[torch.randperm(5)]
    starts = torch.randn(50, 5)
    points = find_fixed_points(lambda h, x: torch.tanh(h @ w.T), starts)
    turned = find_fixed_points(lambda h, x: torch.tanh(h @ (turn @ w @ turn.T).T), starts)
    assert len(points) == len(turned)
    nearest = torch.cdist(points.states @ turn.T, turned.states).min(1).values
    assert (nearest < 1e-9).all()


def test_leak_keeps_the_points_and_shrinks_the_multipliers() -> None:
    system, alpha = product_flip_flop(), 0.3
    leaky = lambda h, x: (1 - alpha) * h + alpha * system.step(h, x)  # noqa: E731
    points = find_fixed_points(leaky, system.starts, system.x)
    assert len(points) == 27
    eye = torch.eye(12)
    order = torch.cdist(system.states, points.states).argmin(1)
    assert_close(points.jacobians[order], (1 - alpha) * eye + alpha * system.jacobians)


def test_contraction_has_one_point() -> None:
    w = torch.linalg.qr(torch.randn(20, 20)).Q * 0.9
    (point,) = find_fixed_points(lambda h, x: torch.tanh(h @ w.T + 1), torch.randn(30, 20))
    assert point.is_stable


def test_continuum_of_points_ends_the_search() -> None:
    points = find_fixed_points(lambda h, x: 1.0 * h, torch.randn(20, 3))
    assert set(points.stability) == {"marginal"}
    assert points.index_sum == 0


def test_nothing_found_is_an_empty_result(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        points = find_fixed_points(lambda h, x: h + 1, torch.randn(20, 3))
    assert len(points) == 0
    assert points.states.shape == (0, 3)
    assert len(caplog.records) == 1
    assert points.summary().startswith("0 fixed points")


def test_wide_network_does_not_hang_on_two_threads() -> None:
    """Batched solves of more than 150 unknowns hang on two threads; the search avoids them."""
    n_threads = torch.get_num_threads()
    w = 0.5 * torch.randn(256, 256) / 16
    torch.set_num_threads(2)
    try:
        points = find_fixed_points(
            lambda h, x: torch.tanh(h @ w.T), torch.randn(8, 256), round_size=8
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)
    assert len(points) == 1


def test_interrupt_keeps_what_was_found() -> None:
    """Ctrl-C in the first round ends the search after it, and no exception gets out."""
    n_calls = 0

    def step(h: Tensor, x: Tensor) -> Tensor:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 20:
            signal.raise_signal(signal.SIGINT)
        return torch.tanh(h @ w.T)

    w = 3 * torch.randn(8, 8) / 8**0.5
    points = find_fixed_points(step, torch.randn(20, 8))
    assert points.record is not None
    assert points.record.was_stopped
    assert "stopped early" in points.summary()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_record_tells_what_the_search_did() -> None:
    system = tanh1(2.0, 0.0)
    points = find_fixed_points(*_arguments(system), progress=True)
    record = points.record
    assert record is not None
    # the network takes the 64 starts of the first round to two attractors
    assert record.n_starts < 64 + 128 * (record.n_rounds - 1)
    assert sum(record.n_new) == 3
    assert 0 < record.n_converged <= record.n_starts
    assert not record.was_stopped
    assert str(record) in points.summary()


def test_points_far_from_the_starts_are_kept_and_marked() -> None:
    starts = torch.linspace(0.1, 1, 10)[:, None]
    points = find_fixed_points(lambda h, x: torch.tanh(2 * h), starts)
    nearest = (points.states - starts.T).abs().amin(1)
    assert len(points) == 3
    assert_close(points.distances, nearest)


@pytest.mark.parametrize("cls", [GRU, LSTM])
def test_networks_with_gates(cls: type[RNNBase]) -> None:
    rnn = cls(2, 5, 1, seed=0).float()
    states = rnn.predict(torch.randn(6, 20, 2, dtype=torch.float32)).states
    points = find_fixed_points(rnn, states, torch.zeros(2))
    assert len(points) >= 1
    moved = rnn.double().step(points.states, torch.zeros(2))
    assert_close(moved, points.states, atol=1e-11, rtol=0)


@pytest.mark.slow
def test_trained_flip_flop_is_found_whole_and_certified() -> None:
    task = FlipFlop(n_bits=3, seed=0)
    rnn = RNN(3, 16, 3, seed=0).float()
    rnn.fit(task, epochs=8, progress=False)
    states = rnn.predict(task.batch(64).inputs.float()).states
    points = find_fixed_points(rnn, states, torch.zeros(3))
    again = find_fixed_points(
        rnn, states, torch.zeros(3), round_size=128, rng=torch.Generator().manual_seed(1)
    )
    assert len(points) == len(again)
    assert points.index_sum == 1
    assert int(points.is_stable.sum()) == 8
    assert (points.speeds < 1e-12).all()
    assert certify(rnn, points).is_certified.all()


def _with(**changes: object) -> dict:
    arguments = {"network": Leaky(), "starts": torch.randn(4, 6), "x": torch.zeros(2)}
    return arguments | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"starts": torch.zeros(4, 5)}, r"got \(4, 5\)"),
        ({"starts": (torch.zeros(4, 1), torch.zeros(4, 6))}, r"got \(4, 7\).*predict"),
        ({"starts": torch.zeros(0, 6)}, r"got \(0, 6\)"),
        ({"starts": torch.full((4, 6), torch.nan)}, "NaN"),
        ({"x": torch.zeros(3)}, r"shape \(2,\).*got \(3,\)"),
        ({"x": torch.zeros(3, 3)}, r"got \(3, 3\)"),
        ({"x": torch.tensor([0.0, torch.inf])}, "finite x"),
        ({"x": torch.tensor(0.0)}, r"got \(\)"),
        ({"tol": 0.0}, "tol to be a number > 0, got 0"),
        ({"round_size": 0}, "round_size to be a whole number of at least 1, got 0"),
        ({"network": lambda h, x: h[:, :3]}, r"got \(4, 3\)"),
        ({"network": lambda h, x: h @ torch.ones(4, 6)}, "check both widths"),
        ({"network": lambda h, x: h + x @ torch.ones(3, 6), "x": None}, "one channel"),
        ({"network": lambda h, x: h + x @ torch.ones(3, 6)}, r"inputs of shape \(4, 2\)"),
        ({"network": lambda h: h}, "got an error: .* positional argument"),
        ({"network": lambda h, x: torch.ones(6, 6) @ h}, "whole batches"),
        ({"network": lambda h, x: h.detach()}, "differentiate"),
        ({"network": lambda h, x: torch.from_numpy(h.numpy())}, "differentiate"),
        ({"network": lambda h, x: h * torch.nan}, "NaN"),
        ({"network": lambda h, x: h - h.mean(0)}, "each sample"),
        ({"network": lambda h, x: h + torch.randn_like(h)}, "draws random numbers"),
    ],
)
def test_bad_input_gets_one_clear_error(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_fixed_points(**_with(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": 3}, "got int"),
        ({"network": lambda h, x: (h, h)}, "got tuple"),
        ({"starts": torch.ones(4, 6, dtype=torch.bool)}, "got torch.bool"),
        ({"starts": None}, "starts to be a tensor or an array, got NoneType"),
        ({"rng": "0"}, "Generator or a seed, got '0'"),
    ],
)
def test_wrong_kind_is_a_type_error(changes: dict, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        find_fixed_points(**_with(**changes))


@pytest.mark.parametrize("seed", range(3))
def test_a_chaotic_network_is_never_called_complete(seed: int) -> None:
    """At gain 3 few starts converge; the origin is a point by symmetry."""
    rng = torch.Generator().manual_seed(seed)
    w = 3 * torch.randn(60, 60, generator=rng) / 60**0.5
    starts = torch.randn(100, 60, generator=rng)
    step = lambda h, x: torch.tanh(h @ w.to(h).T)  # noqa: E731
    points = find_fixed_points(step, starts, max_rounds=16)
    assert points.states.norm(dim=-1).min() < 1e-9
    assert points.status.startswith(("stopped early", "undecided", "incomplete"))


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (SearchRecord(128, 12, (1, 0)), "undecided: only 9 % of the starts converged"),
        (SearchRecord(128, 13, (1, 0)), "complete as far as the search tells"),
        (SearchRecord(128, 99, (0,), was_stopped=True), "stopped early: points may be missing"),
        (SearchRecord(128, 99, (3,), n_unseen=2.0), "incomplete: an estimated 2.0 or more points"),
        (SearchRecord(128, 99, (3,), n_unbalanced=1), "incomplete if the network is bounded"),
    ],
)
def test_the_status_tells_what_the_search_could_not(record: SearchRecord, status: str) -> None:
    assert record.status.startswith(status)


@pytest.mark.parametrize("n_bits", [4, 5])
def test_every_point_of_many_bits_is_found_or_the_search_says_so(n_bits: int) -> None:
    """n uncoupled bistable units have 3**n points."""
    gains = torch.linspace(1.5, 3, n_bits)
    for seed in range(4):
        rng = torch.Generator().manual_seed(seed)
        starts = 2 * torch.rand(500, n_bits, generator=rng) - 1
        step = lambda h, x: torch.tanh(gains.to(h) * h)  # noqa: E731
        assert len(find_fixed_points(step, starts, rng=seed)) == 3**n_bits
        cut = find_fixed_points(step, starts, rng=seed, max_rounds=1)
        assert len(cut) < 3**n_bits
        assert cut.status.startswith(("stopped early", "incomplete"))


def test_a_start_far_from_all_others_is_tried_at_once() -> None:
    """Of points at all whole numbers, those near the given states, however far apart."""
    states = torch.cat([torch.linspace(-0.5, 0.5, 100)[:, None], torch.tensor([[40000.3]])])
    step = lambda h, x: h + 0.1 * torch.sin(math.pi * h)  # noqa: E731
    points = find_fixed_points(step, states, max_rounds=1)
    assert 39990 < float(points.states.max()) < 40010
    assert not points.is_degenerate.any()
