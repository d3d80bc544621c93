"""Counting ones with two weights.

The smallest network, h_k = w_rec h_{k-1} + w_x x_k, has to return the number of ones in a
sequence; w_x = w_rec = 1 solves this. The gradient is written by hand, as in Roelants' article on
networks from scratch: each step back in time multiplies it by w_rec. Therefore the loss has
cliffs where w_rec is beyond 1 or -1, and plains between. Rprop uses only the sign of the gradient
and crosses both. Then pyrnn trains the same network with Rprop, Adam and gradient descent.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.ticker import LogLocator
from torch.utils.data import TensorDataset

from pyrnn import RNN
from pyrnn.palette import CYCLE
from pyrnn.plot import STYLE_SHEET

OUT = Path("out/counting_ones")
START = (-1.5, 2.0)
POINTS = [(2, 1), (1, 2), (1, -2), (1, 1), (1, 0), (1, 0.5), (1, -0.5), START]  # (w_x, w_rec)


def forward(x, w_x, w_rec):
    """Return the states before and after each symbol, one row a trial."""
    h = np.zeros((len(x), x.shape[1] + 1))
    for k in range(x.shape[1]):
        h[:, k + 1] = w_rec * h[:, k] + w_x * x[:, k]
    return h


def backward(x, h, count, w_rec):
    """Return the gradients by w_x and w_rec, and by the state at each time."""
    g = np.zeros_like(h)
    g[:, -1] = 2 * (h[:, -1] - count) / len(x)  # of the mean squared error
    for k in range(x.shape[1], 0, -1):
        g[:, k - 1] = w_rec * g[:, k]
    return np.array([(g[:, 1:] * x).sum(), (g[:, 1:] * h[:, :-1]).sum()]), g


def rprop(x, count, n_steps):
    """Return the path of the weights: steps grow while the gradient keeps its sign."""
    path, step, before = [np.array(START)], np.full(2, 0.001), np.zeros(2)
    for _ in range(n_steps):
        sign = np.sign(backward(x, forward(x, *path[-1]), count, path[-1][1])[0])
        step, before = step * np.where(sign == before, 1.2, 0.5), sign
        path.append(path[-1] - sign * step)
    return np.array(path)


def train(x, epochs, **options):
    """Return the weights that pyrnn's ``fit`` finds with an optimizer of torch."""
    inputs = torch.tensor(x).unsqueeze(-1)
    is_end = torch.arange(x.shape[1]) == x.shape[1] - 1
    data = TensorDataset(inputs, inputs.cumsum(1), is_end.double().expand(len(x), -1))
    rnn = RNN(1, 1, 1, activation="identity", bias=False, frozen=["w_out"]).double()
    for layer, value in zip((rnn.w_in, rnn.w_rec, rnn.w_out), (*START, 1.0), strict=True):
        torch.nn.init.constant_(layer.weight, value)
    rnn.fit(data, epochs=epochs, batch_size=None, progress=False, **options)
    return rnn.w_in.weight.item(), rnn.w_rec.weight.item()


def main(epochs=500, show=True):
    plt.style.use(STYLE_SHEET)
    x = np.random.RandomState(1).rand(20, 10).round()
    count = x.sum(1)
    path = rprop(x, count, epochs)
    found = {"by hand": path[-1]}
    found["rprop"] = train(x, epochs, optimizer="rprop", lr=0.001, clip_norm=None)
    found["adam"] = train(x, epochs, optimizer="adam", lr=0.05, clip_norm=None)
    found["sgd"] = train(x, epochs, optimizer="sgd", lr=0.01, clip_norm=1.0)
    for name, weights in found.items():
        print(name, np.round(weights, 4))
    test = np.random.RandomState(2).rand(5, 10).round()
    answer = forward(test, *path[-1])[:, -1]
    print("counts", test.sum(1), "answers", answer.round(2))
    figure = draw(x, count, path)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "counting_ones.png")

    weights = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    h = weights[0] * torch.tensor(x) @ weights[1] ** torch.arange(9, -1, -1)
    (h - torch.tensor(count)).square().mean().backward()
    by_hand = backward(x, forward(x, *START), count, START[1])[0]
    np.testing.assert_allclose(by_hand, weights.grad, rtol=1e-9)
    if epochs >= 500:
        assert np.abs(np.subtract([found["by hand"], found["rprop"]], 1)).max() < 0.01
        assert (answer.round() == test.sum(1)).all()
    return path


def draw(x, count, path):
    """Draw the loss over both weights at two zooms, and the gradient's way back through time."""
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 3.6))
    for ax, reach in zip(axes, (4.0, 2.2), strict=False):
        grid = np.linspace(-reach, reach, 80)
        loss = [[np.mean((forward(x, a, b)[:, -1] - count) ** 2) for a in grid] for b in grid]
        levels = np.geomspace(0.999 * np.min(loss), 1.001 * np.max(loss), 30)
        filled = ax.contourf(grid, grid, loss, levels, norm="log")
        figure.colorbar(filled, ax=ax, label="loss", ticks=LogLocator(numticks=6), shrink=0.8)
        ax.plot(*path.T, "wo-", markersize=2, linewidth=1.1)
        ax.plot(*path[0], "wo", markersize=8, fillstyle="none")
        ax.plot(*path[-1], "*", markersize=12, color="C4", markeredgecolor="black")
        ax.scatter(*np.transpose(POINTS[:-1]), s=49, c=CYCLE, edgecolors="white", zorder=3)
        ax.set(title="loss surface", xlabel="$w_x$", ylabel="$w_{rec}$")
    for (w_x, w_rec), color in zip(POINTS, [*CYCLE, "black"], strict=True):
        sizes = np.linalg.norm(backward(x, forward(x, w_x, w_rec), count, w_rec)[1], axis=0)
        axes[2].plot(range(-10, 1), sizes, color=color, label=f"({w_x:g}, {w_rec:g})")
    axes[2].set(title="gradient norm ‖∂L/∂h‖", xlabel="time step from the end", ylim=(1e-5, None))
    axes[2].set_yscale("log", nonpositive="mask")
    axes[2].legend(title="$(w_x, w_{rec})$", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


if __name__ == "__main__":
    main()
