from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from pyrnn.statistics import wilson_interval


@pytest.mark.parametrize("n", [1, 2, 7, 40, 5000])
def test_the_interval_is_that_of_scipy(n):
    counts = np.unique(np.linspace(0, n, 9).round().astype(int))
    low, high = wilson_interval(counts, n)
    for k, ours in zip(counts, zip(low, high, strict=True), strict=True):
        expected = binomtest(int(k), n).proportion_ci(method="wilson")
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)


def test_counts_and_trials_are_broadcast():
    low, high = wilson_interval(np.ones((3, 1)), [2, 5])
    assert low.shape == high.shape == (3, 2)
    assert (low < high).all()
    one = wilson_interval(16, 32)
    assert [float(end) for end in one] == pytest.approx([0.336, 0.664], abs=1e-3)


def test_the_interval_covers_the_probability_19_times_in_20():
    rng = np.random.default_rng(0)
    for p in (0.1, 0.5, 0.8):
        low, high = wilson_interval(rng.binomial(50, p, 4000), 50)
        assert abs(((low <= p) & (p <= high)).mean() - 0.95) < 0.025


@pytest.mark.parametrize(("count", "n"), [(3, 2), (-1, 2), (0, 0), ([1, 2], [2, 1])])
def test_impossible_counts_are_refused(count, n):
    with pytest.raises(ValueError, match="expected 0 <= count <= n"):
        wilson_interval(count, n)
