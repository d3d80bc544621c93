"""Fixed points along a trial and along a training: known dates, and no point unaccounted for."""

from __future__ import annotations

import math
import signal
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pyrnn import GRU, RNN, RateRNN
from pyrnn.dynamics import (
    FixedPoints,
    Tracks,
    find_fixed_points,
    follow,
    follow_training,
    jacobian,
)
from pyrnn.tasks import FlipFlop

F64 = torch.float64
LINE = torch.linspace(-1, 1, 9, dtype=F64)[:, None]
FOLD_X = 0.53283997535355202357  # of tanh(2 h + x), at h = -0.70710678118654752440
FOLD_W = 1.1840767967852302664  # of tanh(w h + 0.05)


def tanh2(h: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(2 * h + x)


def distance(a: Tensor, b: Tensor) -> float:
    """Return how far the farthest state of one list is from the other list."""
    gaps = (a[:, None] - b).norm(dim=-1)
    return float(torch.maximum(gaps.amin(0).max(), gaps.amin(1).max()))


def ramp(n_steps: int, low: float = -1.0, high: float = 1.0) -> Tensor:
    return torch.linspace(low, high, n_steps + 1, dtype=F64)[:, None]


# ---------------------------------------------------------------------- along a trial


def test_folds_of_a_ramp_are_dated_to_the_last_digits() -> None:
    inputs = ramp(1000)
    tracks = follow(tanh2, find_fixed_points(tanh2, LINE, inputs[0]), inputs)
    birth, death = tracks.events
    assert birth.kind == "birth"
    assert birth.time == pytest.approx((1 - FOLD_X) / 2 * 1000, abs=1e-8)
    assert death.kind == "death"
    assert death.time == pytest.approx((1 + FOLD_X) / 2 * 1000, abs=1e-8)
    assert float(death.state) == pytest.approx(-math.sqrt(0.5), abs=1e-10)
    assert {birth.bifurcation, death.bifurcation} == {"fold"}
    assert tracks.balance
    assert tracks.status == "complete as far as the search tells"


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_the_normal_form_of_a_fold_is_that_of_its_mode(scale: float) -> None:
    """A turned, scaled copy of tanh(2h + x), with two units that decay."""
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).double())[
        0
    ]

    def step(h: Tensor, x: Tensor) -> Tensor:
        own = h @ turn.to(h) / scale
        return scale * torch.cat([tanh2(own[..., :1], x), own[..., 1:] / 2], -1) @ turn.to(h).T

    inputs = ramp(1000)
    starts = scale * LINE * turn[:, 0]
    points = find_fixed_points(step, starts, inputs[0], progress=False)
    birth, death = follow(step, points, inputs, progress=False).events
    for event, sign in ((birth, -1), (death, 1)):
        assert event.push == pytest.approx(sign * scale * 0.5 * 0.002, rel=1e-6)
        assert event.curvature == pytest.approx(math.sqrt(2) / scale, rel=1e-6)


@pytest.mark.parametrize(("distance", "share"), [(1e-2, 0.02), (1e-3, 3e-3), (1e-4, 3e-3)])
def test_a_ghost_holds_a_state_as_long_as_the_law_says(distance: float, share: float) -> None:
    inputs = ramp(1000)
    death = follow(tanh2, find_fixed_points(tanh2, LINE, inputs[0]), inputs).events[1]
    x, h, n_steps = FOLD_X + distance, -math.sqrt(0.5) - 0.2, 0
    while h < -math.sqrt(0.5) + 0.2:
        before, h, n_steps = h, math.tanh(2 * h + x), n_steps + 1
    n_steps -= (h + math.sqrt(0.5) - 0.2) / (h - before)  # a part of the last step
    at = death.time + distance / 0.002
    assert death.passage_time(at, 0.2) == pytest.approx(n_steps, rel=share)
    long_way = math.pi / math.sqrt(0.5 * distance * math.sqrt(2))
    assert death.passage_time(at) == pytest.approx(long_way, rel=1e-6)
    with pytest.raises(ValueError, match=r"a fold and a time after 766\.42"):
        death.passage_time(700)


