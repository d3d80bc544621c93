"""Runs on data loaders that were cut go on as if they had not been, or are refused."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from pyrnn import CTRNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import L2, ActivityL2, mse
from tests.training.cases import assert_same

DATA = TensorDataset(
    torch.randn(24, 6, 2, generator=torch.Generator().manual_seed(0)),
    torch.randn(24, 6, 1, generator=torch.Generator().manual_seed(1)),
)


class Noisy(TensorDataset):
    """A dataset that draws from torch's global generator."""

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        inputs, targets = super().__getitem__(index)
        return inputs + 0.1 * torch.randn_like(inputs), targets


def _own() -> torch.Generator:
    return torch.Generator().manual_seed(5)


class Stream(IterableDataset):
    """Trials in an order of torch's global generator."""

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for i in torch.randperm(24).tolist():
            yield DATA[i]


LOADERS: dict[str, Callable[[], Any]] = {
    "noisy dataset": lambda: Noisy(*DATA.tensors),
    "stream": Stream,
    "batches of a stream": lambda: DataLoader(Stream(), 4),
    "shuffled": lambda: DataLoader(DATA, 4, shuffle=True),
    "own generator": lambda: DataLoader(DATA, 4, shuffle=True, generator=_own()),
    "generator of the sampler": lambda: DataLoader(
        DATA, 4, sampler=RandomSampler(DATA, generator=_own())
    ),
    "with replacement": lambda: DataLoader(
        DATA, 4, sampler=RandomSampler(DATA, replacement=True, num_samples=80, generator=_own())
    ),
    "weights": lambda: DataLoader(
        DATA, 4, sampler=WeightedRandomSampler(torch.arange(1.0, 25.0), 24)
    ),
    "subset": lambda: DataLoader(DATA, 4, sampler=SubsetRandomSampler(range(2, 22))),
    "in order": lambda: DataLoader(DATA, 4),
    "noisy": lambda: DataLoader(Noisy(*DATA.tensors), 4, shuffle=True),
    "workers": lambda: DataLoader(DATA, 4, shuffle=True, num_workers=1),
}


class Forgetful(CTRNN):
    """A network that draws from torch's global generator, too."""

    def readout(self, states: Tensor) -> Tensor:
        return super().readout(nn.functional.dropout(states, 0.2, training=self.training))


def _make() -> CTRNN:
    return Forgetful(2, 8, 1, noise=0.1, seed=0)


def _fit(rnn: CTRNN, loader: DataLoader, **options: object):
    options = {"epochs": 4, "seed": 3, "progress": False, "loss": mse, "batch_size": 4} | options
    return rnn.fit(loader, **options)


def _stops_at(step: int) -> Callable[[object, object], Tensor]:
    """Return a penalty during which somebody presses Ctrl-C."""
    calls = [0]

    def press(rnn: object, rollout: object) -> Tensor:
        calls[0] += 1
        if calls[0] == step:
            signal.raise_signal(signal.SIGINT)
        return torch.zeros(())

    return press


@pytest.mark.parametrize("step", [2, 6, 9])
@pytest.mark.parametrize("name", LOADERS)
def test_a_run_that_was_cut_goes_on_as_if_it_had_not_been(
    name: str, step: int, tmp_path: Path
) -> None:
    """Six batches an epoch: cut within one, at the end of one, and within the next."""
    whole, cut, again, path = _make(), _make(), _make(), tmp_path / "run.pt"
    history = _fit(whole, LOADERS[name](), penalties={"press": _stops_at(0)})
    _fit(cut, LOADERS[name](), penalties={"press": _stops_at(step)}, checkpoint=path)
    assert cut.history.n_steps == step
    _fit(again, LOADERS[name](), penalties={"press": _stops_at(0)}, checkpoint=path, resume=True)
    assert again.history.loss == history.loss
    assert_same(again, whole)


class _Drawing(TensorDataset):
    """A dataset with a generator that no file holds."""

    def __init__(self) -> None:
        super().__init__(*DATA.tensors)
        self.rng = np.random.default_rng(0)


