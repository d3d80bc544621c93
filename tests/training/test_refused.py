"""What fit refuses or warns of: clearly, once, and before the weights are spoilt."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import pyrnn
from pyrnn import CTRNN, RNN
from pyrnn.tasks import FlipFlop
from tests.training.cases import TASK, fit, make


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs to be a whole number of at least 1, got 0"),
        ({"epochs": 2.5}, TypeError, "epochs to be a whole number of at least 1, got 2.5"),
        ({"epochs": True}, TypeError, "epochs to be a whole number of at least 1, got True"),
        ({"batch_size": 0}, ValueError, "batch_size to be a whole number of at least 1, got 0"),
        ({"batch_size": "all"}, TypeError, "batch_size to be a whole number of at least 1"),
        ({"lr": "fast"}, TypeError, "lr to be a number > 0, got 'fast'"),
        ({"lr": torch.inf}, ValueError, "lr to be a number > 0, got inf"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm to be a number > 0, got 0.0"),
        ({"clip_norm": torch.nan}, ValueError, "clip_norm to be a number > 0, got nan"),
        ({"clip_value": -1.0}, ValueError, "clip_value to be a number > 0, got -1.0"),
        ({"shuffle": "no"}, TypeError, "shuffle to be True or False, got 'no'"),
        ({"progress": 0}, TypeError, "progress to be True or False, got 0"),
        ({"resume": "yes"}, TypeError, "resume to be True or False, got 'yes'"),
        ({"checkpoint": 3}, TypeError, "checkpoint to be a path of a file, got 3"),
        ({"device": "gpu"}, ValueError, "expected device to be a device of this machine"),
        ({"curriculum": [1, 2]}, TypeError, "expected a Curriculum, got list"),
        ({"callbacks": 3}, TypeError, "expected callbacks to be .* got 3"),
        ({"validation": torch.nan}, ValueError, "validation to be a number, got nan"),
        ({"optimizer": 3}, TypeError, "expected an optimizer's name"),
        ({"scheduler": 3}, TypeError, "expected a scheduler's name"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every to be a whole number"),
        ({"validation": 3}, TypeError, "validation to be a dataset or a share.*got int"),
        ({"validation": 1.5}, ValueError, "trials in both parts, got 1.5"),
        ({"resume": True}, ValueError, "checkpoint=.* for resume=True"),
        ({"learning_rate": 3}, TypeError, "unexpected keyword argument 'learning_rate'"),
    ],
)
def test_refused_arguments(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fit(make(), **options)


def test_a_dictionary_is_no_dataset() -> None:
    with pytest.raises(TypeError, match=r"Dataset or DataLoader of .*, got dict"):
        make().fit({"inputs": torch.zeros(8, 5, 1)}, progress=False)


def test_share_of_a_loader() -> None:
    with pytest.raises(TypeError, match="dataset of its own for a loader, got a share"):
        make().fit(DataLoader(TASK), validation=0.1, progress=False)


def test_all_of_a_loader() -> None:
    with pytest.raises(TypeError, match="batch_size as a number for a DataLoader, got None"):
        make().fit(DataLoader(TASK), batch_size=None, progress=False)


def test_losses_of_the_wrong_kind_are_named() -> None:
    rnn, task = RNN(2, 4, 2), FlipFlop(n_bits=2, n_trials=8)
    with pytest.raises(TypeError, match="expected loss to return a tensor with one number"):
        rnn.fit(task, loss=lambda outputs, targets, mask: outputs - targets, progress=False)
    with pytest.raises(TypeError, match="TensorDataset"):
        rnn.fit((torch.zeros(4, 5, 2), torch.zeros(4, 5, 2)), progress=False)


def test_a_loss_of_nan_stops_before_the_weights_are_spoilt() -> None:
    rnn = make(activation="relu")
    with pytest.raises(
        FloatingPointError, match=r"finite \w+, got \w+: the weights have grown too large"
    ):
        fit(rnn, optimizer="sgd", lr=1e150, epochs=20)
    assert all(bool(p.isfinite().all()) for p in rnn.parameters())
    assert rnn.history.n_steps > 0


def test_nan_in_the_validation_set_is_told() -> None:
    bad = [(torch.full((4, 1), torch.nan), torch.zeros(4, 1))]
    with pytest.raises(ValueError, match="finite inputs, got nan"):
        fit(make(), validation=bad)


def test_scheduler_of_a_stream_of_unknown_length() -> None:
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter([(torch.zeros(4, 1), torch.zeros(4, 1))] * 3)

    with pytest.raises(ValueError, match="dataset with a length for scheduler='cosine'"):
        make().fit(Stream(), scheduler="cosine", progress=False)
    assert make().fit(Stream(), epochs=2, batch_size=2, progress=False).n_steps == 4


def test_network_that_cannot_be_saved_is_refused_before_training(tmp_path: Path) -> None:
    rnn = RNN(2, 4, 2, activation=lambda x: x.tanh())
    with pytest.raises(ValueError, match="named on load"):
        rnn.fit(FlipFlop(n_bits=2, n_trials=8), checkpoint=tmp_path / "x.pt", progress=False)
    assert rnn.history is None or rnn.history.n_steps == 0


@pytest.mark.parametrize(("cls", "warns"), [(CTRNN, True), (RNN, False)])
def test_steps_of_another_length_than_the_task_s(
    cls: type, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Only where a time constant gives the steps of the network a meaning."""
    cls(1, 4, 1, dt=20.0).fit(TASK, epochs=1, progress=False)
    assert ("the task makes steps of 10 ms, the network of 20" in caplog.text) is warns
    caplog.clear()
    cls(1, 4, 1, dt=10.0).fit(TASK, epochs=1, progress=False)
    assert not caplog.records