def test_a_state_leaves_a_dying_attractor_late() -> None:
    n_steps = 20_000
    rate, h, x = 2 / n_steps, -1.0, -1.0
    while h < 0:
        x += rate
        h = math.tanh(2 * h + x)
    inputs = ramp(n_steps)
    birth, death = follow(tanh2, find_fixed_points(tanh2, LINE, inputs[0]), inputs).events
    assert death.delay == pytest.approx((x - FOLD_X) / rate, rel=0.02)
    assert math.isnan(birth.delay)


def test_every_step_of_a_ramp_has_the_points_of_a_search() -> None:
    """The middle point is born after the first step and dies before the last one."""
    inputs = ramp(20)
    tracks = follow(tanh2, find_fixed_points(tanh2, LINE, inputs[0]), inputs)
    assert len(tracks) == 3
    for t, x in enumerate(inputs):
        points = find_fixed_points(tanh2, LINE, x, progress=False)
        here = tracks.at(t)
        assert len(here) == len(points)
        assert distance(here.states, points.states) < 1e-10
        assert sorted(here.n_unstable.tolist()) == points.n_unstable.tolist()


def test_kinds_over_time_are_those_of_each_step() -> None:
    """Between the frames that are looked at first, a point loses its stability to a cycle."""

    def turning(h: Tensor, x: Tensor) -> Tensor:
        around = torch.stack([-h[..., 1], h[..., 0], h[..., 2]], -1)
        return torch.tanh((0.5 + x) * around)

    inputs = ramp(60, 0.0, 1.0)
    tracks = follow(turning, find_fixed_points(turning, torch.zeros(1, 3), inputs[0]), inputs)
    assert len(tracks) == 3  # the third unit becomes bistable at x = 0.5
    for t in range(61):
        alive = tracks.is_alive[:, t]
        assert (tracks.n_unstable[:, t] >= 0).tolist() == alive.tolist()
        assert tracks.n_unstable[alive, t].tolist() == tracks.at(t).n_unstable.tolist()


def test_a_branch_is_one_point_all_the_time() -> None:
    tracks = follow(tanh2, find_fixed_points(tanh2, LINE, [-1.0]), ramp(1000))
    steps = tracks.states.diff(dim=1).abs()
    assert float(steps[steps.isfinite()].max()) < 0.05
    assert tracks.n_points.tolist() == [1] * 234 + [3] * 533 + [1] * 234


def bits(gains: tuple[float, ...] = (1.5, 2.0, 3.0)) -> RNN:
    """Return independent bistable units: 3 to the number of units points."""
    rnn = RNN(len(gains), len(gains), 1).double()
    rnn.w_rec.weight.data.copy_(torch.diag(torch.tensor(gains)))
    rnn.w_in.weight.data.copy_(torch.eye(len(gains)))
    return rnn


def fold_of(gain: float) -> float:
    h = math.sqrt(1 - 1 / gain)
    return gain * h - math.atanh(h)


