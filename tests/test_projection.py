from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from pyrnn import RNN
from pyrnn.projection import Projection, as_trials


@pytest.fixture
def states():
    rng = np.random.default_rng(0)
    return rng.normal(size=(20, 30, 8)) * np.arange(1, 9) + 5.0


def test_axes_are_those_of_largest_variance(states):
    """Agrees with a singular value decomposition, up to the signs."""
    projection = Projection.fit(states, n_components=3)
    flat = states.reshape(-1, 8)
    _, sizes, axes = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs((projection.components * axes[:3]).sum(1)), 1, atol=1e-8)
    shares = sizes[:3] ** 2 / (sizes**2).sum()
    np.testing.assert_allclose(projection.explained_variance_ratio, shares)


def test_many_units_use_the_same_axes():
    flat = np.random.default_rng(0).normal(size=(400, 80)) * np.linspace(1, 5, 80)
    projection = Projection.fit(flat)
    _, _, axes = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs((projection.components * axes[:3]).sum(1)), 1, atol=1e-6)


def test_refitting_never_mirrors_the_picture(states):
    first, second = Projection.fit(states), Projection.fit(states[::-1].copy())
    np.testing.assert_allclose(first.components, second.components, atol=1e-6)


def test_mean_moves_points_but_not_directions(states):
    projection = Projection.fit(states)
    h, v = states[0, 0], np.random.default_rng(1).normal(size=8)
    moved = projection.transform(h + v) - projection.transform(h)
    np.testing.assert_allclose(projection.directions(v), moved, atol=1e-9)
    np.testing.assert_allclose(projection.transform(states).mean((0, 1)), 0, atol=1e-9)


def test_inverse_returns_to_the_drawn_plane(states):
    projection = Projection.fit(states, n_components=2)
    places = np.random.default_rng(2).normal(size=(5, 2))
    np.testing.assert_allclose(projection.transform(projection.inverse(places)), places)


def test_tensors_are_accepted(states):
    tensor = torch.tensor(states, requires_grad=True)
    projection = Projection.fit(tensor)
    np.testing.assert_allclose(projection.transform(tensor), projection.transform(states))


def test_basis_is_taken_as_it_is():
    basis = np.random.default_rng(0).normal(size=(6, 2))
    h = np.random.default_rng(1).normal(size=(4, 6))
    np.testing.assert_allclose(Projection.onto(basis).transform(h), h @ basis)
    assert Projection.onto(basis).labels == ("axis 1", "axis 2")


def test_fewer_axes_where_the_data_has_fewer(states):
    assert Projection.fit(states[..., :2]).components.shape == (2, 2)


def test_states_that_never_move_are_no_error():
    projection = Projection.fit(np.ones((4, 5, 6)))
    np.testing.assert_array_equal(projection.transform(np.ones(6)), np.zeros(3))
    assert projection.labels[0] == "PC1 (0%)"


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (np.ones(3), r"two states .* got shape \(3,\)"),
        (np.array([[1.0, np.nan], [0.0, 1.0]]), "got NaN"),
    ],
)
def test_states_without_components_are_refused(states, message):
    with pytest.raises(ValueError, match=message):
        Projection.fit(states)


def test_states_of_another_network_are_refused(states):
    with pytest.raises(ValueError, match=r"\(\.\.\., 8\), got \(2, 5\)"):
        Projection.fit(states).transform(np.zeros((2, 5)))


@pytest.mark.parametrize("shape", [(500, 20), (12, 40)])
def test_components_are_those_of_scikit_learn(shape):
    flat = np.random.default_rng(3).normal(size=shape) * np.linspace(1, 3, shape[1]) + 7
    ours, theirs = Projection.fit(flat, n_components=5), PCA(5, svd_solver="full").fit(flat)
    np.testing.assert_allclose(ours.explained_variance_ratio, theirs.explained_variance_ratio_)
    np.testing.assert_allclose(np.abs(np.sum(ours.components * theirs.components_, 1)), 1)
    np.testing.assert_allclose(ours.mean, theirs.mean_)


def test_trials_are_split_along_all_leading_axes():
    states = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    trials = as_trials(torch.tensor(states))
    assert len(trials) == 6
    np.testing.assert_array_equal(trials[4], states[1, 1])
    assert [trial.shape for trial in as_trials(states[0, 0])] == [(4, 5)]


def test_trials_may_differ_in_duration():
    rollout = RNN(2, 6, 1).predict(torch.zeros(3, 20, 2))
    assert [trial.shape for trial in as_trials(rollout)] == [(20, 6)] * 3
    trials = as_trials([torch.zeros(10, 6, requires_grad=True), np.zeros((25, 6))])
    assert [len(trial) for trial in trials] == [10, 25]


@pytest.mark.parametrize(
    ("states", "error", "message"),
    [
        (RNN(2, 6, 1), TypeError, "got RNN; pass states"),
        ("pca", TypeError, "real numbers, got <U3"),
        (np.zeros((5, 2), complex), TypeError, "got complex128"),
        ([], ValueError, r"got \[\]"),
        (np.zeros(5), ValueError, r"got \[\(5,\)\]"),
        (np.zeros((3, 0, 2)), ValueError, r"\(0, 2\)"),
        ([np.zeros((5, 3)), np.zeros((5, 4))], ValueError, r"got \[\(5, 3\), \(5, 4\)\]"),
        (np.full((5, 3), np.inf), ValueError, "finite"),
    ],
)
def test_what_are_no_trials_is_refused(states, error, message):
    with pytest.raises(error, match=message):
        as_trials(states)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: Projection.fit(np.eye(4), n_components=0), ValueError, "got 0"),
        (lambda: Projection.fit(np.eye(4), n_components=1.5), TypeError, "whole number"),
        (lambda: Projection.onto(np.ones(4)), ValueError, "column"),
        (lambda: Projection.onto(RNN(2, 6, 1)), TypeError, "got RNN; pass a matrix"),
    ],
)
def test_arguments_are_checked_at_once(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()


def test_axes_have_names_and_are_selected_by_them():
    space = Projection(np.eye(3), np.ones(3), names=("choice", "motion", "color"))
    plane = space.select("color", "choice")
    assert plane.labels == ("color", "choice")
    assert plane.transform([2.0, 3.0, 5.0]).tolist() == [4.0, 1.0]
    with pytest.raises(ValueError, match="got \\['context'\\]"):
        space.select("context")
    with pytest.raises(ValueError, match="3 axes"):
        Projection(np.eye(3), np.ones(3), names=("choice",))
