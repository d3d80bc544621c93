"""What does it take to forget?

A network remembers two bits as four stable states. What erases a memory? The smallest shock to
the state is the way to the nearest point of the border of its basin, straight across the stable
manifold of a saddle. The way to another memory, or a random push, has to be longer. Lesions ask
the other question: which units, silenced for good, take a memory away?
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import RNN
from pyrnn.dynamics import find_fixed_points, skeleton
from pyrnn.interventions import lesion, lesioned, minimal_shock
from pyrnn.plot import STYLE_SHEET, plot_effects
from pyrnn.tasks import FlipFlop

OUT = Path("out/forgetting")


def main(epochs=12, n_units=64, show=True):
    plt.style.use(STYLE_SHEET)
    task = FlipFlop(n_bits=2, seed=0)
    rnn = RNN(2, n_units, 2, seed=0)
    rnn.fit(task, epochs=epochs, seed=0, progress=show)
    states = rnn.predict(task.batch(64).inputs).states
    points = find_fixed_points(rnn, states)
    print(points.summary())

    # %%
    # The skeleton says which saddles bound the basin of a memory: those with an arm into it.
    graph = skeleton(rnn, points)
    memory = points[0]
    saddles = list(graph.predecessors(0)) if memory.is_stable else []
    shocks = [minimal_shock(rnn, memory, points[i]) for i in saddles]
    for shock in shocks:
        print(shock.summary())

    # %%
    # Silence each unit alone, then ever more units at once, those with the largest effect first.
    singles = lesion(rnn, task, "each")
    first = singles.order.tolist()
    sizes = [k for k in (1, 2, 4, 8, 16, 24, 32, 48) if k <= n_units]
    remain = points if points.is_stable.any() else None
    groups = {f"first {k}": first[:k] for k in sizes}
    effects = lesion(rnn, task, groups, points=remain)
    print(effects.summary())

    # %%
    # Within ``lesioned`` every analysis sees the lesioned network.
    with lesioned(rnn, first[: sizes[-1]]):
        left = find_fixed_points(rnn, states)
    print(left.summary())

    figure = draw(singles, effects, shocks, points)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "forgetting.png")

    assert len(effects) == len(sizes)
    if epochs >= 12:
        assert points.is_stable.sum() == 4  # two bits
        least = min(shock.size for shock in shocks)
        others = points.states[points.is_stable][1:]
        assert least < (points.states[saddles] - memory.state).norm(dim=1).min()
        assert least < (others - memory.state).norm(dim=1).min()
        assert all(shock.status == "complete" for shock in shocks)
        assert left.is_stable.sum() < 4
    return shocks, effects


def draw(singles, effects, shocks, points):
    """Draw the effect of single lesions, of large ones, and the lengths of shocks."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.6))
    plot_effects(singles, by="change", ax=axes[0])
    plot_effects(effects, ranked=False, ax=axes[1])
    axes[0].set_title("one unit silenced", loc="left")
    axes[1].set_title("many units silenced", loc="left")
    straight = [(shock.saddle - shock.attractor).norm() for shock in shocks]
    rows = torch.arange(len(shocks))
    axes[2].barh(rows + 0.2, straight, height=0.35, color="0.75", label="straight to the saddle")
    axes[2].barh(rows - 0.2, [s.size for s in shocks], height=0.35, label="smallest shock")
    axes[2].set_yticks(rows, [f"saddle {i + 1}" for i in range(len(shocks))])
    axes[2].set_title("from one memory", loc="left")
    axes[2].set_xlabel("length of the shock")
    axes[2].legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return figure


if __name__ == "__main__":
    main()