class _Every(Sampler[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(24))

    def __len__(self) -> int:
        return 24


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (
            lambda: DataLoader(DATA, 4, num_workers=1, persistent_workers=True),
            "got persistent workers",
        ),
        (lambda: DataLoader(DATA, 4, sampler=_Every()), "got the sampler _Every"),
        (lambda: _Drawing(), "got one with a Generator of its own"),
        (lambda: DataLoader(_Drawing(), 4), "got one with a Generator of its own"),
    ],
)
def test_loaders_that_cannot_repeat_their_order_are_refused(
    loader: Callable[[], DataLoader], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    _fit(_make(), loader(), epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match=message):
        _fit(_make(), loader(), epochs=2, checkpoint=path, resume=True)


# ------------------------------------------------------------------------- what has changed


def other_mse(outputs: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
    return 2 * mse(outputs, targets, mask)


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        ({}, {"loss": other_mse}, "loss='other_mse' after 'mse'"),
        ({}, {"penalties": L2(0.1)}, "penalties="),
        ({"penalties": L2(0.1)}, {"penalties": L2(0.2)}, "penalties="),
        ({"penalties": L2(0.1)}, {"penalties": ActivityL2(0.1)}, "penalties="),
        ({"scheduler": "cosine"}, {}, "scheduler='None' after 'cosine'"),
        ({"scheduler": "cosine"}, {"scheduler": "linear"}, "scheduler='linear' after 'cosine'"),
        ({"optimizer": "sgd"}, {}, "optimizer='Adam' after 'SGD'"),
        (
            {"optimizer": partial(torch.optim.SGD, momentum=0.5)},
            {"optimizer": partial(torch.optim.SGD, momentum=0.9)},
            "options of the optimizer=.*0.9.* after .*0.5",
        ),
        ({"loss": lambda y, t, m: (y - t).mean()}, {"loss": lambda y, t, m: y.mean()}, "loss="),
    ],
)
def test_what_has_changed_is_named(before: dict, now: dict, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    _fit(_make(), DATA, epochs=2, checkpoint=path, **before)
    with pytest.raises(ValueError, match=message):
        _fit(_make(), DATA, epochs=2, checkpoint=path, resume=True, **now)


def test_another_dataset_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    _fit(_make(), DATA, epochs=2, checkpoint=path)
    fewer = TensorDataset(*(tensor[:20] for tensor in DATA.tensors))
    with pytest.raises(
        ValueError, match="dataset='TensorDataset of 20' after 'TensorDataset of 24'"
    ):
        _fit(_make(), fewer, epochs=2, checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (DATA, TensorDataset(DATA.tensors[0] + 1, DATA.tensors[1])),
        (DataLoader(DATA, 4), DataLoader(TensorDataset(*(-t for t in DATA.tensors)), 4)),
        (
            FlipFlop(n_bits=2, n_trials=8, duration=100.0),
            FlipFlop(n_bits=2, n_trials=8, duration=200.0),
        ),
    ],
)
def test_other_trials_of_a_dataset_alike_are_noticed(
    before: object, now: object, tmp_path: Path
) -> None:
    path, size = tmp_path / "run.pt", 2 if isinstance(before, FlipFlop) else 1
    _fit(CTRNN(2, 8, size, seed=0), before, epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match="contents of the dataset="):
        _fit(CTRNN(2, 8, size, seed=0), now, epochs=2, checkpoint=path, resume=True)


@pytest.mark.parametrize("scheduler", ["cosine", "linear", "exponential"])
def test_more_epochs_than_the_scheduler_was_made_for_are_refused(
    scheduler: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.pt"
    _fit(_make(), DATA, epochs=2, checkpoint=path, scheduler=scheduler)
    with pytest.raises(ValueError, match="epochs=4 after 2"):
        _fit(_make(), DATA, epochs=4, checkpoint=path, scheduler=scheduler, resume=True)


def test_more_epochs_without_a_scheduler_are_those_of_one_run(tmp_path: Path) -> None:
    path, whole, again = tmp_path / "run.pt", _make(), _make()
    _fit(_make(), DATA, epochs=2, checkpoint=path)
    _fit(again, DATA, epochs=4, checkpoint=path, resume=True)
    _fit(whole, DATA, epochs=4)
    assert_same(again, whole)


def test_another_order_of_a_loader_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    _fit(_make(), DataLoader(DATA, 4), epochs=2, checkpoint=path)
    with pytest.raises(ValueError, match=r"RandomSampler' after .*SequentialSampler'"):
        _fit(_make(), DataLoader(DATA, 4, shuffle=True), epochs=4, checkpoint=path, resume=True)


def test_functions_written_anew_are_the_same(tmp_path: Path) -> None:
    """They are compared by what they do, not by identity."""
    for epochs in (1, 3):
        rnn = _make()
        _fit(
            rnn,
            TensorDataset(*(tensor.clone() for tensor in DATA.tensors)),
            epochs=epochs,
            loss=lambda y, t, m: (y - t).square().mean(),
            penalties=lambda rnn, rollout: rollout.states.square().mean(),
            scheduler=lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [3, 5]),
            checkpoint=tmp_path / "run.pt",
            resume=True,
        )
    assert rnn.history.n_epochs == 3
