from __future__ import annotations

import pytest
import torch

from pyrnn.tasks import CountOnes, CountPulses


def test_ones_are_counted():
    task = CountOnes()
    for trial in task.batch(20).unbind():
        symbols = trial.inputs[::5, 0].tolist()
        assert trial.inputs[:, 0].tolist() == [s for s in symbols for _ in range(5)]
        assert len(symbols) == 10
        assert set(symbols) <= {0.0, 1.0}
        count = 0
        for k, symbol in enumerate(symbols):
            count += symbol
            assert trial.targets[5 * k + 4, 0] == count
        assert trial.info["count"] == count
        assert trial.mask.tolist() == [0.0] * 49 + [1.0]


def test_ones_and_zeros_are_equally_likely():
    assert abs(CountOnes().batch(2000).info["count"].double().mean() - 5) < 0.15


def test_pulses_are_counted():
    task = CountPulses(noise=0.0)
    for inputs, targets, mask in task.batch(40).unbind():
        count, previous = 0, 0.0
        for t in range(40):
            slot, within = divmod(t, 5)
            assert within < 3 or inputs[t, 0] == 0
            assert slot < 8
            count += inputs[t, 0] > previous
            previous = inputs[t, 0]
            assert inputs[t, 1] == mask[t] == targets[t, 0] == 0
        assert (inputs[40:] == torch.tensor([0.0, 1.0])).all()
        assert (targets[40:, 0] == count).all()
        assert (mask[40:] == 1).all()


def test_counts_and_slots_are_equally_likely():
    batch = CountPulses(noise=0.0).batch(6000)
    shares = torch.bincount(batch.info["count"], minlength=6) / 6000
    assert (shares - 1 / 6).abs().max() < 0.02
    used = batch.inputs[:, 0:40:5, 0].mean(0)
    assert (used - used.mean()).abs().max() < 0.03


@pytest.mark.parametrize(("shift", "correct"), [(0.4, 1.0), (-0.4, 1.0), (0.6, 0.0)])
def test_the_answer_is_rounded(shift, correct):
    for task in (CountOnes(), CountPulses()):
        _, targets, mask = task.batch(20)
        assert task.accuracy(targets + shift, targets, mask) == correct


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (CountOnes, {"length": 0}, "length to be a whole number of at least 1, got 0"),
        (CountOnes, {"symbol": 0.0}, "symbol to last at least dt = 20.0 ms, got 0.0"),
        (CountPulses, {"max_count": 9}, "max_count = 9 > 0 slots, got 8"),
        (CountPulses, {"pulse": 100.0}, "pulse between dt = 20.0 ms and slot"),
        (CountPulses, {"decision": 0.0}, "decision to last at least dt"),
    ],
)
def test_impossible_parameters_are_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
