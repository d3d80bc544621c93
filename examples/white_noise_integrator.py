"""Integrating white noise.

The integrator of Sussillo's tutorial on computation through dynamics, with the sizes and the
recipe of BrainPy's notebook: 100 tanh units, trials of 25 steps, fresh batches, Adam with a large
epsilon, and a penalty on all weights and on the final states. A network that sums needs a
marginal mode: training moves one eigenvalue to 1, while the penalty shrinks the others.
"""

from copy import deepcopy
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR

from pyrnn import RNN
from pyrnn.palette import GRAY
from pyrnn.plot import STYLE_SHEET, plot_loss, plot_spectrum, plot_weights
from pyrnn.tasks import WhiteNoiseIntegrator

OUT = Path("out/white_noise_integrator")


def whole_l2(rnn, rollout):
    """Penalize the squares of all weights and of the final states."""
    layers = (rnn.w_in, rnn.w_rec, rnn.w_out)
    weights = sum(p.square().sum() for layer in layers for p in layer.parameters())
    return 2e-4 * (weights + rollout.states[:, -1].square().sum())


def main(epochs=100, n_units=100, show=True):
    plt.style.use(STYLE_SHEET)
    task = WhiteNoiseIntegrator(dt=40.0, duration=1000.0, n_trials=12_800, seed=0)
    rnn = RNN(1, n_units, 1, gain=0.85, train_initial_state=True, dt=40.0, seed=0)
    rng = torch.Generator().manual_seed(0)
    nn.init.normal_(rnn.w_out.weight, std=n_units**-0.5, generator=rng)
    nn.init.normal_(rnn.h0, std=0.1, generator=rng)
    before = deepcopy(rnn)
    history = rnn.fit(  # 100 steps an epoch
        task,
        epochs=epochs,
        batch_size=128,
        lr=0.025,
        optimizer=partial(torch.optim.Adam, eps=0.1),
        scheduler=lambda optimizer: ExponentialLR(optimizer, 0.99975),
        penalties=whole_l2,
        clip_norm=5.0,
        seed=0,
        progress=show,
    )
    losses = torch.tensor(history.loss)
    for step in (100, 1000, 5000, 10_000):
        if step <= history.n_steps:
            print(f"training loss {losses[step - 1]:.4f} at step {step}")
    last = losses[-100:].mean()
    print(f"mean over the last 100 of {history.n_steps} steps: {last:.4f}")

    # %%
    # New noise, which the network has not seen.
    test = task.batch(16 * 128, start=2**40)
    outputs = rnn.predict(test.inputs).outputs
    r_squared = task.metric(outputs, test.targets, test.mask)
    print(f"R² {r_squared:.4f} on 16 new batches; {history.seconds:.0f} s")

    figures = {"network": draw_network(before, rnn), "test": draw_test(history, test, outputs)}
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(OUT / f"{name}.png")

    assert last < losses[0]
    if history.n_steps >= 10_000:
        assert last <= 0.0225
        slowest = torch.linalg.eigvals(rnn.w_rec.weight.detach()).abs().max()
        assert abs(slowest - 1) < 0.02
    return history


def draw_network(before, after):
    """Draw weights, spectrum, initial state and biases, before and after training."""
    figure, axes = plt.subplots(2, 5, figsize=(13, 5.2))
    for row, rnn, when in zip(axes, (before, after), ("initial", "trained"), strict=True):
        row[0].set_title(f"{when} weights")
        plot_weights(rnn.w_rec, ax=row[0])
        plot_spectrum(rnn.w_rec.weight, ax=row[1])
        values = {"input weight": rnn.w_in.weight[:, 0], "initial state": rnn.h0}
        values["bias"] = rnn.w_rec.bias
        for ax, (name, heights) in zip(row[2:], values.items(), strict=True):
            ax.stem(heights.detach(), linefmt="C6:", markerfmt=".", basefmt=" ")
            ax.set(title=name, xlabel="unit")
    return figure


def draw_test(history, test, outputs):
    """Draw the loss with its terms, and what the network makes of new noise."""
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.2))
    plot_loss(history, ax=axes[0])
    axes[1].plot(test.inputs[:8, :, 0].T, linewidth=0.9)
    axes[2].plot(outputs[:8, :, 0].T)
    axes[2].plot(test.targets[:8, :, 0].T, "--", color="black", linewidth=0.7)
    error = (outputs - test.targets)[..., 0].abs().T
    axes[3].plot(error[:, :128], color=GRAY, alpha=0.2, linewidth=0.7)
    axes[3].plot(error.mean(1), label=f"mean of {len(outputs)} trials")
    axes[3].legend()
    axes[1].set(title="white noise", xlabel="step")
    axes[2].set(title="integral: output, target (dashed)", xlabel="step")
    axes[3].set(title="|error|", xlabel="step")
    return figure


if __name__ == "__main__":
    main()