def test_a_pulse_removes_and_brings_back_two_thirds_of_the_points() -> None:
    rnn, pulse = bits(), torch.zeros(8, 3, dtype=F64)
    pulse[3:5, 1] = 1.0
    points = find_fixed_points(rnn, torch.randn(200, 3), progress=False)
    tracks = follow(rnn, points, pulse)
    assert tracks.n_points.tolist() == [27, 27, 27, 9, 9, 27, 27, 27]
    assert tracks.balance
    deaths = [e for e in tracks.events if e.kind == "death"]
    births = [e for e in tracks.events if e.kind == "birth"]
    assert len(deaths) == len(births) == 9
    assert {len(e.branches) for e in tracks.events} == {2}
    for e in deaths:
        assert e.time == pytest.approx(2 + fold_of(2.0), abs=1e-9)
    for e in births:
        assert e.time == pytest.approx(5 - fold_of(2.0), abs=1e-9)
    searched = find_fixed_points(rnn, torch.randn(200, 3), pulse[3], progress=False)
    assert distance(tracks.at(3).states, searched.states) < 1e-10
    assert sum(1 for row in tracks.is_alive if row.all()) == 9
    assert_close(tracks.at(1).jacobians, jacobian(rnn, tracks.at(1).states, pulse[1]))


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize(("bend", "gap"), [(6, 0.1), (200, 0.02)])
@pytest.mark.parametrize("other", [-1.0, 1.0])
def test_a_point_that_lives_for_a_moment_is_told_from_others_nearby(
    other: float, bend: float, gap: float, is_reversed: bool
) -> None:
    """A curve of fixed points with two folds close together, and a point that never moves.

    The curve is x = g(h) with folds at h = 0 and h = gap. The point is on the far side of a fold,
    where the partner of the branch that dies there might be looked for.
    """

    def step(h: Tensor, x: Tensor) -> Tensor:
        x = 1 - x if is_reversed else x
        on_curve = x - 0.4 - bend * (gap / 2 * h**2 - h**3 / 3)
        return h + 0.2 * on_curve * (h - other) * (h**2 + 0.1) / (1 + h**4)

    inputs = ramp(4, 0.0)
    points = find_fixed_points(step, torch.linspace(-2, 2, 81)[:, None], inputs[0], progress=False)
    tracks = follow(step, points, inputs, progress=False)
    assert tracks.balance
    assert tracks.n_points.tolist() == [2] * 5
    birth, death = sorted(tracks.events, key=lambda event: event.kind)
    folds = [1.6, 1.6 + bend * gap**3 / 1.5]
    at = [4 - fold for fold in folds[::-1]] if is_reversed else folds
    assert [birth.time, death.time] == pytest.approx(at, abs=1e-8)
    assert [len(birth.branches), len(death.branches)] == [2, 2]


def test_a_transcritical_point_is_no_event() -> None:
    def step(h: Tensor, x: Tensor) -> Tensor:
        return h + 0.2 * h * (x - h) / (1 + h**2)

    inputs = ramp(5)
    points = find_fixed_points(step, LINE, inputs[0], progress=False)
    tracks = follow(step, points, inputs, progress=False)
    assert tracks.balance
    assert tracks.events == ()
    assert tracks.n_points.tolist() == [2] * 6


def test_points_of_a_noisy_input_are_those_of_each_step() -> None:
    rnn = bits((1.5, 2.0))
    inputs = 0.4 * torch.randn(8, 2, generator=torch.Generator().manual_seed(1), dtype=F64)
    inputs[0] = 0
    points = find_fixed_points(rnn, torch.randn(100, 2), progress=False)
    tracks = follow(rnn, points, inputs)
    assert tracks.balance
    for t, x in enumerate(inputs):
        searched = find_fixed_points(rnn, torch.randn(100, 2), x, progress=False)
        assert len(tracks.at(t)) == len(searched)
        assert distance(tracks.at(t).states, searched.states) < 1e-9


def test_any_network_with_a_step_can_be_followed() -> None:
    gru = GRU(1, 3, 1, seed=0)
    points = find_fixed_points(gru, torch.randn(50, 3), [0.0], progress=False)
    tracks = follow(gru, points, ramp(4, 0.0, 2.0))
    searched = find_fixed_points(gru, torch.randn(50, 3), [2.0], progress=False)
    assert distance(tracks.at(-1).states, searched.states) < 1e-9
    assert tracks.at(-1).jacobians.shape == (len(searched), 3, 3)


def test_births_need_not_be_searched() -> None:
    tracks = follow(tanh2, find_fixed_points(tanh2, LINE, [0.0]), ramp(10, 0.0, 1.0), births=False)
    assert [e.kind for e in tracks.events] == ["death"]
    assert tracks.status == "births were not searched"


def test_points_that_were_not_given_are_found_missing() -> None:
    points = find_fixed_points(tanh2, LINE, [0.0])
    tracks = follow(tanh2, points[:1], ramp(10, 0.0, 0.4))
    assert len(tracks.at(-1)) == 3
    assert tracks.status == "2 points missing from those given at the start"


