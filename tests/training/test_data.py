"""Batches of any dataset: padded, masked, checked, in an order that a seed fixes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from pyrnn import CTRNN, RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training.data import Batch, batches, collate, n_batches, prepare
from pyrnn.training.losses import mse

N = 10
INPUTS = torch.arange(N * 4, dtype=torch.float64).reshape(N, 4, 1)
DATA = TensorDataset(INPUTS, -INPUTS)


class Items(Dataset):
    """A dataset in its plainest form, of trials of different length."""

    def __init__(self, lengths: tuple[int, ...] = (3, 5, 2), mask: bool = False):
        self.lengths, self.mask = lengths, mask

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> tuple[Tensor, ...]:
        rng = torch.Generator().manual_seed(i)
        inputs = torch.randn(self.lengths[i], 2, generator=rng)
        fields = inputs, inputs.cumsum(0)[:, :1]
        return (*fields, torch.rand(self.lengths[i], generator=rng)) if self.mask else fields


class Fetched(Items):
    calls = 0

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, ...]]:
        self.calls += 1
        return [self[i] for i in indices]


class Stream(IterableDataset):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter([(x, -x) for x in INPUTS])


def visited(dataset: object, **options: int) -> list[int]:
    found = batches(dataset, 3, **options)
    return [int(trial[0, 0] / 4) for batch in found for trial in batch.inputs]


# ------------------------------------------------------------------ order


def test_own_order_without_a_seed() -> None:
    assert visited(DATA) == list(range(N))


def test_order_is_that_of_the_seed() -> None:
    assert visited(DATA, order_seed=1) == visited(DATA, order_seed=1)
    assert visited(DATA, order_seed=1) != visited(DATA, order_seed=2)
    assert sorted(visited(DATA, order_seed=1)) == list(range(N))


@pytest.mark.parametrize("dataset", [DATA, Stream(), DataLoader(DATA, batch_size=3)])
def test_skipped_batches_are_the_first_ones(dataset: object) -> None:
    assert visited(dataset, skip=2) == list(range(6, N))


def test_number_of_batches() -> None:
    assert n_batches(DATA, 3) == 4
    assert n_batches(DataLoader(DATA, batch_size=5), 3) == 2
    assert n_batches(Stream(), 3) is None


# ------------------------------------------------------------------ kinds of datasets


@pytest.mark.parametrize(
    "dataset",
    [DATA, [DATA[i] for i in range(N)], DataLoader(DATA, batch_size=4), Stream()],
    ids=["tensors", "list", "loader", "stream"],
)
def test_kinds_of_datasets_show_the_same_trials(dataset: object) -> None:
    found = list(batches(dataset, 4))
    assert [len(batch.inputs) for batch in found] == [4, 4, 2]
    assert_close(torch.cat([batch.inputs for batch in found]), INPUTS)
    assert_close(torch.cat([batch.targets for batch in found]), -INPUTS)


def test_many_trials_are_fetched_at_once() -> None:
    dataset = Fetched()
    plain = next(batches(Items(), 3))
    fetched = next(batches(dataset, 3))
    assert dataset.calls == 1
    assert all(torch.equal(a, b) for a, b in zip(plain, fetched, strict=True))


def test_a_task_makes_its_batch_itself() -> None:
    task = FlipFlop(n_bits=2, seed=1)
    assert_close(next(batches(task, 5)).inputs, task.batch(5).inputs)


def test_arrays_will_do() -> None:
    dataset = [(np.ones((4, 2)), np.zeros(4, dtype=np.int64))]
    assert next(batches(dataset, 1)).targets.dtype == torch.int64


# ------------------------------------------------------------------ variable lengths


@pytest.mark.parametrize("mask", [False, True])
def test_padding_never_enters_the_loss(mask: bool) -> None:
    """The loss of a padded batch is that of its trials one by one, every scored step alike."""
    dataset, rnn = Items((3, 7, 2, 5), mask=mask), CTRNN(2, 6, 1, seed=0)
    torch.nn.init.normal_(rnn.w_out.weight)
    together = prepare(collate([dataset[i] for i in range(4)]), rnn)
    loss = mse(rnn(together.inputs).outputs, together.targets, together.mask)
    total, weight = torch.tensor(0.0), torch.tensor(0.0)
    for i in range(4):
        inputs, targets, *rest = dataset[i]
        steps = rest[0] if mask else torch.ones(len(inputs))
        total = total + mse(rnn(inputs).outputs, targets, steps) * steps.sum()
        weight = weight + steps.sum()
    assert_close(loss, total / weight)


def test_gradient_of_padding_is_zero_too() -> None:
    dataset, rnn = Items((3, 7)), CTRNN(2, 6, 1, seed=0)
    torch.nn.init.normal_(rnn.w_out.weight)
    gradients = []
    for filler in (0.0, 5.0):
        batch = prepare(collate([dataset[0], dataset[1]]), rnn)
        batch.inputs[0, 3:] = filler
        rnn.zero_grad()
        mse(rnn(batch.inputs).outputs, batch.targets, batch.mask).backward()
        gradients.append(rnn.w_rec.weight.grad.clone())
    assert_close(*gradients)


def test_fit_on_trials_of_any_length_is_fit_on_them_one_by_one() -> None:
    """Done by hand: one step of gradient descent on the mean over scored steps."""
    dataset = Items((3, 7, 2))
    fitted, by_hand = (RNN(2, 4, 1, seed=0) for _ in range(2))
    options = {"optimizer": "sgd", "lr": 0.1, "clip_norm": None, "progress": False}
    history = fitted.fit(dataset, epochs=1, **options)
    errors = torch.cat(
        [
            (by_hand(inputs).outputs - targets).square()
            for inputs, targets in dataset_items(dataset)
        ]
    )
    errors.mean().backward()
    assert history.epochs["loss"][0] == pytest.approx(float(errors.mean().detach()))
    for mine, theirs in zip(fitted.parameters(), by_hand.parameters(), strict=True):
        assert_close(mine, theirs - 0.1 * theirs.grad)


def dataset_items(dataset: Items) -> list[tuple[Tensor, ...]]:
    return [dataset[i] for i in range(len(dataset))]


def test_loss_does_not_depend_on_the_batch_size() -> None:
    options = {"epochs": 1, "optimizer": "sgd", "lr": 1e-12, "progress": False}
    losses = [
        RNN(2, 4, 1, seed=0).fit(Items((3, 7, 2, 6, 4)), batch_size=size, **options).epochs["loss"]
        for size in (1, 2, 3, 5)
    ]
    assert losses == [pytest.approx(losses[0])] * 4


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        ([], ValueError, "at least one trial, got an empty one"),
        (DataLoader([]), ValueError, "at least one"),
        ([(torch.zeros(4, 2),)], TypeError, r"\(inputs, targets, mask\), got 1 fields"),
        ([torch.zeros(4, 2)], TypeError, "got Tensor"),
        ([("a", "b")], TypeError, "arrays of numbers, got str, str"),
        (
            [(torch.zeros(4, 2) * 1j, torch.zeros(4, 1))],
            TypeError,
            "real numbers, got torch.compl",
        ),
        ([(torch.zeros(4), torch.zeros(4))], ValueError, r"got shapes \[\(4,\), \(4,\)\]"),
        ([(torch.zeros(4, 2), torch.zeros(3, 1))], ValueError, r"as many time steps.*\(3, 1\)"),
        ([(torch.zeros(4, 3), torch.zeros(4, 1))], ValueError, r"\(trials, time, 2\), got \(1, 4"),
        ([(torch.zeros(4, 2), torch.zeros(4, 2))], ValueError, r"targets of shape \(1, 4, 1\)"),
        ([(torch.zeros(4, 2), torch.zeros(4))], ValueError, "or integer classes of shape"),
        (
            [(torch.zeros(4, 2), torch.ones(4, dtype=torch.long))],
            ValueError,
            r"classes in 0..0 \(output_size\), got 1..1",
        ),
        (
            [(torch.zeros(4, 2), torch.zeros(4, 1), torch.zeros(4, 3))],
            ValueError,
            r"mask of shape \(1, 4\) or \(1, 4, 1\), got \(1, 4, 3\)",
        ),
        (
            [(torch.zeros(4, 2), torch.zeros(4, 1), torch.tensor([1.0, 1.0, -0.5, 1.0]))],
            ValueError,
            "mask of weights >= 0, got -0.5",
        ),
        (
            [(torch.full((4, 2), torch.nan), torch.zeros(4, 1))],
            ValueError,
            r"finite inputs, got nan at \[0, 0, 0\] \(trial, time, channel\)",
        ),
        ([(torch.zeros(4, 2), torch.full((4, 1), torch.inf))], ValueError, "finite targets"),
        ("a text", TypeError, "torch Dataset or DataLoader of .* got str"),
        (3, TypeError, "torch Dataset or DataLoader of .* got int"),
    ],
)
def test_bad_datasets(dataset: object, error: type, message: str) -> None:
    rnn = RNN(2, 4, 1)
    before = [p.detach().clone() for p in rnn.parameters()]
    with pytest.raises(error, match=message):
        rnn.fit(dataset, progress=False)
    assert all(torch.equal(p, q) for p, q in zip(before, rnn.parameters(), strict=True))


def test_a_class_that_is_not_scored_may_be_unknown() -> None:
    """A mask that leaves a step out trains with classes as it does with numbers."""
    classes, mask = torch.tensor([0, 1, 99, -100]), torch.tensor([1.0, 1.0, 0.0, 0.0])
    soft = torch.tensor([[1.0, 0.0], [0.0, 1.0], [torch.nan, 0.0], [0.0, torch.nan]])
    inputs = torch.randn(4, 2)
    options = {"loss": "cross_entropy", "epochs": 2, "seed": 0, "progress": False}
    losses = [
        RNN(2, 4, 2, seed=0).fit([(inputs, targets, mask)], **options).loss
        for targets in (classes, soft, torch.tensor([0, 1, 0, 0]))
    ]
    assert losses[0] == losses[2] == pytest.approx(losses[1])


def test_types_become_those_of_the_network() -> None:
    rnn = RNN(2, 4, 1).float()
    batch = Batch(
        torch.zeros(1, 4, 2).double(), torch.zeros(1, 4, 1).int(), torch.ones(1, 4).bool()
    )
    assert [field.dtype for field in prepare(batch, rnn)] == [torch.float32] * 3


def trial(n_steps=5, n_in=2, masked=False):
    fields = torch.zeros(n_steps, n_in), torch.zeros(n_steps, 1)
    return (*fields, torch.ones(n_steps)) if masked else fields


def test_a_mask_comes_with_every_trial_or_with_none():
    with pytest.raises(ValueError, match=r"a mask with every trial .* got one with some"):
        collate([trial(), trial(masked=True)])


def test_trials_of_a_batch_have_the_same_channels():
    with pytest.raises(ValueError, match=r"inputs of the same channels .* got shapes \(5, 2\)"):
        collate([trial(), trial(n_in=3)])


def test_a_loader_of_unequal_trials_is_told_how_to_pad_them():
    trials = [trial(5), trial(7)]
    with pytest.raises(ValueError, match=r"collate_fn=pyrnn\.training\.collate"):
        list(batches(DataLoader(trials, batch_size=2), 2))
    (batch,) = batches(DataLoader(trials, batch_size=2, collate_fn=collate), 2)
    assert batch.mask.sum(1).tolist() == [5, 7]
