"""What planted units and axes represent is found again."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from pyrnn import RateRNN
from pyrnn.interventions import lesion
from pyrnn.representation import (
    Clusters,
    ConditionMeans,
    Decoding,
    DemixedAxes,
    Selectivity,
    TaskVariance,
    cluster_units,
    condition_means,
    decode,
    demixed_axes,
    selectivity,
    targeted_axes,
    task_variance,
    valid_steps,
)
from pyrnn.tasks import ContextIntegration, MultiTask, ParametricWorkingMemory, Trial


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def factorial(rng, n_units=20, n_steps=6, n_repeats=1):
    """States along planted orthonormal axes of choice, motion and time."""
    axes = np.linalg.qr(rng.normal(size=(n_units, 3)))[0].T
    grid = list(product([-1.0, 1.0], [-0.5, 0.5, 1.0, -1.0]))
    choice, motion = np.array(grid * n_repeats).T
    ramp = np.linspace(0.2, 1, n_steps)
    states = (
        np.einsum("k,t,n->ktn", choice, ramp, axes[0])
        + np.einsum("k,t,n->ktn", motion, ramp[::-1] * 0.7, axes[1])
        + np.einsum("t,n->tn", np.sin(np.arange(n_steps)), axes[2])
        + rng.normal(size=n_units)
    )
    return states, {"choice": choice, "motion": motion}, axes


def test_condition_means_are_those_of_a_loop(rng):
    states = rng.normal(size=(40, 5, 3))
    variables = {"a": rng.integers(0, 2, 40), "b": rng.choice(["left", "right"], 40)}
    means = condition_means(states, variables)
    for mean, a, b, n in zip(
        means.states, *means.conditions.values(), means.n_trials, strict=True
    ):
        rows = (variables["a"] == a) & (variables["b"] == b)
        np.testing.assert_allclose(mean, states[rows].mean(0))
        assert n == rows.sum()
    assert means.labels[0] == "a = 0, b = left"
    assert len(means.to_pandas()) == 4


def test_padding_is_never_averaged_in(rng):
    task = ContextIntegration(stimulus=(200, 800), seed=0)
    batch = task.batch(32)
    valid = valid_steps(batch, task.dt)
    states = np.where(valid[..., None], 1.0, 1e6)
    means = condition_means(states, batch, ["context"], valid=valid).states
    assert np.nanmax(means) == 1.0
    lengths = valid.sum(1)
    np.testing.assert_array_equal(lengths, (batch.mask * torch.arange(1, 1 + 69)).amax(1))
    trials = [torch.ones(n, 2) for n in lengths]
    assert np.nanmax(condition_means(trials, batch, ["context"]).states) == 1.0
    delay = valid_steps(batch, task.dt, "delay")
    assert set(delay.sum(1)) == {5}
    with pytest.raises(ValueError, match="'rest'"):
        valid_steps(batch, task.dt, "rest")
    assert valid_steps(Trial(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1)), 1.0).all()


@pytest.mark.slow
def test_null_units_are_found_in_one_of_twenty(rng):
    states = rng.normal(size=(60, 1, 2000))
    variables = {"choice": rng.integers(0, 2, 60), "motion": rng.normal(size=60)}
    found = selectivity(states, variables, n_permutations=999, rng=0)
    share = (found.p <= 0.05).mean((1, 2))
    assert ((share > 0.04) & (share < 0.06)).all(), share
    assert found.is_selective.sum() <= 2


def test_pure_and_mixed_units_are_found(rng):
    choice, motion = rng.integers(0, 2, 200), rng.normal(size=200)
    rates = np.stack([choice, motion, choice + motion, np.zeros(200)], 1)
    states = (rates + 0.5 * rng.normal(size=rates.shape) * [1, 1, 1, 0])[:, None]
    found = selectivity(states, {"choice": choice, "motion": motion}, rng=0)
    assert found.kinds("whole trial") == ["pure", "pure", "mixed", "none"]
    assert found.is_selective[:, 0, :2].tolist() == [[True, False], [False, True]]
    assert found.p.min() == 1 / 1001


def test_correlated_variables_are_told_apart(rng):
    motion = rng.normal(size=400)
    choice = (motion + 0.5 * rng.normal(size=400) > 0).astype(int)
    states = (motion[:, None] + 0.5 * rng.normal(size=(400, 50)))[:, None]
    found = selectivity(states, {"choice": choice, "motion": motion}, n_permutations=200, rng=0)
    assert found.n_selective.tolist() == [[0], [50]]
    slope, *_ = np.linalg.lstsq(
        np.stack([np.ones(400), choice, motion], 1), states[:, 0], rcond=None
    )
    null, *_ = np.linalg.lstsq(np.stack([np.ones(400), choice], 1), states[:, 0], rcond=None)
    full = ((states[:, 0] - np.stack([np.ones(400), choice, motion], 1) @ slope) ** 2).sum(0)
    less = ((states[:, 0] - np.stack([np.ones(400), choice], 1) @ null) ** 2).sum(0)
    np.testing.assert_allclose(found.effect[1, 0], 1 - full / less)


def test_epochs_are_tested_apart(rng):
    choice = np.tile([0, 1], 30)
    states = 0.1 * rng.normal(size=(60, 10, 1))
    states[:, 5:, 0] += choice[:, None]
    early = np.arange(10) < 5
    epochs = {"early": np.tile(early, (60, 1)), "late": np.tile(~early, (60, 1))}
    found = selectivity(states, {"choice": choice}, epochs=epochs, rng=0)
    assert found.n_selective.tolist() == [[0, 1]]
    assert found.kinds("late") == ["pure"]
    with pytest.raises(ValueError, match="determined by"):
        selectivity(states, {"a": choice, "b": 1 - choice})


def test_task_variance_is_that_of_the_formula(rng):
    states = rng.normal(size=(30, 4, 5)) * rng.uniform(1, 2, 5)
    task = np.repeat([0, 1, 2], 10)
    found = task_variance(states, {"task": task})
    for k in range(3):
        part = states[task == k]
        np.testing.assert_allclose(found.variance[k], part.var(0).mean(0))
    assert found.normalized.max(0) == pytest.approx(np.ones(5))
    with pytest.raises(ValueError, match="got 'x'"):
        found.fractional("x", "0")


def test_blocks_of_units_are_the_clusters(rng):
    """Each block of a network varies in its own tasks only."""
    truth = rng.permutation(np.repeat(np.arange(4), 12))
    gain = np.eye(4)[:, truth] + 0.02
    task = np.repeat(np.arange(4), 50)
    states = gain[task][:, None] * rng.normal(size=(200, 3, 48))
    clusters = cluster_units(task_variance(states, {"task": task}), rng=0)
    assert clusters.n_clusters == 4
    assert len(set(zip(clusters.labels.tolist(), truth.tolist(), strict=True))) == 4
    assert clusters.status == "complete"
    assert clusters.labels[0] == 0
    noise = cluster_units(rng.normal(size=(60, 8)), [5], rng=0)
    assert noise.status.startswith("undecided")


def test_lesions_of_clusters_impair_their_own_tasks_only(rng):
    """Each of three blocks of a network does one task, and has no connection to the others."""
    block = np.eye(3)[rng.permutation(np.repeat(np.arange(3), 8))]
    rnn = RateRNN(3, 24, 3, tau=20.0, dt=10.0, seed=0)
    for layer, weight in ((rnn.w_in, block), (rnn.w_rec, block @ block.T), (rnn.w_out, block.T)):
        layer.weight = torch.tensor(weight) / 8
        if layer.bias is not None:
            layer.bias = torch.zeros_like(layer.bias)
    task, sign = np.repeat(np.arange(3), 40), rng.choice([-1.0, 1.0], 120)
    inputs = torch.tensor(sign[:, None, None] * np.eye(3)[task][:, None]).repeat(1, 5, 1)
    variance = task_variance(rnn.predict(inputs).states, {"task": task})
    clusters = cluster_units(variance, rng=0)
    effects = lesion(rnn, inputs, [clusters.units(k) for k in range(clusters.n_clusters)])
    answers = effects.outputs[:, np.arange(120), -1, task].numpy() * sign
    loss = 1 - (answers > 0).reshape(3, 3, 40).mean(-1)
    np.testing.assert_array_equal(loss, clusters.is_selective)
    assert sorted(loss.argmax(1)) == [0, 1, 2]


def test_units_that_never_vary_are_in_no_cluster():
    profiles = np.repeat(np.eye(3), 4, axis=0)
    profiles[0] = np.nan
    assert cluster_units(profiles, rng=0).labels.tolist() == [-1] + [0] * 3 + [1] * 4 + [2] * 4
    with pytest.raises(ValueError, match="from 2 to 3"):
        cluster_units(profiles, 7)


def test_targeted_axes_are_the_planted_ones(rng):
    states, variables, axes = factorial(rng)
    found = targeted_axes(states, variables, ["motion", "choice"])
    assert found.labels == ("motion", "choice")
    np.testing.assert_allclose(found.components, axes[[1, 0]], atol=1e-10)
    along = found.transform(states)[:, -1]
    centered = along - found.transform(states.mean((0, 1)))
    assert (np.sign(centered[:, 1]) == variables["choice"]).all()


def test_noise_is_averaged_out_of_targeted_axes(rng):
    states, variables, axes = factorial(rng, n_repeats=100)
    noisy = states + 0.5 * rng.normal(size=states.shape)
    found = targeted_axes(noisy, variables, n_components=3)
    assert (np.abs((found.components * axes[:2]).sum(1)) > 0.99).all()


def test_targeted_axes_are_orthogonal_in_the_given_order(rng):
    first, second = np.array([1.0, 0, 0]), np.array([1.0, 1, 0]) / 2**0.5
    a, b = np.array(list(product([-1.0, 1], [-1.0, 1]))).T
    states = (a[:, None] * first + b[:, None] * second)[:, None]
    found = targeted_axes(states, {"a": a, "b": b})
    np.testing.assert_allclose(found.components, [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    free = targeted_axes(states, {"a": a, "b": b}, orthogonalize=False)
    np.testing.assert_allclose(free.components, [first, second], atol=1e-12)
    with pytest.raises(ValueError, match="linearly independent"):
        targeted_axes(states, {"a": a, "twice": 2 * a})
    with pytest.raises(ValueError, match="3 names"):
        targeted_axes(states, {"a": ["x", "y", "z", "x"]})


def test_names_count_as_numbers(rng):
    states, variables, axes = factorial(rng)
    named = np.where(variables["choice"] > 0, "right", "left")
    found = targeted_axes(states, {"choice": named, "motion": variables["motion"]})
    np.testing.assert_allclose(found.components, axes[:2], atol=1e-10)


def test_demixed_axes_are_the_planted_ones(rng):
    states, variables, axes = factorial(rng)
    found = demixed_axes(states, variables, n_components=1)
    assert found.names == ("time 1", "choice 1", "motion 1")
    cosines = np.abs((found.encoders * axes[[2, 0, 1]]).sum(1))
    assert cosines[1:] == pytest.approx(np.ones(2), abs=1e-8)
    assert found.variance["choice × motion"] == pytest.approx(0, abs=1e-12)
    assert sum(found.variance.values()) == pytest.approx(1)
    along = found.projection.transform(states)[..., 1].reshape(2, 4, 6)
    assert np.ptp(along, axis=1).max() < 1e-8  # the axis of choice does not see motion
    assert (along[1] - along[0] != 0).all()


def test_interactions_have_axes_of_their_own(rng):
    axes = np.linalg.qr(rng.normal(size=(8, 3)))[0].T
    a, b = np.array(list(product([-1.0, 1], [-1.0, 1]))).T
    states = (a[:, None] * axes[0] + b[:, None] * axes[1] + (a * b)[:, None] * axes[2])[:, None]
    found = demixed_axes(states, {"a": a, "b": b})
    assert found.names == ("a 1", "b 1", "a × b 1")
    np.testing.assert_allclose(np.abs(found.decoders @ axes.T), np.eye(3), atol=1e-10)
    np.testing.assert_allclose(found.explained, 1 / 3)
    with pytest.raises(ValueError, match="all 4 combinations"):
        demixed_axes(states[:3], {"a": a[:3], "b": b[:3]})


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0])
def test_decoders_reach_the_bayes_rate_of_gaussians(rng, distance, estimator):
    labels = np.tile([0, 1], 2000)
    states = rng.normal(size=(4000, 2, 3))
    states[..., 0] += distance * (labels[:, None] - 0.5)
    decoding = decode(states, labels, estimator=estimator)
    rate = norm.cdf(distance / 2)
    assert decoding.accuracy == pytest.approx([rate, rate], abs=0.025)
    assert decoding.chance == 0.5
    assert (decoding.low < rate).all()


def test_a_code_that_rotates_is_not_read_at_other_times(rng):
    labels = np.tile([0, 1], 100)
    states = 0.1 * rng.normal(size=(200, 3, 3))
    for t in range(3):
        states[:, t, t] += labels
    accuracy = decode(states, labels, cross_temporal=True).accuracy
    assert np.diagonal(accuracy) == pytest.approx(np.ones(3))
    assert accuracy[~np.eye(3, dtype=bool)].max() < 0.75


@pytest.mark.parametrize(("is_abstract", "expected"), [(True, 1.0), (False, 0.0)])
def test_only_an_abstract_code_generalizes(rng, is_abstract, expected):
    """Where the second context turns the code around, the decoder is always wrong."""
    choice, context = np.array(list(product([0, 1], [0, 1])) * 50).T
    sign = 1 if is_abstract else 1 - 2 * context
    states = np.stack([sign * (choice - 0.5), 0 * choice], 1)[:, None]
    states = states + 0.01 * rng.normal(size=states.shape)
    assert decode(states, choice, across=context).accuracy == pytest.approx([expected])
    with pytest.raises(ValueError, match="two different"):
        decode(states, choice, across=0 * context)


def test_steps_that_no_trial_has_are_unknown(rng):
    labels = np.tile([0, 1], 20)
    states = labels[:, None, None] + 0.1 * rng.normal(size=(40, 3, 2))
    states[:, 2] = np.nan
    decoding = decode(states, labels)
    assert np.isnan(decoding.accuracy).tolist() == [False, False, True]
    assert decoding.n_trials.tolist() == [40, 40, 0]
    with pytest.raises(ValueError, match="two labels"):
        decode(states, 0 * labels)


def test_results_are_saved_and_shown(rng, tmp_path):
    states, variables, _ = factorial(rng, n_repeats=10)
    states = states + rng.normal(size=states.shape)
    names = np.where(variables["choice"] > 0, "right", "left")
    results = [
        condition_means(states, {"choice": names}),
        selectivity(states, variables, n_permutations=20),
        task_variance(states, {"task": names}),
        cluster_units(states[0].T, 2),
        demixed_axes(states, variables),
        decode(states, names),
    ]
    kinds = (ConditionMeans, Selectivity, TaskVariance, Clusters, DemixedAxes, Decoding)
    for result, kind in zip(results, kinds, strict=True):
        assert isinstance(result, kind)
        again = kind.load(result.save(tmp_path / "result.npz"))
        assert again.to_pandas().equals(result.to_pandas())
        assert again.summary() == result.summary()


def test_wrong_states_and_variables_are_refused(rng):
    with pytest.raises(ValueError, match=r"states\[:, None\]"):
        condition_means(np.zeros((3, 2)), {"a": [1, 2, 3]})
    with pytest.raises(ValueError, match="each of 3 trials"):
        condition_means(np.zeros((3, 2, 1)), {"a": [1, 2]})
    with pytest.raises(ValueError, match="got 'b'"):
        condition_means(np.zeros((3, 2, 1)), {"a": [1, 2, 3]}, ["b"])
    with pytest.raises(TypeError, match="by to be a list of names, got 'a'"):
        condition_means(np.zeros((3, 2, 1)), {"a": [1, 2, 3]}, "a")
    with pytest.raises(ValueError, match="one value per step"):
        condition_means(np.zeros((3, 2, 1)), {"a": [1, 2, 3]}, valid=np.ones(3))


def test_tasks_of_a_mixture_have_their_names():
    task = MultiTask({"a": ParametricWorkingMemory(), "b": ParametricWorkingMemory()}, seed=0)
    batch = task.batch(16)
    found = task_variance(batch.inputs, batch, names=tuple(task.tasks))
    assert found.tasks == ("a", "b")
