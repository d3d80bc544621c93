"""27 and no others.

A search for fixed points finds what it finds. That a list is complete can be proved: a box that
holds all fixed points is contracted and split until each part holds none, or exactly one. A
network that remembers three bits has 27 of them, and no others. What a proof costs is told by one
number beforehand. And where fixed points fill a ring, no proof isolates them: the boxes that are
left undecided are the ring.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import RNN, LowRankRNN
from pyrnn.dynamics import find_fixed_points, prove_complete
from pyrnn.plot import STYLE_SHEET
from pyrnn.render import Panels, Scene
from pyrnn.tasks import FlipFlop

OUT = Path("out/these_and_no_others")


def main(epochs=20, n_units=24, show=True):
    plt.style.use(STYLE_SHEET)
    task = FlipFlop(n_bits=3, seed=0)
    rnn, states = train(task, n_units, epochs, show)

    # %%
    # Search and proof agree to the last digits.
    points = find_fixed_points(rnn, states)
    proof = prove_complete(rnn)
    print(points.summary())
    print(proof.summary())
    gap = (proof.points.states[:, None] - points.states).norm(dim=-1).amin(1)

    # %%
    # The cost grows with the row sums of the weights that boxes do not split.
    proofs = {n_units: proof}
    for n in (8, 12, 16):
        proofs[n] = prove_complete(train(task, n, epochs, False)[0])
    for n, each in sorted(proofs.items()):
        print(
            f"{n} units: contraction {each.contraction:.2f}, {each.n_boxes} boxes, {each.status}"
        )

    # %%
    # 64 neurons on a ring, each exciting its neighbors: a fixed point for every heading.
    around = prove_complete(ring(64), min_width=1e-2)
    print(around.summary())

    figure = draw(proofs)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "these_and_no_others.png")
        both = Panels(
            [
                Scene(states[:24], proof, title=f"{len(proof)} and no others"),
                Scene(points=around, title="a ring: undecided"),
            ]
        )
        both.save(OUT / "scene.html")

    assert not around.is_complete
    assert around.undecided.n_clusters == 1
    if epochs >= 20:
        assert proof.is_complete
        assert len(proof) == len(points) == 27
        assert gap.max() < 1e-10
    return proofs, around


def train(task, n_units, epochs, show):
    """Return a network that remembers three bits, and its states."""
    rnn = RNN(3, n_units, 3, seed=0)
    rnn.fit(task, epochs=epochs, seed=0, progress=show)
    return rnn, rnn.predict(task.batch(64).inputs).states


def ring(n):
    """Return n neurons whose connections depend on the distance of their headings alone."""
    heading = 2 * math.pi * torch.arange(n) / n
    rnn = LowRankRNN(1, n, 1, rank=2)
    rnn.m.data = 2 * torch.stack([heading.cos(), heading.sin()], dim=1)
    rnn.n.data = 2 * rnn.m.data
    return rnn


def draw(proofs):
    """Draw how many boxes each proof looked at."""
    figure, ax = plt.subplots(figsize=(5, 3.4))
    for n, proof in sorted(proofs.items()):
        ax.plot(proof.contraction, proof.n_boxes, "o", label=f"{n} units")
    ax.set_title("what a proof costs", loc="left")
    ax.set(xlabel="contraction", ylabel="boxes looked at")
    ax.legend()
    return figure


if __name__ == "__main__":
    main()