def test_nothing_depends_on_the_unit_of_the_states() -> None:
    unit = 1e-6

    def small(h: Tensor, x: Tensor) -> Tensor:
        return unit * torch.tanh(2 * h / unit + x)

    points = find_fixed_points(small, unit * LINE, [-1.0])
    times = [e.time for e in follow(small, points, ramp(100)).events]
    assert times == pytest.approx([(1 - FOLD_X) * 50, (1 + FOLD_X) * 50], abs=1e-7)


def test_one_step_and_constant_inputs_have_no_events() -> None:
    points = find_fixed_points(tanh2, LINE, [0.1])
    for n in (1, 2, 5):
        tracks = follow(tanh2, points, torch.full((n, 1), 0.1))
        assert tracks.n_points.tolist() == [3] * n
        assert tracks.events == ()
        assert_close(tracks.at(n - 1).states, points.states)


def test_states_are_compared_with_the_stable_points_of_their_own_time() -> None:
    """At the pulse the network leaves its memory, whose point has vanished."""
    rnn, pulse = bits((2.0,)), torch.zeros(60, 1, dtype=F64)
    pulse[20:40] = 1.0
    tracks = follow(rnn, find_fixed_points(rnn, LINE), pulse)
    h, states = torch.tensor([-0.95750402407726874068], dtype=F64), []
    for x in pulse:
        h = rnn.step(h, x)
        states.append(h.detach())
    gap = tracks.distances(torch.stack(states))
    assert float(gap[:20].max()) < 1e-12
    assert float(gap[20]) > 1
    assert float(gap[39]) < 1e-3
    assert tracks.distances(torch.stack([torch.stack(states)] * 2)).shape == (2, 60)
    with pytest.raises(ValueError, match="60, 1"):
        tracks.distances(torch.zeros(59, 1))


