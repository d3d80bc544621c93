from __future__ import annotations

import pytest
import torch

from pyrnn.tasks import DelayedMatchToSample, ParametricWorkingMemory
from tests.tasks.laws import assert_follows


def test_delayed_match_follows_its_law():
    task = DelayedMatchToSample(noise=0.0)
    for trial in task.batch(20).unbind():
        sample, test = int(trial.info["sample"]), int(trial.info["test"])

        def rule(phase, elapsed, sample=sample, test=test):
            shown = [0, 0]
            if phase in ("sample", "test"):
                shown[sample if phase == "sample" else test] = 1
            decide = phase == "decision"
            return shown, [(1 if sample == test else -1) if decide else 0], float(decide)

        assert_follows(trial, 20.0, rule)


def test_half_of_the_trials_match_whatever_the_sample():
    info = DelayedMatchToSample().batch(3000).info
    table = torch.stack([info["sample"].double(), info["test"].double(), info["choice"]])
    assert (torch.corrcoef(table) - torch.eye(3)).abs().max() < 0.06
    assert info["choice"].mean().abs() < 0.06


@pytest.mark.parametrize("make", [DelayedMatchToSample, ParametricWorkingMemory])
def test_delays_cover_their_range(make):
    low, high = make().delay
    delay = make().batch(1000).info["delay"]
    assert low <= delay.min() < low + 50
    assert high - 50 < delay.max() <= high
    assert torch.equal(delay / 20, (delay / 20).round())


def test_parametric_memory_follows_its_law():
    task = ParametricWorkingMemory(noise=0.0)
    for trial in task.batch(30).unbind():
        f1, f2 = float(trial.info["f1"]), float(trial.info["f2"])
        assert tuple(sorted((f1, f2), reverse=True)) in task.pairs

        def rule(phase, elapsed, f1=f1, f2=f2):
            shown = {"first": f1 / 34, "second": f2 / 34}.get(phase, 0)
            decide = phase == "decision"
            return [shown], [(1 if f1 > f2 else -1) if decide else 0], float(decide)

        assert_follows(trial, 20.0, rule)


def test_order_cannot_be_told_from_the_first_frequency():
    """Each frequency that is in two pairs comes first as often as second, higher or lower."""
    info = ParametricWorkingMemory().batch(4000).info
    middle = info["f1"] == 18
    assert abs((info["choice"][middle] > 0).double().mean() - 0.5) < 0.06


def test_equal_frequencies_are_refused():
    with pytest.raises(ValueError, match="pairs of different frequencies"):
        ParametricWorkingMemory(pairs=((10, 10),))


def test_a_delay_shorter_than_a_step_is_refused():
    with pytest.raises(ValueError, match=r"expected delay to last 0 or at least dt = 20\.0 ms"):
        DelayedMatchToSample(delay=(5.0, 100.0))
    with pytest.raises(ValueError, match="choose a smaller dt"):
        DelayedMatchToSample(delay=[500.0, 4.0])
