from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from pyrnn import CTRNN, GRU, RNN, RateRNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import train_force


def sine(n_steps=300, period=60):
    """A pulse of 20 steps, then a sine."""
    t = torch.arange(float(n_steps))
    inputs, mask = (t < 20).double(), (t >= 20).double()
    targets = torch.sin(2 * math.pi * t / period)
    return TensorDataset(inputs[None, :, None], targets[None, :, None], mask[None])


@pytest.mark.parametrize("kind", [RateRNN, CTRNN])
def test_a_sine_goes_on_after_training(kind):
    rnn = kind(1, 200, 1, tau=100.0, gain=1.5, seed=0).double()
    history = train_force(rnn, sine(1200), epochs=1, progress=False)
    assert history.n_epochs == 1
    assert history.epochs["loss"][0] < 0.01
    inputs, _, _ = sine(2400).tensors
    y = rnn.predict(inputs).outputs[0, 1200:, 0]  # twenty periods that it was not trained for
    crossings = ((y[:-1] < 0) & (y[1:] >= 0)).nonzero().squeeze(1).double()
    assert (crossings.diff() - 60).abs().max() <= 1
    assert abs(float(crossings.diff().mean()) - 60) < 0.5
    assert abs(float(y[-60:].max()) - 1) < 0.05
    assert abs(float(y[-60:].min()) + 1) < 0.05


def test_a_flip_flop_is_learned_in_256_trials():
    task = FlipFlop(n_bits=2, seed=0, n_trials=64)
    rnn = RateRNN(2, 200, 2, tau=50.0, gain=1.5, seed=0)
    train_force(rnn, task, epochs=4, batch_size=32, progress=False)
    test = task.batch(200, start=10**6)
    outputs = rnn.predict(test.inputs.float()).outputs
    assert task.accuracy(outputs, test.targets, test.mask) > 0.99


@pytest.mark.parametrize("batch_size", [1, 4])
def test_without_feedback_it_is_ridge_regression(batch_size):
    """Recursive least squares are exact: penalized is the distance from the first weights."""
    rng = torch.Generator().manual_seed(0)
    rnn = RateRNN(3, 20, 2, gain=1.5, seed=0).double()
    inputs = torch.randn(4, 30, 3, generator=rng).double()
    targets = torch.randn(4, 30, 2, generator=rng).double()
    mask = (torch.rand(4, 30, generator=rng) < 0.7).double()
    start, bias = rnn.w_out.weight.detach().clone(), rnn.w_out.bias.detach()
    rates = rnn(inputs).states[mask > 0].detach()
    gram = rates.mT @ rates + 0.3 * torch.eye(20)
    wanted = targets[mask > 0] - bias - rates @ start.mT
    expected = start + torch.linalg.solve(gram, rates.mT @ wanted).mT
    recurrent = rnn.w_rec.weight.detach().clone()
    options = {"epochs": 1, "feedback": 0.0, "every": 1, "ridge": 0.3, "progress": False}
    data = TensorDataset(inputs, targets, mask)
    train_force(rnn, data, batch_size=batch_size, **options)
    assert torch.allclose(rnn.w_out.weight, expected, atol=1e-10)
    assert torch.equal(rnn.w_rec.weight, recurrent)


def test_the_feedback_is_a_part_of_the_recurrent_weights():
    rnn = RateRNN(1, 30, 2, gain=1.5, seed=0).double()
    before = rnn.w_rec.weight.detach().clone()
    data = TensorDataset(torch.randn(2, 40, 1), torch.randn(2, 40, 2))
    train_force(rnn, data, epochs=2, feedback=0.5, seed=3, progress=False)
    feedback = torch.rand(30, 2, generator=torch.Generator().manual_seed(3)).double() - 0.5
    assert torch.allclose(rnn.w_rec.weight - before, feedback @ rnn.w_out.weight, atol=1e-6)


def recorded(kind=RateRNN, n_trials=30):
    rng = torch.Generator().manual_seed(0)
    teacher = kind(2, 30, 30, gain=1.5, seed=0).double()
    inputs = torch.randn(n_trials, 60, 2, generator=rng).double()
    start = torch.rand(n_trials, 30, generator=rng).double() - 0.5
    student = kind(2, 30, 30, gain=1.5, seed=1).double()
    student.w_in.weight = teacher.w_in.weight.detach()
    student.w_rec.bias = teacher.w_rec.bias.detach()
    return teacher, student, inputs, teacher(inputs, start).states.detach()


@pytest.mark.parametrize("kind", [RateRNN, RNN])
def test_recurrent_weights_are_found_in_recorded_rates(kind):
    teacher, student, inputs, rates = recorded(kind)
    data = TensorDataset(inputs, rates)
    options = {"learn": "recurrent", "every": 1, "ridge": 0.1, "progress": False}
    train_force(student, data, epochs=10, batch_size=10, **options)
    pair = torch.stack([teacher.w_rec.weight.ravel(), student.w_rec.weight.ravel()])
    assert torch.corrcoef(pair)[0, 1] > 0.99
    assert torch.equal(student.w_out.weight, torch.eye(30).double())


def test_rates_that_were_not_recorded_teach_nothing():
    _, student, inputs, rates = recorded()
    mask = torch.ones_like(rates)
    mask[:, :, 3] = 0
    before = student.w_rec.weight.detach().clone()
    spoiled = torch.where(mask > 0, rates, torch.nan)
    data = TensorDataset(inputs, spoiled, mask)
    train_force(student, data, learn="recurrent", epochs=1, progress=False)
    changed = (student.w_rec.weight != before).any(1)
    assert changed.sum() == 29
    assert not changed[3]


def test_the_precision_of_the_network_is_kept():
    rnn = RateRNN(1, 20, 1, gain=1.5, seed=0)
    train_force(rnn, sine(), epochs=1, progress=False)
    assert rnn.w_rec.weight.dtype == torch.get_default_dtype()
    assert rnn.w_rec.weight.requires_grad


def test_networks_that_cannot_learn_so_are_refused():
    data = sine(50)
    with pytest.raises(TypeError, match="expected a network of pyrnn, got Linear"):
        train_force(nn.Linear(1, 1), data)
    with pytest.raises(TypeError, match=r"expected w_rec of GRU as a matrix \(8, 8\)"):
        train_force(GRU(1, 8, 1), data)
    with pytest.raises(ValueError, match="w_rec without constraints, got RateRNN with some"):
        train_force(RateRNN(1, 8, 1, dale_ratio=0.8), data)
    with pytest.raises(
        ValueError, match=r"an output for each of 8 units.* got RateRNN with 1 out"
    ):
        train_force(RateRNN(1, 8, 1), data, learn="recurrent")
    with pytest.raises(ValueError, match=r"whose states are rates.*got CTRNN"):
        train_force(CTRNN(1, 8, 8), data, learn="recurrent")
    with pytest.raises(ValueError, match="learn to be one of readout, recurrent"):
        train_force(RateRNN(1, 8, 1), data, learn="all")


def test_errors_that_are_not_finite_are_told():
    inputs, targets, mask = sine(50).tensors
    with pytest.raises(FloatingPointError, match="expected finite errors, got nan"):
        train_force(RateRNN(1, 8, 1), TensorDataset(inputs, targets / 0.0, mask), progress=False)
