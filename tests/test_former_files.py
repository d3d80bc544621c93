"""Files that version 0.1 wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import pyrnn
from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN
from pyrnn.connectivity import Connectivity
from pyrnn.constraints import intervals
from pyrnn.tasks import FlipFlop

FOLDER = Path(__file__).parent / "data" / "0.1"
INPUTS = torch.linspace(-1, 1, 12).reshape(1, 6, 2)
CLASSES = {
    "bounds": RNN,
    "ctrnn": CTRNN,
    "gru": GRU,
    "low_rank": LowRankRNN,
    "lstm": LSTM,
    "rate": RateRNN,
    "regions": CTRNN,
    "vanilla": RNN,
    "vanilla_dale": RNN,
}
every_file = pytest.mark.parametrize("name", CLASSES)


@every_file
def test_networks_load_and_predict_the_same(name: str, tmp_path: Path) -> None:
    rnn = pyrnn.load(FOLDER / f"{name}.pt")
    expected = torch.load(FOLDER / f"{name}.expected.pt", weights_only=True)
    assert type(rnn) is CLASSES[name]
    for network in (rnn, pyrnn.load(rnn.save(tmp_path / "again.pt"))):
        outputs, states = network.predict(INPUTS)
        assert_close(outputs, expected["outputs"])
        assert_close(states, expected["states"])


@every_file
def test_networks_are_fitted_further(name: str) -> None:
    rnn = pyrnn.load(FOLDER / f"{name}.pt")
    before = {key: list(values) for key, values in rnn.history.steps.items()}
    momenta = rnn.training_state["optimizer"][2]["state"]
    n_steps = momenta[0]["step"].item() if momenta else 0
    assert (n_steps == 0) == (name == "ctrnn")  # its time constants were learned in ms
    n_epochs = rnn.history.n_epochs
    history = rnn.fit(
        FlipFlop(n_bits=2, n_trials=16, duration=200.0), epochs=2, progress=False, seed=0
    )
    assert history.n_epochs == n_epochs + 2
    assert {key: values[: len(before["loss"])] for key, values in history.steps.items()} == before
    assert rnn.training_state["optimizer"][2]["state"][0]["step"].item() == n_steps + 2


def test_a_run_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "ctrnn.pt"
    path.write_bytes((FOLDER / "ctrnn.pt").read_bytes())
    saved = pyrnn.load(path)
    state = saved.training_state
    rnn = CTRNN(**saved.config)
    history = rnn.fit(
        FlipFlop(n_bits=2, n_trials=16, duration=200.0),
        epochs=state["epoch"] + 1,
        batch_size=state["batch_size"],
        lr=state["lr"],
        checkpoint=path,
        resume=True,
        progress=False,
    )
    assert history.n_epochs == saved.history.n_epochs + 1


def test_options_and_constraints_are_those_of_the_former_network() -> None:
    vanilla, dale = (pyrnn.load(FOLDER / f"{name}.pt") for name in ("vanilla", "vanilla_dale"))
    assert vanilla.bias == ["w_in", "w_rec", "w_out"]
    assert (vanilla.init, vanilla.noise, vanilla.dt, vanilla.seed) == ("torch", 0.0, 10.0, 1)
    assert dale.signs.tolist() == [1, 1, 1, -1, -1]
    assert intervals(dale.w_rec) is not None
    regions = pyrnn.load(FOLDER / "regions.pt")
    assert isinstance(regions.connectivity, Connectivity)
    low, high = intervals(pyrnn.load(FOLDER / "bounds.pt").w_in)
    assert bool(low.isfinite().all() and high.isfinite().all())


def test_time_constants_and_bounds_are_those_of_the_former_network() -> None:
    """They were learned in ms, and a free weight was the weight itself."""
    content = torch.load(FOLDER / "ctrnn.pt", weights_only=True)
    rnn = pyrnn.load(FOLDER / "ctrnn.pt")
    tau = content["weights"]["time_constants.parametrizations.weight.original"]
    assert bool(((tau > 20) & (tau < 200)).all())
    assert_close(rnn.tau, tau)
    assert rnn.tau_bounds == (20.0, 200.0)
    with torch.no_grad():
        next(rnn.log_tau.parameters()).fill_(9.0)
    assert bool(((rnn.tau >= 20) & (rnn.tau <= 200)).all())


def test_weights_with_bounds_away_from_zero_are_those_of_the_former_network(
    tmp_path: Path,
) -> None:
    content = torch.load(FOLDER / "bounds.pt", weights_only=True)
    free = content["weights"]["w_in.parametrizations.weight.original"]
    free.copy_(torch.linspace(0.6, 0.9, free.numel()).view_as(free))
    low, high = content["beside"]["constraints"]["w_in.weight"]
    low.fill_(0.5)
    high.fill_(1.0)
    torch.save(content, tmp_path / "former.pt")
    rnn = pyrnn.load(tmp_path / "former.pt")
    assert_close(rnn.w_in.weight, free)
    assert_close(pyrnn.load(rnn.save(tmp_path / "now.pt")).w_in.weight, free)


def test_options_that_a_former_network_ignored_are_left_out(tmp_path: Path) -> None:
    content = torch.load(FOLDER / "low_rank.pt", weights_only=True)
    content["network"]["config"] |= {"gain": 5.0, "init": "orthogonal"}
    torch.save(content, tmp_path / "former.pt")
    expected = pyrnn.load(FOLDER / "low_rank.pt").w_rec.weight
    assert torch.equal(pyrnn.load(tmp_path / "former.pt").w_rec.weight, expected)
