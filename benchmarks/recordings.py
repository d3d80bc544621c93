"""Time of fits to recordings, and how well they find the weights of the network that was recorded.

Run ``python benchmarks/recordings.py``.
"""

import time

import torch

from pyrnn import RateRNN
from pyrnn.recordings import fit_recordings

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


def main():
    torch.set_default_dtype(torch.float64)
    print("units  trials  process  measured  method   correlation  relative error  CPU s")
    for n_units, n_trials, process, measurement in CASES:
        rnn, rates, inputs = record(n_units, n_trials, process, measurement)
        began = time.process_time()
        fit = fit_recordings(rates, inputs, dt=10.0, tau=100.0)
        seconds = time.process_time() - began
        true, found = rnn.w_rec.weight.detach(), fit.network.w_rec.weight.detach()
        error = float((found - true).norm() / true.norm())
        print(
            f"{n_units:5}  {n_trials:6}  {process:7}  {measurement:8}  {fit.method:8}"
            f" {correlation(true, found):11.4f}  {error:14.1e}  {seconds:5.1f}"
        )


if __name__ == "__main__":
    main()
