from __future__ import annotations

import numpy as np
import pytest

from pyrnn.recordings import spike_rates


def test_counts_are_those_of_a_histogram():
    rng = np.random.default_rng(0)
    units = [rng.uniform(0, 10, 400) for _ in range(3)]  # in no order
    trials = spike_rates(units, [1.0, 4.0], [3.0, 8.0], dt=50.0)
    assert [trial.shape for trial in trials] == [(40, 3), (80, 3)]
    for trial, start, stop in zip(trials, (1, 4), (3, 8), strict=True):
        for k, unit in enumerate(units):
            counts, _ = np.histogram(unit, np.linspace(start, stop, len(trial) + 1))
            np.testing.assert_allclose(trial[:, k] * 0.05, counts)


def test_smoothing_is_a_gaussian_that_loses_no_spike():
    (rates,) = spike_rates([[0.5025], [0.0]], 0.0, 1.0, dt=5.0, smoothing=50.0)
    t = np.arange(0.0025, 1, 0.005)
    expected = np.exp(-(((t - 0.5025) / 0.05) ** 2) / 2) / (0.05 * (2 * np.pi) ** 0.5)
    np.testing.assert_allclose(rates[:, 0], expected, atol=0.01)
    np.testing.assert_allclose(rates.sum(0) * 0.005, [1, 1])


def test_a_step_that_is_not_whole_is_left_out():
    (rates,) = spike_rates([[0.09]], 0.0, 0.095, dt=10.0)
    assert rates.shape == (9, 1)
    assert rates.sum() == 0
    (rates,) = spike_rates([[]], 0.0, 0.3, dt=100.0)  # 0.3 / 0.1 is less than 3
    assert rates.shape == (3, 1)


def test_columns_of_matlab_are_trials():
    """MATLAB has no arrays of one axis."""
    start, stop = np.array([[0.0], [1.0]]), np.array([[0.5], [1.5]])
    first, second = spike_rates([np.array([[0.1], [1.1], [1.2]])], start, stop, dt=500.0)
    assert (first.tolist(), second.tolist()) == ([[2.0]], [[4.0]])


def test_impossible_trials_are_refused():
    with pytest.raises(ValueError, match=r"a start and a stop of each trial, got 2 and 1"):
        spike_rates([[0.1]], [0.0, 1.0], [1.0], dt=10.0)
    with pytest.raises(ValueError, match=r"at least dt = 10 ms .* 1 and 1.005 s in trial 1"):
        spike_rates([[0.1]], [0.0, 1.0], [1.0, 1.005], dt=10.0)
    with pytest.raises(ValueError, match=r"nan and 1 s in trial 0"):
        spike_rates([[0.1]], np.nan, 1.0, dt=10.0)
    with pytest.raises(ValueError, match="dt to be a number > 0"):
        spike_rates([[0.1]], 0.0, 1.0, dt=0.0)
