"""Time of fits to recordings, and how well they find the weights of the network that was recorded.

The second table compares with FORCE, which is given the true input weights, and with ``fit``, by
single steps that start from the recorded rates. Both are tuned on these recordings: FORCE among
penalties from 0.1 to 1, batches of 1 to 50 trials and 10 or 40 epochs; ``fit`` among segments of
1, 5 and 25 steps, batches of 128 and 512 steps and learning rates from 0.003 to 0.3. It is given
about the time of ``fit_recordings``, and then twenty times as much.

Run ``python benchmarks/recordings.py``.
"""

import time

import torch
from torch import nn
from torch.utils.data import TensorDataset

from pyrnn import RateRNN
from pyrnn.recordings import fit_recordings
from pyrnn.training import fit, train_force

CASES = (  # units, trials of 101 steps, process noise, measurement noise
    (100, 20, 0.0, 0.0),
    (100, 100, 0.0, 0.0),
    (500, 100, 0.0, 0.0),
    (100, 20, 0.1, 0.0),
    (100, 100, 0.1, 0.0),
    (100, 100, 0.0, 0.001),
    (100, 100, 0.0, 0.01),
    (1000, 200, 0.1, 0.0),
)


def record(n_units, n_trials, process, measurement):
    """Return a network, rates and inputs."""
    rng = torch.Generator().manual_seed(1)
    rnn = RateRNN(3, n_units, 1, tau=100.0, dt=10.0, gain=1.5, seed=0)
    inputs = torch.randn(n_trials, 21, 3, generator=rng).repeat_interleave(5, 1)[:, :101] / 2
    h, rates = torch.randn(n_trials, n_units, generator=rng) / 2, []
    with torch.no_grad():
        for t in range(101):
            rates.append(h)
            xi = process * torch.randn(h.shape, generator=rng)
            drive = torch.tanh(rnn.w_rec(h) + rnn.w_in(inputs[:, min(t + 1, 100)]) + xi)
            h = 0.9 * h + 0.1 * drive
    states = torch.stack(rates, 1)
    return rnn, states + measurement * torch.randn(states.shape, generator=rng), inputs


def correlation(a, b):
    pair = torch.stack([a.detach().double().ravel(), b.detach().double().ravel()])
    return float(torch.corrcoef(pair)[0, 1])


def by_regression(teacher, rates, inputs):
    return fit_recordings(rates, inputs, dt=10.0, tau=100.0).network


def by_force(teacher, rates, inputs):
    n = rates.shape[-1]
    rnn = RateRNN(3, n, n, tau=100.0, dt=10.0, gain=1.5, seed=1)
    rnn.w_in.weight, rnn.w_rec.bias = teacher.w_in.weight.detach(), teacher.w_rec.bias.detach()
    options = {"learn": "recurrent", "epochs": 10, "batch_size": 10, "every": 1, "ridge": 0.3}
    train_force(rnn, TensorDataset(inputs, rates), progress=False, **options)
    return rnn


class Step(nn.Module):
    """One step of a network, whose first inputs are the states that it starts from."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, inputs):
        """Return the states after the step."""
        return self.rnn(inputs[..., :3], inputs[:, 0, 3:]).states


def by_fit(teacher, rates, inputs, epochs=40):
    n = rates.shape[-1]
    rnn = RateRNN(3, n, n, tau=100.0, dt=10.0, gain=1.0, seed=1)
    before = torch.cat([inputs[:, 1:], rates[:, :-1]], dim=-1)
    data = TensorDataset(before.flatten(0, 1)[:, None], rates[:, 1:].flatten(0, 1)[:, None])
    options = {"epochs": epochs, "batch_size": 128, "lr": 0.1, "scheduler": "cosine"}
    fit(Step(rnn), data, progress=False, seed=0, **options)
    return rnn


def by_short_fit(teacher, rates, inputs):
    return by_fit(teacher, rates, inputs, epochs=3)


def show(teacher, rnn):
    true, found = teacher.w_rec.weight.detach(), rnn.w_rec.weight.detach()
    error = float((found - true).norm() / true.norm())
    return f"{correlation(true, found):11.4f}  {error:14.1e}"


def main():
    torch.set_default_dtype(torch.float64)
    print("units  trials  process  measured  method   correlation  relative error  CPU s")
    for n_units, n_trials, process, measurement in CASES:
        teacher, rates, inputs = record(n_units, n_trials, process, measurement)
        began = time.process_time()
        found = fit_recordings(rates, inputs, dt=10.0, tau=100.0)
        seconds = time.process_time() - began
        print(
            f"{n_units:5}  {n_trials:6}  {process:7}  {measurement:8}  {found.method:8}"
            f" {show(teacher, found.network)}  {seconds:5.1f}"
        )
    print("\n100 units, 50 trials\nprocess  by              correlation  relative error  CPU s")
    for process in (0.0, 0.1):
        recording = record(100, 50, process, 0.0)
        for name, method in (
            ("fit_recordings", by_regression),
            ("train_force", by_force),
            ("fit, 3 epochs", by_short_fit),
            ("fit, 40 epochs", by_fit),
        ):
            began = time.process_time()
            rnn = method(*recording)
            seconds = time.process_time() - began
            print(f"{process:7}  {name:14} {show(recording[0], rnn)}  {seconds:5.1f}")


if __name__ == "__main__":
    main()
