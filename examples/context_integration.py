"""Deciding by motion or by color.

Mante et al. (2013) trained a network on a task of monkeys: two streams of noisy evidence, motion
and color, and a context that says which of them counts. Both streams enter the network in both
contexts. We look at the states on axes of choice, motion and color, as in their figures 2 and 5.
In each context the network has a line of almost-fixed points along which it adds up evidence. The
selection vector, which says what moves the network along the line, points along the relevant input
and is orthogonal to the other one.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from pyrnn import CTRNN
from pyrnn.dynamics import find_manifolds, linearize
from pyrnn.palette import INK
from pyrnn.plot import STYLE_SHEET, plot_trajectories
from pyrnn.representation import condition_means, targeted_axes
from pyrnn.tasks import ContextIntegration

OUT = Path("out/context_integration")
STREAMS = ("motion", "color")


def main(epochs=60, n_units=64, seed=0, show=True):
    plt.style.use(STYLE_SHEET)
    task = ContextIntegration(
        coherences=(0.02, 0.05, 0.15),
        fixation=0.0,
        context=100.0,
        stimulus=(400.0, 1200.0),  # uncertain, so that evidence is added up all the time
        delay=0.0,
        context_strength=1.0,
        seed=seed,
    )
    rnn = CTRNN(4, n_units, 1, tau=100.0, dt=20.0, noise=0.05, seed=seed)
    rnn.fit(task, epochs=epochs, lr=0.005, scheduler="cosine", seed=seed, progress=show)

    # %%
    # Long trials show the integration best. Regression finds the axes of choice, motion and color.
    trials = task.replace(stimulus=800.0).batch(3000, start=10**6)
    outputs, states = rnn.predict(trials.inputs)
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    print(f"{100 * accuracy:.1f} % right")
    axes = targeted_axes(states, trials, ["choice", "motion", "color", "context"])

    figure, panels = plt.subplots(2, 3, figsize=(11, 6.5), layout="constrained")
    aligned = []
    for context, row in enumerate(panels):
        line = find_line(rnn, states[trials.info["context"] == context], context)
        cosines = alignment(rnn, line, context)
        aligned.append(cosines)
        for stream, ax in zip(STREAMS, row, strict=False):
            draw(states, trials, context, stream, axes, line, ax)
        draw_alignment(cosines, row[2])
        of = ", ".join(f"{c:.2f} {name}" for c, name in zip(cosines.mean(0), STREAMS, strict=True))
        print(f"attend {STREAMS[context]}: cosines of selection vector and inputs: {of}")
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "context_integration.png")

    if epochs >= 60:
        assert accuracy > 0.93
        for context, cosines in enumerate(aligned):
            assert (cosines[:, context] >= 0.7).all()
            assert (cosines[:, 1 - context] <= 0.2).all()
    return aligned


def under(context, n_steps):
    """Return the input of a context without evidence."""
    return torch.eye(4)[2 + context].expand(n_steps, 4)


def find_line(rnn, states, context):
    """Let the network settle after the stimulus; return states along the longest line."""
    settled = rnn.predict(under(context, 10).expand(400, -1, -1), states[:400, -1]).states[:, -1]
    lines = find_manifolds(rnn, settled, under(context, 1)[0], tol=0.03, n_points=50)
    return lines[0].states if lines else settled[:2].double()


def alignment(rnn, line, context):
    """Return cosines between selection vectors and motion and color inputs, ``(n, 2)``."""
    at = linearize(rnn, line, under(context, 1)[0])
    slow = (at.eigenvalues - 1).abs().argmin(-1)  # the mode along the line
    selection = at.left[range(len(line)), slow].real  # its left eigenvector
    inputs = at.input_jacobians[..., :2].mT
    return torch.cosine_similarity(inputs, selection.unsqueeze(1), dim=-1).abs().numpy()


def draw(states, trials, context, stream, axes, line, ax):
    """Draw the mean trajectories for each strength of a stream, and the line."""
    rows = trials.info["context"] == context
    labels = {stream: trials.info[stream][rows], "choice": trials.info["choice"][rows]}
    means = condition_means(states[rows], labels)
    strength = means.conditions[stream]
    plane = axes.select("choice", stream)
    plot_trajectories(
        means.states, projection=plane, color=strength, color_label=f"{stream} coherence", ax=ax
    )
    ax.plot(*plane.transform(line).T, ".", color=INK, markersize=3)
    ax.set_title(f"attend {STREAMS[context]}: by {stream}")


def draw_alignment(cosines, ax):
    """Draw the alignment of the selection vector with both inputs along the line."""
    for values, name in zip(cosines.T, STREAMS, strict=True):
        ax.plot(np.linspace(0, 1, len(values)), values, label=name)
    ax.set(xlabel="place along the line", ylabel="|cosine| with the input", ylim=(0, 1))
    ax.set_title("alignment of the selection vector")
    ax.legend()


if __name__ == "__main__":
    main()
