"""Remembering three bits.

Sussillo & Barak (2013) introduced this task in *Opening the black box*: each of three channels
receives rare pulses of +1 and -1, and the network has to output the sign of the last one. Here
the units obey Dale's law and do not connect to themselves. The memories are stable fixed points
at the eight corners of a cube. A saddle with one unstable mode lies on each of the twelve edges,
one with two unstable modes on each of the six faces, and one with three in the center.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import CTRNN
from pyrnn.dynamics import find_fixed_points, transition_graph
from pyrnn.plot import STYLE_SHEET, plot_loss, plot_spectrum, plot_transition_graph, plot_trial
from pyrnn.render import Scene
from pyrnn.tasks import FlipFlop

OUT = Path("out/flipflop")


def main(epochs=20, n_units=64, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # A network of 64 units, of which 80 % are excitatory, learns the task in a few seconds.
    task = FlipFlop(n_bits=3, seed=0)
    rnn = CTRNN(3, n_units, 3, tau=100.0, dt=10.0, dale_ratio=0.8, autapses=False, seed=0)
    history = rnn.fit(task, epochs=epochs, seed=0, progress=show)

    # %%
    # On trials that it has not seen, we let it run and look at the states that it visits. The
    # fixed points are found from these states, and the graph says which of them lead to which.
    trials = task.batch(256, start=10**6)  # never seen in training
    outputs, states = rnn.predict(trials.inputs)
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    points = find_fixed_points(rnn, states, x=torch.zeros(3))
    graph = transition_graph(rnn, points)
    print(f"{100 * accuracy:.2f} % of the bits are right after {history.n_steps} steps")
    print(points.summary())

    # %%
    # In the scene, click on a point to see its eigenvalues.
    figure = draw(task, trials, outputs, history, points, graph)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "flipflop.png")
        Scene(states[:64], points, graph, title="3-bit flip-flop").save(OUT / "scene.html")

    # %%
    # Dale's law holds exactly, and the points are those of a cube.
    signs = rnn.w_rec.weight.detach().sign()
    n_excitatory = round(0.8 * n_units)
    assert (signs[:, :n_excitatory] >= 0).all()
    assert (signs[:, n_excitatory:] <= 0).all()
    assert (signs.diagonal() == 0).all()
    if history.n_steps >= 300:
        assert accuracy > 0.995
        assert torch.bincount(points.n_unstable).tolist() == [8, 12, 6, 1]
        assert points.speeds.max() < 1e-9
    return points


def draw(task, trials, outputs, history, points, graph):
    """Draw a trial, the loss, the modes around the middle, and where the saddles lead."""
    figure, axes = plt.subplot_mosaic("AAABB\nCCDDD", figsize=(10, 6.6))
    plot_trial(trials.unbind()[0], outputs[0], dt=task.dt, ax=axes["A"])
    axes["A"].set_xlabel("time (ms)")
    plot_loss(history, ax=axes["B"])
    axes["C"].set_title("modes at the center")
    plot_spectrum(points[-1], zoom=True, ax=axes["C"])
    plot_transition_graph(graph, layout="pca" if len(points) > 1 else "layered", ax=axes["D"])
    return figure


if __name__ == "__main__":
    main()
