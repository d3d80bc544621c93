from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import r2_score

from pyrnn.tasks.scores import (
    angle_between,
    angle_error,
    choice_accuracy,
    class_accuracy,
    last_class_accuracy,
    last_scored,
    last_value_accuracy,
    r_squared,
    sign_accuracy,
)

SCORES = [angle_error, choice_accuracy, last_value_accuracy, r_squared, sign_accuracy]


def test_r_squared_is_that_of_scikit_learn():
    targets = torch.randn(20, 30, 1)
    outputs = targets + torch.randn(20, 30, 1)
    mask = (torch.rand(20, 30) < 0.4).double()
    expected = r2_score(
        targets[..., 0].flatten(), outputs[..., 0].flatten(), sample_weight=mask.flatten()
    )
    assert r_squared(outputs, targets, mask) == pytest.approx(expected)


def test_r_squared_of_a_constant_target():
    constant = torch.ones(2, 5, 1)
    assert r_squared(constant, constant, torch.ones(2, 5)) == 1
    assert r_squared(constant + 1, constant, torch.ones(2, 5)) == -math.inf


def test_weights_weigh():
    outputs, targets = torch.tensor([[1.0], [-1.0]]), torch.ones(2, 1)
    assert sign_accuracy(outputs, targets, torch.tensor([3.0, 1.0])) == 0.75
    logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    assert class_accuracy(logits, torch.tensor([0, 1]), torch.tensor([3.0, 1.0])) == 0.75


def test_angles_wrap_around():
    a, b = (torch.tensor([[math.cos(x), math.sin(x)]]) for x in (3.0, -3.0))
    assert float(angle_between(a, b)) == pytest.approx(6.0 - 2 * math.pi)
    assert angle_error(a, b, torch.ones(1)) == pytest.approx(math.degrees(2 * math.pi - 6.0))


def test_the_last_scored_step_is_each_trials_own():
    values = torch.arange(8.0).reshape(2, 4, 1)
    mask = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 1.0]])
    assert last_scored(values, mask).tolist() == [[1.0], [7.0]]


def test_the_end_of_a_trial_is_its_last_scored_step():
    mask = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    logits = torch.tensor([[[0, 1], [1, 0], [0, 1]], [[0, 1], [0, 1], [1, 0]]]).double()
    assert last_class_accuracy(logits, torch.tensor([[9, 0, 1], [0, 0, 1]]), mask) == 0.5
    targets = torch.tensor([[[7.0, 7], [3, 4], [7, 7]], [[7, 7], [7, 7], [3, 4]]])
    outputs = targets + torch.tensor([[[9.0, 9], [0.4, 0.4], [9, 9]], [[0, 0], [0, 0], [0.6, 0]]])
    assert last_value_accuracy(outputs, targets, mask) == 0.5


@pytest.mark.parametrize("score", SCORES)
def test_outputs_of_another_length_are_refused(score):
    with pytest.raises(ValueError, match=r"outputs \(2, 5, 'output_size'\) .* got \(2, 4, 2\)"):
        score(torch.zeros(2, 4, 2), torch.zeros(2, 5, 2), torch.ones(2, 5))


@pytest.mark.parametrize("score", SCORES)
def test_a_mask_that_scores_nothing_is_refused(score):
    with pytest.raises(ValueError, match="a mask that scores some steps, got one without"):
        score(torch.zeros(2, 5, 2), torch.zeros(2, 5, 2), torch.zeros(2, 5))


def test_zero_outputs_are_at_chance():
    """An untrained network, whose readout is zero, had an accuracy of 0 where chance is 1/2."""
    mask, targets = torch.ones(6, 5), torch.tensor([1.0, -1.0])[torch.randint(0, 2, (6, 5, 3))]
    assert sign_accuracy(torch.zeros(6, 5, 3), targets, mask) == 0.5
    assert choice_accuracy(torch.zeros(6, 5, 1), targets[..., :1], mask) == 0.5
    classes = torch.randint(0, 4, (6, 5))
    assert class_accuracy(torch.zeros(6, 5, 4), classes, mask) == 0.25
    assert last_class_accuracy(torch.zeros(6, 5, 4), classes, mask) == 0.25


def test_ties_count_as_a_guess_among_those_that_share_the_largest_output():
    outputs = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [3.0, 3.0, 3.0]])
    classes = torch.tensor([1, 2, 1, 0])
    expected = (1 / 2 + 0 + 1 + 1 / 3) / 4
    assert class_accuracy(outputs, classes, torch.ones(4)) == pytest.approx(expected)
    last = last_class_accuracy(outputs[:, None], classes[:, None], torch.ones(4, 1))
    assert last == pytest.approx(expected)
    signs = torch.tensor([[[1.0], [0.0], [-2.0], [0.0]]])
    assert sign_accuracy(signs, torch.ones(1, 4, 1), torch.ones(1, 4)) == 0.5
    cancelled = torch.tensor([[[1.0], [-1.0]], [[1.0], [0.0]]])
    assert choice_accuracy(cancelled, torch.ones(2, 2, 1), torch.ones(2, 2)) == 0.75


def test_nan_outputs_are_wrong():
    nan, ones = torch.full((2, 3, 1), torch.nan), torch.ones(2, 3, 1)
    for score in (sign_accuracy, choice_accuracy, last_value_accuracy):
        assert score(nan, ones, torch.ones(2, 3)) == 0
    for score in (class_accuracy, last_class_accuracy):
        assert score(nan.expand(2, 3, 2), ones[..., 0].long(), torch.ones(2, 3)) == 0


@pytest.mark.parametrize("score", SCORES)
def test_negative_weights_are_refused(score):
    with pytest.raises(ValueError, match="weights >= 0, got negative ones"):
        score(torch.zeros(2, 5, 2), torch.zeros(2, 5, 2), torch.ones(2, 5) - 2 * torch.eye(2, 5))
