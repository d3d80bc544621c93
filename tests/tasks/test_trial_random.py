from __future__ import annotations

import pytest
import torch
from scipy import stats

from pyrnn import tasks
from pyrnn.tasks import TrialRandom


@pytest.mark.parametrize("method", ["uniform", "normal", "sign"])
def test_a_row_depends_on_its_trial_only(method):
    batch, alone = TrialRandom(3, [7, 0, 5]), TrialRandom(3, [5])
    for shape in ((4, 3), (), (17,)):
        assert torch.equal(getattr(batch, method)(*shape)[2], getattr(alone, method)(*shape)[0])


def test_uniform_and_normal_follow_their_laws():
    draws = TrialRandom(0, range(200))
    assert stats.kstest(draws.uniform(100).flatten(), "uniform").pvalue > 0.01
    assert stats.kstest(draws.normal(101).flatten(), "norm").pvalue > 0.01
    assert stats.kstest(TrialRandom(1, range(20_000)).uniform().flatten(), "uniform").pvalue > 0.01


def test_neighboring_trials_seeds_and_draws_are_uncorrelated():
    by_trial = TrialRandom(0, range(2)).normal(10_000)
    by_seed = torch.cat([TrialRandom(seed, [0]).normal(10_000) for seed in range(3)])
    draws = TrialRandom(0, [0])
    by_draw = torch.cat([draws.normal(10_000) for _ in range(3)])
    for rows in (by_trial, by_seed, by_draw):
        correlations = torch.corrcoef(rows) - torch.eye(len(rows))
        assert correlations.abs().max() < 0.04


def test_integers_and_choice_cover_their_range_evenly():
    counts = torch.bincount(TrialRandom(0, range(10)).integers(2, 6, 1000).flatten())
    assert counts[:2].sum() == 0
    assert stats.chisquare(counts[2:]).pvalue > 0.01
    assert set(TrialRandom(0, range(50)).choice([1.5, 2.5]).tolist()) == {1.5, 2.5}


def test_choices_are_exact_in_any_default_precision():
    torch.set_default_dtype(torch.float32)
    assert set(TrialRandom(0, range(20)).choice([6.4, 12.8]).tolist()) == {6.4, 12.8}


def test_generators_are_reproducible_and_distinct():
    first, second = (torch.rand(3, generator=g) for g in TrialRandom(0, [4, 5]).generators())
    (again,) = (torch.rand(3, generator=g) for g in TrialRandom(0, [5]).generators())
    assert torch.equal(second, again)
    assert not torch.equal(first, second)


def test_negative_and_huge_seeds_are_welcome():
    assert not torch.equal(TrialRandom(-1, [0]).uniform(3), TrialRandom(2**70 + 5, [0]).uniform(3))


@pytest.mark.parametrize("seed", [1.5, "1", None, True, torch.tensor(1.5)])
def test_a_seed_is_an_integer(seed):
    with pytest.raises(TypeError, match=r"expected seed to be a whole number, got"):
        TrialRandom(seed, [0])


def test_the_stream_does_not_change_between_versions():
    """Seeds in a paper must give the same trials years later."""
    draws = TrialRandom(7, [0, 1, 1000])
    uniform = [0.950161381935685, 0.609394524568175, 0.45889041926958796]
    normal = [0.45353981852531433, -1.2687153816223145, -1.6325770616531372]
    assert draws.uniform().tolist() == pytest.approx(uniform, abs=1e-12)
    assert draws.normal().tolist() == pytest.approx(normal, abs=1e-6)
    assert draws.integers(0, 100).tolist() == [90, 99, 65]
    assert draws.sign().tolist() == [1.0, 1.0, 1.0]


SUMS = {
    "ContextIntegration": (31.539621072, 1.0),
    "CountOnes": (30.0, 155.0),
    "CountPulses": (13.022037336, 10.0),
    "DelayedMatchToSample": (50.478791103, -50.0),
    "DelayedResponse": (-55.765092029, 56.844722562),
    "FlipFlop": (19.0, 150.0),
    "HeadingIntegrator": (2.678741352, 99.697060291),
    "IntervalDiscrimination": (48.054239432, 15.0),
    "MultisensoryIntegration": (41.104349733, 5.0),
    "ParametricWorkingMemory": (26.576485432, -5.0),
    "PerceptualDecision": (41.034119854, 2.0),
    "PulseToChirp": (51.124756407, 71.111177543),
    "ReadySetGo": (131.178438711, 27.717948718),
    "SineGenerator": (53.529411765, 30.18311801),
    "WhiteNoiseIntegrator": (0.888576433, 14.075618859),
}


@pytest.mark.parametrize("name", SUMS)
def test_the_trials_of_a_task_do_not_change_between_versions(name):
    inputs, targets = getattr(tasks, name)(seed=1, n_trials=8)[3][:2]
    sums = float(inputs.double().sum()), float(targets.double().sum())
    assert sums == pytest.approx(SUMS[name], abs=1e-4)
