from __future__ import annotations

import pytest
import torch

from pyrnn.tasks import Timeline, TrialRandom
from pyrnn.tasks._timeline import draw_spread


def test_phases_follow_one_another():
    time = Timeline(
        TrialRandom(0, range(50)), 10.0, {"a": 50.0, "b": (20.0, 60.0), "c": [10.0, 30.0]}
    )
    assert time.n_steps == 5 + 6 + 3
    order = torch.stack([time.during(name) for name in "abc"])
    assert (order.sum(0) <= 1).all()
    assert torch.equal(time.during("a", "c"), order.any(0))
    assert torch.equal(order.sum(-1), (torch.stack([time.duration(n) for n in "abc"]) / 10).long())
    assert set(time.duration("b").tolist()) == {20.0, 30.0, 40.0, 50.0, 60.0}
    assert set(time.duration("c").tolist()) == {10.0, 30.0}


def test_elapsed_time_is_counted_from_the_onset():
    time = Timeline(TrialRandom(0, [0]), 5.0, {"a": 10.0, "b": 10.0})
    assert time.elapsed("b").tolist() == [[-10.0, -5.0, 0.0, 5.0]]


def test_the_length_does_not_depend_on_what_is_drawn():
    lengths = {Timeline(TrialRandom(s, [0]), 10.0, {"a": (20.0, 90.0)}).n_steps for s in range(20)}
    assert lengths == {9}


def test_durations_may_be_given_per_trial():
    time = Timeline(TrialRandom(0, [0, 1]), 10.0, {"a": torch.tensor([20.0, 40.0])}, longest=60.0)
    assert time.n_steps == 6
    assert time.epochs["a"].tolist() == [[0.0, 20.0], [0.0, 40.0]]


@pytest.mark.parametrize("bad", [4.0, -20.0, float("nan")])
def test_durations_of_each_trial_are_checked(bad):
    durations = {"a": torch.tensor([0.0, 20.0, bad])}
    with pytest.raises(ValueError, match=f"a to last 0 or at least dt = 10.0 ms, got {bad}"):
        Timeline(TrialRandom(0, range(3)), 10.0, durations, longest=60.0)


def test_drawn_values_follow_their_kind():
    draws = TrialRandom(0, range(100))
    assert set(draw_spread(draws, 7).tolist()) == {7.0}
    assert set(draw_spread(draws, [1, 2, 3]).tolist()) == {1.0, 2.0, 3.0}
    spread = draw_spread(draws, (1.0, 3.0))
    assert 1 <= spread.min() < 1.2
    assert 2.8 < spread.max() < 3


@pytest.mark.parametrize(
    ("duration", "message"),
    [
        (4.0, "at least dt = 10.0 ms, got 4.0 ms; lengthen it or choose a smaller dt"),
        (-10.0, "got -10.0"),
        (float("nan"), "at least dt = 10.0 ms, got nan"),
        (float("inf"), "at least dt = 10.0 ms, got inf"),
        (torch.tensor([20.0]), "expected longest=... for a a of each trial, got none"),
        ((30.0, 10.0), "expected a to be a range"),
        ((10.0, 20.0, 30.0), "expected a to be a range"),
        ([], "to list some values, got none"),
    ],
)
def test_impossible_durations_are_refused(duration, message):
    with pytest.raises(ValueError, match=message):
        Timeline(TrialRandom(0, [0]), 10.0, {"a": duration})


def test_the_ends_of_a_range_are_half_as_likely_as_what_lies_between():
    """A range is drawn in ms and then rounded; a list of values is not."""
    n = 20000
    for durations, shares in (
        ((400.0, 500.0), [0.1, 0.2, 0.2, 0.2, 0.2, 0.1]),
        ([400.0, 420.0, 440.0, 460.0, 480.0, 500.0], [1 / 6] * 6),
    ):
        time = Timeline(TrialRandom(0, range(n)), 20.0, {"delay": durations})
        counts = (time.duration("delay") / 20).long().bincount(minlength=26)[20:]
        for count, share in zip(counts.tolist(), shares, strict=True):
            assert abs(count - n * share) < 4 * (n * share * (1 - share)) ** 0.5
