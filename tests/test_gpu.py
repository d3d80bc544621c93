"""Everything that touches a device, on a real one."""

import copy

import pytest
import torch

import pyrnn
from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN
from pyrnn.dynamics import find_fixed_points, transition_graph
from pyrnn.tasks import FlipFlop

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

NETWORKS = {
    "RNN": lambda: RNN(3, 32, 3, noise=0.01),
    "CTRNN": lambda: CTRNN(3, 32, 3, dale_ratio=0.8, autapses=False, noise=0.01),
    "RateRNN": lambda: RateRNN(3, 32, 3, train_tau=True),
    "LowRankRNN": lambda: LowRankRNN(3, 32, 3, rank=2),
    "GRU": lambda: GRU(3, 32, 3),
    "LSTM": lambda: LSTM(3, 32, 3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_device_agrees_with_cpu(name):
    rnn = NETWORKS[name]()
    inputs = FlipFlop(seed=0).batch(16).inputs
    moved = copy.deepcopy(rnn).cuda().predict(inputs)
    torch.testing.assert_close(moved.states.cpu(), rnn.predict(inputs).states)


@pytest.mark.parametrize("name", NETWORKS)
def test_fit_learns_on_the_device(name, tmp_path):
    rnn = NETWORKS[name]()
    history = rnn.fit(
        FlipFlop(n_trials=256, seed=0), epochs=4, seed=0, device="cuda", progress=False
    )
    assert rnn.device.type == "cuda"
    assert history.loss[-1] < history.loss[0]
    loaded = pyrnn.load(rnn.save(tmp_path / "rnn.pt"))
    assert loaded.device.type == "cpu"
    inputs = FlipFlop(seed=1).batch(4).inputs
    torch.testing.assert_close(
        loaded.predict(inputs).outputs, rnn.predict(inputs).outputs.cpu(), rtol=1e-4, atol=1e-5
    )


def test_nan_on_the_device_is_refused():
    rnn = RNN(3, 16, 3)
    trials = FlipFlop(n_trials=64, seed=0).batch(64)
    trials.inputs[3, 5, 1] = torch.nan
    with pytest.raises(ValueError, match="expected finite inputs"):
        rnn.fit(torch.utils.data.TensorDataset(*trials), epochs=1, device="cuda", progress=False)


def test_flip_flop_is_mapped_on_the_device():
    task = FlipFlop(n_bits=3, seed=0)
    rnn = CTRNN(3, 64, 3, tau=100.0, dt=10.0, seed=0)
    rnn.fit(task, epochs=20, seed=0, device="cuda", progress=False)
    states = rnn.predict(task.batch(64).inputs).states
    points = find_fixed_points(rnn, states, x=torch.zeros(3, device="cuda"))
    assert torch.as_tensor(points.n_unstable).cpu().bincount().tolist() == [8, 12, 6, 1]
    graph = transition_graph(rnn, points)
    assert graph.number_of_nodes() == 27
