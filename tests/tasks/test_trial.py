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
    "options",
    [
        ((), {"device": "meta", "dtype": torch.float32}),
        (("meta", torch.float32), {}),
        ((torch.zeros(1, device="meta", dtype=torch.float32),), {}),
    ],
)
def test_a_trial_moves_like_a_tensor(options):
    """Up to 0.1 ``to`` took a dtype only."""
    args, kwargs = options
    trial = Trial(torch.zeros(3, 2), torch.tensor([0, 1, 2]), None, {"c": torch.ones(2)})
    moved = trial.to(*args, **kwargs)
    assert [f.device.type for f in (*moved, moved.info["c"])] == ["meta"] * 4
    dtypes = [f.dtype for f in (*moved, moved.info["c"])]
    assert dtypes == [torch.float32, torch.int64, torch.float32, torch.float64]
    assert trial.inputs.device.type == "cpu"


def test_a_move_keeps_precision_and_metadata():
    trial = Trial(torch.zeros(3, 2), torch.zeros(3, 1), None, {"rule": "pro"}, {"go": (0.0, 3.0)})
    moved = trial.to("meta")
    assert moved.inputs.dtype == moved.targets.dtype == torch.float64
    assert (moved.info, moved.epochs) == (trial.info, trial.epochs)
    assert trial.to("cpu").inputs is trial.inputs
    with pytest.raises(TypeError, match=r"dtype of real numbers, got torch\.int64"):
        trial.to(torch.int64)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_trial_moves_to_the_gpu_and_back():
    trial = Trial(torch.rand(3, 2), torch.tensor([0, 1, 2]), None, {"c": torch.ones(2)})
    there = trial.to("cuda")
    assert [f.device.type for f in (*there, there.info["c"])] == ["cuda"] * 4
    back = there.to("cpu").to(torch.float32)
    assert torch.equal(back.inputs, trial.inputs.float())
    assert torch.equal(back.targets, trial.targets)


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
    with pytest.raises(TypeError, match="every trial to be a Trial, got a tuple"):
        stack_trials([make(), tuple(make())])
