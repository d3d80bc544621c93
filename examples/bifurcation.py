"""How an input makes a choice.

Two units excite themselves and inhibit each other; only one of them stays active. A bias favors
one of the two. While it grows, the fixed point of the other survives for a while, then meets the
saddle in a fold and vanishes: this is hysteresis. If the gain of the connections grows instead,
one fixed point splits into two memories at a pitchfork. The folds of a single unit are known in
closed form; the example compares them with those that are found.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn.dynamics import find_branches, find_fixed_points, flow_field
from pyrnn.plot import STYLE_SHEET, plot_bifurcation, plot_flow

OUT = Path("out/bifurcation")
W = torch.tensor([[1.2, -0.8], [-0.8, 1.2]], dtype=torch.float64)
BIAS = torch.tensor([1.0, -1.0], dtype=torch.float64)


def biased(h, x):
    return torch.tanh(h @ W.T + x * BIAS)


def scaled(h, gain):
    return torch.tanh(gain * (h @ W.T))


def one_unit(h, x):
    return torch.tanh(2 * h + x)


def main(epochs=0, show=True):  # nothing to train
    plt.style.use(STYLE_SHEET)

    # %%
    # A branch is followed around its folds. ``direction`` is by default the first input channel,
    # here the bias or the gain.
    starts = torch.rand(60, 2, dtype=torch.float64) * 2 - 1
    by_bias = find_branches(biased, starts, (-0.8, 0.8))
    by_gain = find_branches(scaled, starts, (0.2, 1.2))
    points = find_fixed_points(biased, starts, x=torch.tensor([0.1]))
    for branch in (*by_bias, *by_gain):
        print(branch)

    # %%
    # The flow under a slight bias, and both diagrams: stable stretches are thick.
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.4))
    field = flow_field(biased, torch.eye(2), torch.tensor([0.1]), extent=1.1)
    plot_flow(field, points=points, ax=axes[0])
    axes[0].set_title("flow under a slight bias")
    plot_bifurcation(by_bias, label="bias", ax=axes[1])
    plot_bifurcation(by_gain, label="gain", ax=axes[2])
    axes[1].set_title("a choice: two folds")
    axes[2].set_title("memory: a pitchfork")
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "bifurcation.png")

    # %%
    # What is found agrees with theory: the pitchfork, and the folds of a single unit.
    kinds = {event.kind for branch in by_bias for event in branch.bifurcations}
    assert kinds == {"fold"}
    pitchforks = [e for b in by_gain for e in b.bifurcations if e.kind == "pitchfork"]
    assert abs(pitchforks[0].parameter - 0.5) < 1e-6  # where gain * (1.2 + 0.8) is 1
    line = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    (curve,) = find_branches(one_unit, line, (-1.0, 1.0))
    folds = sorted(event.parameter for event in curve.bifurcations)
    exact = 2 * 0.5**0.5 - torch.atanh(torch.tensor(0.5**0.5)).item()  # slope 1 at h² = 1 - 1/w
    assert abs(folds[1] - exact) < 1e-6
    assert abs(folds[0] + exact) < 1e-6
    return by_bias


if __name__ == "__main__":
    main()
