from __future__ import annotations

import copy
import pickle

import pytest
import torch

from pyrnn.tasks import Trial, stack_trials


def make(n_steps=4, **info):
    inputs = torch.arange(2.0 * n_steps).reshape(n_steps, 2)
    return Trial(inputs, inputs[:, :1], info=info, epochs={"go": (0.0, 10.0 * n_steps)})


def test_a_trial_is_a_tuple_of_three():
    trial = make(coherence=0.5)
    inputs, targets, mask = trial
    assert len(trial) == 3
    assert inputs is trial.inputs
    assert targets is trial.targets
    assert torch.equal(mask, torch.ones(4))
    assert trial.info == {"coherence": 0.5}


@pytest.mark.parametrize("duplicate", [copy.copy, lambda t: pickle.loads(pickle.dumps(t))])
def test_a_copy_is_a_complete_trial(duplicate):
    trial = duplicate(make(coherence=0.5))
    assert isinstance(trial, Trial)
    assert trial.info == {"coherence": 0.5}
    assert trial.epochs == {"go": (0.0, 40.0)}
    assert torch.equal(trial.inputs, make().inputs)


def test_short_trials_are_padded_with_steps_that_are_not_scored():
    batch = stack_trials([make(2), make(4)])
    assert batch.mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert torch.equal(batch.inputs[0, 2:], torch.zeros(2, 2))
    assert torch.equal(batch.epochs["go"], torch.tensor([[0.0, 20.0], [0.0, 40.0]]))


def test_unbind_undoes_stack():
    trials = [make(3, delay=100.0, rule="pro"), make(3, delay=200.0, rule="anti")]
    batch = stack_trials(trials)
    assert torch.equal(batch.info["delay"], torch.tensor([100.0, 200.0]))
    for ours, theirs in zip(batch.unbind(), trials, strict=True):
        assert torch.equal(ours.inputs, theirs.inputs)
        assert ours.info == theirs.info


def test_classes_stay_integers_in_another_precision():
    trial = Trial(torch.zeros(3, 2), torch.tensor([0, 1, 2])).to(torch.float32)
    assert trial.targets.dtype == torch.int64
    assert trial.inputs.dtype == trial.mask.dtype == torch.float32


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((torch.zeros(5), torch.zeros(5, 1)), r"inputs of shape \(time, input_size\), got"),
        ((torch.zeros(5, 2), torch.zeros(4, 1)), r"targets of shape \(5, 'output_size'\)"),
        ((torch.zeros(5, 2), torch.zeros(5)), "targets of shape"),
        ((torch.zeros(5, 2), torch.zeros(5, 1), torch.ones(5, 1)), "mask of shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Trial(*fields)


def test_trials_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="at least one trial, got none"):
        stack_trials([])
    with pytest.raises(ValueError, match="inputs like the first"):
        stack_trials([make(), Trial(torch.zeros(4, 3), torch.zeros(4, 1))])
    with pytest.raises(ValueError, match="same names"):
        stack_trials([make(delay=1.0), make()])
