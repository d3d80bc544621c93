"""Networks that labs already have, written as in public code, are analyzed as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat
from scipy.optimize import root
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn.dynamics import find_fixed_points, linearize, transition_graph
from pyrnn.tasks import FlipFlop


@pytest.fixture
def single() -> None:
    """Use torch's own default precision, as the code of a lab does."""
    torch.set_default_dtype(torch.float32)


class FlipFlopModel(nn.Module):
    """A recurrent layer and a readout, with a learned initial state."""

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, n_hidden, batch_first=True)
        self.readout = nn.Linear(n_hidden, 3)
        self.initial = nn.Parameter(torch.zeros(n_hidden))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        start = self.initial.expand(1, len(inputs), -1).contiguous()
        hidden, _ = self.rnn(inputs, start)
        return self.readout(hidden), hidden


@pytest.mark.slow
@pytest.mark.usefixtures("single")
def test_a_flip_flop_trained_by_a_plain_loop_has_27_points() -> None:
    torch.manual_seed(0)
    task = FlipFlop(n_bits=3, seed=0, duration=500.0, pulse_probability=0.1)
    model = FlipFlopModel(16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for i in range(300):
        inputs, targets, mask = task.batch(64, start=64 * i)
        loss = ((model(inputs)[0] - targets).square().mean(-1) * mask).sum() / mask.sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    _, hidden = model(task.batch(64).inputs)
    points = find_fixed_points(model.rnn, hidden, x=torch.zeros(3))
    assert torch.bincount(points.n_unstable).tolist() == [8, 12, 6, 1]
    assert (points.speeds < 1e-12).all()
    assert transition_graph(model.rnn, points).graph["lost"] == 0


class CharCell(nn.Module):
    """A cell that concatenates input and state, and returns output and state."""

    def __init__(self) -> None:
        super().__init__()
        self.to_hidden, self.to_output = nn.Linear(3 + 12, 12), nn.Linear(12, 2)

    def forward(self, input: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(2 * self.to_hidden(torch.cat((input, hidden), 1)))
        return self.to_output(hidden), hidden


class LeakyNet(nn.Module):
    """A continuous-time network whose recurrence is a method of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.input2h, self.h2h, self.alpha = nn.Linear(3, 12), nn.Linear(12, 12), 0.2

    def recurrence(self, input: Tensor, hidden: Tensor) -> Tensor:
        new = torch.relu(self.input2h(input) + self.h2h(hidden))
        return hidden * (1 - self.alpha) + new * self.alpha


@pytest.mark.usefixtures("single")
def test_handwritten_cells_through_one_lambda() -> None:
    torch.manual_seed(1)
    cell, leaky = CharCell(), LeakyNet()
    for step, size in (
        (lambda h, x: cell(x, h)[1], 12),
        (lambda h, x: leaky.recurrence(x, h), 12),
    ):
        points = find_fixed_points(step, torch.randn(100, size), x=torch.zeros(3))
        assert len(points)
        x = torch.zeros(len(points), 3)
        assert_close(step(points.states.float(), x), points.states.float(), atol=1e-5, rtol=0)
        assert (points.speeds < 1e-9).all()


@pytest.mark.usefixtures("single")
def test_a_low_rank_network_of_numpy_arrays() -> None:
    """The points agree with scipy's, from the same equation in numpy."""
    rng = np.random.default_rng(0)
    m, n = rng.normal(size=(60, 1)), rng.normal(size=(60, 1))
    n = 2.5 * m + 0.1 * n
    j, b = m @ n.T / 60, rng.normal(size=(60, 2))
    weight, entry = torch.from_numpy(j).float(), torch.from_numpy(b).float()
    step = lambda h, x: h + 0.2 * (-h + torch.tanh(h) @ weight.T + x @ entry.T)  # noqa: E731
    points = find_fixed_points(step, torch.randn(100, 60), x=[0.3, 0.0])
    assert len(points) == 3
    j, b = weight.double().numpy(), entry.double().numpy()
    for state in points.states.numpy():
        found = root(lambda h: -h + j @ np.tanh(h) + b @ [0.3, 0.0], state, tol=1e-12)
        assert np.abs(found.x - state).max() < 1e-9


@pytest.mark.usefixtures("single")
def test_weights_of_matlab_and_of_a_lightning_checkpoint(tmp_path: Path) -> None:
    torch.manual_seed(2)
    model = FlipFlopModel(8)
    states = torch.randn(100, 8)
    expected = find_fixed_points(model.rnn, states, x=torch.zeros(3))
    named = {f"model.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": named, "epoch": 3}, tmp_path / "last.ckpt")
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    again = FlipFlopModel(8)
    again.load_state_dict({k.removeprefix("model."): v for k, v in saved.items()})
    found = find_fixed_points(again.rnn, states, x=torch.zeros(3))
    assert_close(found.states, expected.states, rtol=0, atol=1e-10)
    w = np.random.default_rng(0).normal(size=(8, 8)) / 2
    savemat(tmp_path / "w.mat", {"W": w})
    matrix = torch.from_numpy(loadmat(tmp_path / "w.mat")["W"])
    step = lambda h, x: torch.tanh(h @ matrix.to(h).T)  # noqa: E731
    at = linearize(step, torch.zeros(8))
    assert_close(at.jacobians, torch.from_numpy(w))


def test_outputs_of_an_lstm_are_not_its_states_and_the_message_says_where_to_get_these(
    single: None,
) -> None:
    lstm, inputs = nn.LSTM(3, 8, num_layers=2, batch_first=True), torch.randn(4, 10, 3)
    with pytest.raises(ValueError, match=r"\(8, 8, 8, 8\); as_map\(network\)\.unroll\(inputs\)"):
        find_fixed_points(lstm, lstm(inputs)[0], x=torch.zeros(3))
