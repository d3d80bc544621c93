from __future__ import annotations

import pytest
import torch
from scipy import stats

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
