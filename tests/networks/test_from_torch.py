"""Copies of torch's modules compute what the modules compute."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import pyrnn
from pyrnn import GRU, LSTM, RNN, RNNBase
from pyrnn.tasks import FlipFlop

SEQUENCES = {
    "tanh": (RNN, lambda **options: nn.RNN(3, 7, **options)),
    "relu": (RNN, lambda **options: nn.RNN(3, 7, nonlinearity="relu", **options)),
    "GRU": (GRU, lambda **options: nn.GRU(3, 7, **options)),
    "LSTM": (LSTM, lambda **options: nn.LSTM(3, 7, **options)),
}
CELLS = {
    "tanh": (RNN, lambda: nn.RNNCell(3, 7)),
    "relu": (RNN, lambda: nn.RNNCell(3, 7, nonlinearity="relu")),
    "GRU": (GRU, lambda: nn.GRUCell(3, 7)),
    "LSTM": (LSTM, lambda: nn.LSTMCell(3, 7)),
}
every_sequence = pytest.mark.parametrize("kind", SEQUENCES)


@every_sequence
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_outputs_are_those_of_the_module(kind: str, bias: bool, dtype: torch.dtype) -> None:
    cls, make = SEQUENCES[kind]
    module = make(bias=bias, batch_first=True).to(dtype)
    rnn, inputs = cls.from_torch(module), torch.randn(4, 12, 3, dtype=dtype)
    outputs, last = module(inputs)
    found = rnn(inputs)
    assert rnn.h0.dtype == dtype
    assert_close(found.outputs, outputs)
    if kind == "LSTM":
        assert_close(found.states[:, -1], torch.cat([last[0][0], last[1][0]], -1))


@pytest.mark.parametrize("kind", CELLS)
def test_cells(kind: str) -> None:
    cls, make = CELLS[kind]
    cell = make()
    rnn, x = cls.from_torch(cell), torch.randn(4, 3)
    h = torch.randn(4, rnn.state_size)
    new = torch.cat(cell(x, h.chunk(2, -1)), -1) if kind == "LSTM" else cell(x, h)
    assert_close(rnn.step(h, x), new)


@every_sequence
@pytest.mark.parametrize("kind_of_readout", ["layer", "layer without bias", "pair", "arrays"])
def test_readout_and_initial_state(kind: str, kind_of_readout: str) -> None:
    cls, make = SEQUENCES[kind]
    module, layer = make(batch_first=True), nn.Linear(7, 2, bias="without" not in kind_of_readout)
    readout = layer
    if kind_of_readout == "pair":
        readout = layer.weight, layer.bias
    elif kind_of_readout == "arrays":
        readout = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    start = torch.randn(14 if kind == "LSTM" else 7)
    rnn, inputs = (
        cls.from_torch(module, readout=readout, initial_state=start),
        torch.randn(4, 9, 3),
    )
    first = start.expand(1, 4, -1).contiguous()
    h = tuple(part.contiguous() for part in first.chunk(2, -1)) if kind == "LSTM" else first
    assert_close(rnn(inputs).outputs, layer(module(inputs, h)[0]))


@every_sequence
def test_the_copy_learns_and_leaves_the_module_alone(kind: str) -> None:
    cls, make = SEQUENCES[kind]
    module = make()
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    rnn = cls.from_torch(module, readout=nn.Linear(7, 3))
    history = rnn.fit(FlipFlop(n_trials=64, duration=200.0), epochs=9, progress=False)
    assert history.loss[-1] < history.loss[0]
    assert_close(dict(module.named_parameters()), before, rtol=0, atol=0)


@every_sequence
def test_what_learns(kind: str) -> None:
    """The identity does not; an initial state does if it is a parameter."""
    cls, make = SEQUENCES[kind]
    size = 14 if kind == "LSTM" else 7
    names = {f"{layer}.{p}" for layer in ("w_in", "w_rec") for p in ("weight", "bias")}
    rnn = cls.from_torch(make())
    assert {name for name, p in rnn.named_parameters() if p.requires_grad} == names
    rnn = cls.from_torch(make(), initial_state=nn.Parameter(torch.zeros(size)))
    assert {name for name, p in rnn.named_parameters() if p.requires_grad} == {*names, "h0"}


@every_sequence
def test_the_copy_survives_a_file(kind: str, tmp_path: Path) -> None:
    cls, make = SEQUENCES[kind]
    rnn = cls.from_torch(make().float(), readout=nn.Linear(7, 2))
    again, inputs = pyrnn.load(rnn.save(tmp_path / "rnn.pt")), torch.randn(2, 5, 3)
    assert type(again) is cls
    assert_close(again.predict(inputs), rnn.predict(inputs), rtol=0, atol=0)


def test_a_subclass_is_copied_to() -> None:
    class Mine(GRU):
        def readout(self, states: Tensor) -> Tensor:
            return 2 * super().readout(states)

    assert type(Mine.from_torch(nn.GRU(3, 7))) is Mine


@pytest.mark.parametrize(
    ("cls", "module", "got"),
    [
        (GRU, lambda: nn.GRU(3, 7, num_layers=2, dropout=0.1), "num_layers=2"),
        (RNN, lambda: nn.RNN(3, 7, bidirectional=True), "bidirectional=True"),
        (LSTM, lambda: nn.LSTM(3, 7, proj_size=2), "proj_size=2"),
    ],
)
def test_modules_of_more_than_one_layer_are_refused(
    cls: type[RNNBase], module: object, got: str
) -> None:
    with pytest.raises(ValueError, match=f"got {got}; .*as_map takes any depth"):
        cls.from_torch(module())


def test_dropout_of_a_single_layer_does_nothing_in_torch_either() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = nn.GRU(3, 7, dropout=0.5, batch_first=True)
    inputs = torch.randn(2, 5, 3)
    assert_close(GRU.from_torch(module)(inputs).outputs, module(inputs)[0])


@pytest.mark.parametrize(
    ("cls", "module", "wanted"),
    [
        (GRU, nn.LSTM(3, 7), "nn.GRU or nn.GRUCell"),
        (RNN, nn.GRUCell(3, 7), "nn.RNN or nn.RNNCell"),
        (LSTM, nn.Linear(3, 7), "nn.LSTM or nn.LSTMCell"),
    ],
)
def test_modules_of_another_equation_are_refused(
    cls: type[RNNBase], module: nn.Module, wanted: str
) -> None:
    got = type(module).__name__
    with pytest.raises(TypeError, match=f"{wanted} for {cls.__name__}.from_torch, got {got}"):
        cls.from_torch(module)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"readout": nn.Sequential(nn.Linear(7, 2))}, TypeError, "nn.Linear or a pair"),
        ({"readout": nn.Linear(6, 2)}, ValueError, r"weight \(output_size, 7\)"),
        (
            {"readout": (torch.ones(2, 7), torch.ones(3))},
            ValueError,
            r"shapes \(2, 7\) and \(3,\)",
        ),
        ({"initial_state": torch.zeros(3)}, ValueError, r"initial_state of shape \(14,\)"),
        ({"initial_state": torch.full((14,), torch.nan)}, ValueError, "finite initial_state"),
        ({"initial_state": "zero"}, TypeError, "initial_state to be a tensor"),
    ],
)
def test_refused_arguments(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        LSTM.from_torch(nn.LSTM(3, 7), **options)