def test_a_mask_of_zeros_teaches_nothing() -> None:
    trials = [(torch.zeros(4, 1), torch.zeros(4, 1), torch.zeros(4))] * 2
    with pytest.raises(ValueError, match="scores some step, got zeros for a whole epoch"):
        make().fit(trials, progress=False)
    scored = (torch.zeros(4, 1), torch.zeros(4, 1), torch.ones(4))
    assert make().fit([scored, *trials], batch_size=1, epochs=1, progress=False).n_steps == 3


def test_a_loss_without_a_gradient() -> None:
    with pytest.raises(TypeError, match=r"loss that depends.*got one without a grad"):
        fit(make(), loss=lambda outputs, targets, mask: (outputs.detach() - targets).mean())


# ------------------------------------------------------------------------------------- masks


def _masked(mask: Tensor) -> TensorDataset:
    rng = torch.Generator().manual_seed(0)
    data = (torch.randn(4, 6, 1, generator=rng) for _ in range(2))
    return TensorDataset(*data, mask)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_weights_of_a_mask_are_finite_and_not_negative(bad: float) -> None:
    mask = torch.ones(4, 6)
    mask[2, 3] = bad
    with pytest.raises(ValueError, match=f"expected a mask of weights >= 0, got {bad:g}"):
        RNN(1, 4, 1).fit(_masked(mask), progress=False)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_batches_without_a_scored_step_weigh_nothing(batch_size: int) -> None:
    """Half of the trials teach nothing, and no metric fails on them."""

    class HalfMuted(FlipFlop):
        def trial(self, rng: torch.Generator):
            made = super().trial(rng)
            return made._replace(mask=made.mask * float(torch.rand((), generator=rng) < 0.5))

    task = HalfMuted(n_bits=1, n_trials=8, duration=100.0, seed=1)
    history = RNN(1, 4, 1).fit(
        task, epochs=2, batch_size=batch_size, validation=task, progress=False
    )
    assert np.isfinite(history.loss).all()


def test_targets_that_are_not_scored_are_never_blamed() -> None:
    data = _masked(torch.ones(4, 6))
    data.tensors[2][0, 0] = 0
    data.tensors[1][0, 0] = math.nan
    assert RNN(1, 4, 1).fit(data, epochs=1, progress=False).n_epochs == 1
    data.tensors[1][1, 2] = math.inf
    with pytest.raises(
        ValueError, match=r"expected finite targets, got inf at \[\d, 2, 0\].*a mask"
    ):
        RNN(1, 4, 1).fit(data, progress=False)
    data.tensors[1][1, 2] = 0.0
    with pytest.raises(FloatingPointError, match="the weights have grown too large"):
        RNN(1, 4, 1).fit(data, loss=lambda y, t, m: y.sum() * math.nan, progress=False)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_last_update_to_nan_is_seen_before_the_checkpoint_is_written(
    tmp_path: Path, is_kept: bool
) -> None:
    """No loss is taken after the last step."""
    path, rnn = tmp_path / "run.pt", RNN(1, 4, 1)
    with pytest.raises(FloatingPointError, match="expected finite weights after step 1"):
        rnn.fit(
            FlipFlop(n_bits=1, n_trials=8),
            epochs=1,
            lr=1e308,
            optimizer="sgd",
            clip_norm=None,
            penalties=lambda rnn, rollout: 1e8 * rollout.outputs.sum() + rnn.w_out.weight.sum(),
            checkpoint=path if is_kept else None,
            progress=False,
        )
    assert not is_kept or all(p.isfinite().all() for p in pyrnn.load(path).parameters())


def test_a_callback_that_spoils_the_weights_does_not_spoil_the_checkpoint(tmp_path: Path) -> None:
    path, rnn = tmp_path / "run.pt", RNN(1, 4, 1, seed=0)

    def spoil(training: object) -> None:
        with torch.no_grad():
            rnn.w_rec.weight.fill_(math.nan)

    with pytest.raises(FloatingPointError, match="or a callback has changed them"):
        rnn.fit(
            FlipFlop(n_bits=1, n_trials=8),
            epochs=1,
            callbacks=spoil,
            checkpoint=path,
            progress=False,
        )
    assert all(p.isfinite().all() for p in pyrnn.load(path).parameters())
