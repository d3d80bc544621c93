"""A memory in motion.

In the task of Mante et al. (2013) a network integrates one of two streams of evidence, motion or
color, and a cue says which one. The fixed points under a constant input tell only half of the
story, since every input moves them. Here they are followed through a whole trial in each of the
two contexts. While the cue is on there are two stable points, one for each choice, and a saddle
between them. Evidence moves the saddle towards one choice and may erase the other. What counts as
evidence is read off at the saddle: its left eigenvector, the selection vector, sees the relevant
stream and hardly sees the other.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import LowRankRNN
from pyrnn.dynamics import find_fixed_points, follow, linearize
from pyrnn.palette import BLUE, VERMILION
from pyrnn.plot import STYLE_SHEET, plot_tracks
from pyrnn.projection import Projection
from pyrnn.render import Panels, Scene
from pyrnn.tasks import ContextIntegration

OUT = Path("out/memory_in_motion")
NAMES = ("motion", "color")


def main(epochs=30, n_units=64, show=True):
    plt.style.use(STYLE_SHEET)
    task = ContextIntegration(decision=200.0, context_strength=1.0, seed=1)
    rnn = LowRankRNN(4, n_units, 1, rank=2, tau=100.0, dt=20.0, noise=0.1, seed=1)
    options = {"lr": 1e-2, "clip_norm": 0.1, "scheduler": "cosine"}
    history = rnn.fit(task, epochs=epochs, batch_size=64, seed=1, progress=show, **options)
    trials = task.batch(256, start=10**6)  # never seen in training
    outputs, states = rnn.predict(trials.inputs)
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    print(f"{100 * accuracy:.1f} % right after {history.n_steps} steps")

    # %%
    # Follow all fixed points while the input goes through the trial, without its noise: nothing,
    # the cue, the cue with motion to the right and color to the left, and the cue again.
    moving = []
    for context in range(2):
        inputs = without_noise(trials, context)
        points = find_fixed_points(rnn, states, x=inputs[0])
        moving.append(follow(rnn, points, inputs, progress=show))
        print(f"attend {NAMES[context]}:", moving[-1].summary())

    # %%
    # The saddle between the choices, while the cue is on. How strongly does each stream drive its
    # unstable mode?
    effects = torch.stack([selection(rnn, tracks) for tracks in moving])
    for name, effect in zip(NAMES, effects, strict=True):
        print(f"attend {name}: motion {effect[0]:.2f}, color {effect[1]:.2f}")

    figure = draw(moving, effects, rnn)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "memory_in_motion.png")
        scenes(moving, trials, states).save(OUT / "scene.html")

    assert all(tracks.balance for tracks in moving)
    if history.n_steps >= 400:
        assert accuracy > 0.95
        assert [sorted(tracks.at(-1).n_unstable.tolist()) for tracks in moving] == 2 * [[0, 0, 1]]
        assert effects[0, 0] > 5 * effects[0, 1]  # attend motion
        assert effects[1, 1] > 5 * effects[1, 0]  # attend color
    return moving, effects


def without_noise(trials, context):
    """Return the inputs of a trial with motion to the right and as much color to the left."""
    inputs = trials.inputs[int((trials.info["context"] == context).nonzero()[0])].clone()
    is_on = inputs[:, :1] != 0
    inputs[:, :2] = is_on * torch.tensor([0.2, -0.2])
    return inputs


def selection(rnn, tracks):
    """Return how strongly motion and color drive the slowest mode of the saddle under the cue."""
    points = tracks.at(-1)
    saddle = points[int(points.n_unstable.argmax())]
    return linearize(rnn, saddle.state, saddle.input).input_effect().abs()[0, :2]


def draw(moving, effects, rnn):
    """Draw what the readout sees of all fixed points over time, and the selection."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), width_ratios=(2, 2, 1.2))
    for name, tracks, ax in zip(NAMES, moving, axes, strict=False):
        ax.set_title(f"attend {name}", loc="left")
        plot_tracks(tracks, observe=lambda h: rnn.readout(h.float())[..., 0].detach(), ax=ax)
        ax.set_ylabel("output")
    motion, color = effects.T.tolist()
    axes[2].bar([-0.18, 0.82], motion, 0.34, color=BLUE, label="motion")
    axes[2].bar([0.18, 1.18], color, 0.34, color=VERMILION, label="color")
    axes[2].set_xticks([0, 1], [f"attend\n{name}" for name in NAMES])
    axes[2].set_title("drive at the saddle", loc="left")
    axes[2].legend()
    return figure


def scenes(moving, trials, states):
    """Return one scene for each context, in one space: trials with such inputs move along."""
    axes = Projection.fit(states)
    is_like = (trials.info["motion"] > 0) & (trials.info["color"] < 0)
    panels = []
    for context, tracks in enumerate(moving):
        own = states[is_like & (trials.info["context"] == context)][:24]
        panels.append(Scene(own, tracks, projection=axes, title=f"attend {NAMES[context]}"))
    return Panels(panels)


if __name__ == "__main__":
    main()
