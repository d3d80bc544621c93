"""The anatomy of a network.

What to ask of a network first, here of one that remembers two bits: how it learned, when each
unit is active, in how many dimensions it works, how stable its memories are, how large their
basins are, and whether it is chaotic. ``plot_summary`` puts the essentials on one page.
"""

from pathlib import Path

import matplotlib.pyplot as plt

from pyrnn import CTRNN
from pyrnn.dynamics import (
    find_attractors,
    find_fixed_points,
    lyapunov_spectrum,
    participation_ratio,
    uniform_states,
)
from pyrnn.plot import (
    STYLE_SHEET,
    plot_basins,
    plot_explained_variance,
    plot_history,
    plot_lyapunov,
    plot_spectrum,
    plot_states,
    plot_summary,
)
from pyrnn.tasks import FlipFlop

OUT = Path("out/anatomy")


def main(epochs=20, n_units=64, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # The network learns to remember two bits.
    task = FlipFlop(n_bits=2, seed=0)
    rnn = CTRNN(2, n_units, 2, dale_ratio=0.8, autapses=False, seed=0)
    rnn.fit(task, epochs=epochs, scheduler="cosine", seed=0, progress=show)

    # %%
    # Its fixed points say what it can remember; runs from random states say how large the basins
    # are, and Lyapunov exponents whether nearby states stay together.
    states = rnn.predict(task.batch(64).inputs).states
    points = find_fixed_points(rnn, states)
    attractors = find_attractors(rnn, uniform_states(states, 500))
    exponents = lyapunov_spectrum(rnn, states[:8, -1], n_steps=200)
    print(points.summary())
    print(attractors.summary())
    print(f"participation ratio {participation_ratio(states):.1f}")

    # %%
    # One page with the essentials, and one figure with the answers to the other questions.
    figures = {
        "summary": plot_summary(rnn, task),
        "anatomy": draw(rnn, states, points, attractors, exponents),
    }
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            figure.savefig(OUT / f"{name}.png")

    assert attractors.shares.sum() <= 1
    if epochs >= 20:
        assert points.is_stable.sum() == 4  # two bits
        assert attractors.shares[:4].min() > 0.1
        assert (exponents < 0).all()  # a memory is not chaotic
    return points


def draw(rnn, states, points, attractors, exponents):
    """Draw one answer a panel."""
    figure, axes = plt.subplots(2, 3, figsize=(13, 6.5))
    plot_history(rnn, "learning_rate", ax=axes[0, 0])
    plot_states(states[0], ax=axes[0, 1])
    plot_explained_variance(states, ax=axes[0, 2])
    plot_spectrum(points[0], style="magnitudes", n=20, ax=axes[1, 0])
    plot_basins(attractors, ax=axes[1, 1])
    plot_lyapunov(exponents, ax=axes[1, 2])
    return figure


if __name__ == "__main__":
    main()