@pytest.mark.parametrize("n_calls", [30, 200, 500])
def test_an_interrupt_keeps_the_steps_that_are_done(n_calls: int) -> None:
    """Whether Ctrl-C comes during a search or on the way."""
    calls = 0

    def step(h: Tensor, x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == n_calls:
            signal.raise_signal(signal.SIGINT)
        return torch.tanh(2 * h + x)

    inputs = 0.4 * torch.tensor([[0.0], [1.0], [0.5], [-1.0], [0.0], [1.0], [-0.5]], dtype=F64)
    points = find_fixed_points(tanh2, LINE, inputs[0])
    tracks = follow(step, points, inputs)
    assert tracks.status.startswith("stopped early")
    counts = tracks.n_points.tolist()
    n_done = counts.index(0)
    assert counts == [3] * n_done + [0] * (len(inputs) - n_done)


def test_bad_arguments_are_refused() -> None:
    points = find_fixed_points(tanh2, LINE, [0.0])
    with pytest.raises(TypeError, match="points of find_fixed_points, got Tensor"):
        follow(tanh2, points.states, ramp(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one fixed point"):
        follow(tanh2, points[:0], ramp(3))
    with pytest.raises(ValueError, match="one trial"):
        follow(tanh2, points, ramp(3)[None])
    with pytest.raises(ValueError, match="one trial"):
        follow(bits(), find_fixed_points(bits(), torch.randn(99, 3)), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="under the first input"):
        follow(tanh2, points, ramp(3))
    tracks = follow(tanh2, points, ramp(3, 0.0, 0.1))
    with pytest.raises(ValueError, match="step between 0 and 3, got 4"):
        tracks.at(4)
    with pytest.raises(TypeError, match="whole number"):
        tracks.at(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least two networks"):
        follow_training([tanh2], LINE)


# ---------------------------------------------------------------------- along a training


def unit_of(w: float, b: float, kind: type = RNN) -> RNN:
    rnn = kind(1, 1, 1).double()
    rnn.w_rec.weight.data.fill_(w)
    rnn.w_rec.bias.data.fill_(b)
    return rnn


@pytest.mark.parametrize("kind", [RNN, RateRNN])
@pytest.mark.parametrize(
    ("b", "at", "bifurcation"), [(0.0, 1.0, "pitchfork"), (0.05, FOLD_W, "fold")]
)
def test_the_pitchfork_and_the_fold_of_one_unit_are_dated(
    kind: type, b: float, at: float, bifurcation: str
) -> None:
    weak, strong = unit_of(0.5, b, kind), unit_of(2.0, b, kind)
    tracks = follow_training([weak, strong, weak], LINE)
    birth, death = tracks.events
    assert (birth.kind, birth.bifurcation, len(birth.branches)) == ("birth", bifurcation, 2)
    assert 0.5 + 1.5 * birth.time == pytest.approx(at, abs=1e-10)
    assert (death.kind, death.bifurcation) == ("death", bifurcation)
    assert 2.0 - 1.5 * (death.time - 1) == pytest.approx(at, abs=1e-10)
    assert tracks.n_points.tolist() == [1, 3, 1]
    assert tracks.balance


def checkpoints(seed: int, n_units: int = 16) -> tuple[list[RNN], Tensor]:
    """Return the networks before and after each epoch of a short training, and some states."""
    rnn, task = RNN(2, n_units, 2, seed=seed), FlipFlop(n_bits=2, seed=seed)
    data, kept = task.batch(320), []
    for _ in range(5):
        copy = RNN(2, n_units, 2)
        copy.load_state_dict(rnn.state_dict())
        kept.append(copy.double())
        rnn.fit(
            torch.utils.data.TensorDataset(data.inputs, data.targets, data.mask),
            epochs=1,
            progress=False,
            seed=seed,
        )
    states = rnn.predict(data.inputs[:16]).states.double()
    return kept, torch.cat(
        [states.reshape(-1, n_units)[::7], 0.3 * torch.randn(50, n_units).double()]
    )


@pytest.mark.parametrize("seed", range(3))
def test_all_points_of_a_training_are_accounted_for(seed: int) -> None:
    networks, states = checkpoints(seed)
    tracks = follow_training(networks, states)
    assert tracks.balance, tracks.status
    for k, network in enumerate(networks):
        searched = find_fixed_points(network, states, progress=False)
        assert len(tracks.at(k)) == len(searched)
        assert distance(tracks.at(k).states, searched.states) < 1e-9
    counts = tracks.n_points.tolist()
    assert counts[-1] > counts[0]
    for k in range(len(networks) - 1):
        events = [e for e in tracks.events if k < e.time < k + 1]
        n_born = sum(len(e.branches) for e in events if e.kind == "birth")
        n_dead = sum(len(e.branches) for e in events if e.kind == "death")
        assert counts[k] - n_dead == counts[k + 1] - n_born


def test_twice_as_many_checkpoints_date_the_same_events() -> None:
    networks, states = checkpoints(0)
    finer = [networks[0]]
    for a, b in pairwise(networks):
        between = RNN(2, 16, 2).double()
        for name, value in between.named_parameters():
            ends = dict(a.named_parameters())[name], dict(b.named_parameters())[name]
            value.data = (ends[0] + ends[1]).data / 2
        finer += [between, b]
    coarse = [e.time for e in follow_training(networks, states).events]
    fine = [e.time / 2 for e in follow_training(finer, states).events]
    assert len(coarse) > 0
    assert fine == pytest.approx(coarse, abs=1e-6)


def test_networks_of_torch_and_functions_are_followed_by_mixing_their_maps() -> None:
    a, b = (GRU(1, 3, 1, seed=seed) for seed in range(2))
    tracks = follow_training([a, b], torch.randn(50, 3))
    searched = find_fixed_points(b, torch.randn(50, 3), progress=False)
    assert tracks.balance
    assert distance(tracks.at(1).states, searched.states) < 1e-9


def test_tracks_are_saved(tmp_path) -> None:
    tracks = follow(tanh2, find_fixed_points(tanh2, LINE, [-1.0]), ramp(10))
    again = Tracks.load(tracks.save(tmp_path / "tracks.npz"))
    assert again.summary() == tracks.summary()
    assert isinstance(again.at(5), FixedPoints)
    rnn = bits((2.0,))
    tracks = follow(rnn, find_fixed_points(rnn, LINE), ramp(10, 0.0, 1.0))
    again = Tracks.load(tracks.save(tmp_path / "tracks.npz"))
    assert torch.equal(again.at(1).jacobians, tracks.at(1).jacobians)
