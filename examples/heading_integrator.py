"""Keeping track of a heading.

The network receives the angle at the start and then the angular velocity; it has to report its
heading at all times (Cueva et al. 2020). It obeys Dale's law and has no autapses. A curriculum
starts with short trials. It takes one line and halves the time to learn; without it, a network in
discrete time (``RNN``) does not learn long trials. Without input, the trained network keeps its
heading: its almost-fixed points form a closed ring with one point for each angle. Along the ring
one mode neither grows nor decays.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import CTRNN
from pyrnn.dynamics import find_manifolds
from pyrnn.palette import colormap
from pyrnn.plot import STYLE_SHEET, plot_loss, plot_spectrum, plot_trajectories
from pyrnn.projection import Projection
from pyrnn.render import Scene
from pyrnn.tasks import HeadingIntegrator
from pyrnn.training import Curriculum

OUT = Path("out/heading_integrator")


def main(epochs=125, n_units=100, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # The curriculum lengthens the trials after 200, 500 and 900 steps.
    task = HeadingIntegrator(seed=0)
    rnn = CTRNN(3, n_units, 2, tau=100.0, dt=20.0, dale_ratio=0.8, autapses=False, seed=0)
    history = rnn.fit(
        task,
        epochs=epochs,
        lr=3e-3,
        clip_norm=1.0,
        scheduler="cosine",
        curriculum=Curriculum(steps=[200, 500, 900], duration=[300.0, 500.0, 1000.0, 2000.0]),
        seed=0,
        progress=show,
    )
    trials = task.batch(256, start=10**6)  # never seen in training
    outputs, states = rnn.predict(trials.inputs)
    error = task.metric(outputs, trials.targets, trials.mask)
    print(f"angle error {error:.1f}° after {history.n_steps} steps")

    # %%
    # Without input the states settle. Where they settle, almost-fixed points form a ring.
    rest = torch.zeros(1024, 50, 3)  # a second without input, from 4 moments of each trial
    settled = rnn.predict(rest, h=states[:, 24::25].flatten(0, 1)).states[:, -1]
    rings = find_manifolds(rnn, settled, x=torch.zeros(3), tol=0.03, n_points=60)
    print(rings)

    # %%
    # In the scene, colors are the reported heading, and the black curve is the ring.
    if show and rings:
        OUT.mkdir(parents=True, exist_ok=True)
        figure = draw(rnn, task, trials, outputs, states, rings[0], history)
        figure.savefig(OUT / "heading_integrator.png")
        angle = heading(outputs)[:60]
        scene = Scene(states[:60, 10:], color=angle[:, 10:], color_label="heading (°)", period=360)
        scene.add_path(rings[0].states, "ring attractor", closed=True).save(OUT / "scene.html")

    if history.n_steps >= 2000:
        assert error < 8
        assert rings[0].kind == "ring"
        assert rings[0].is_attracting
        angles = heading(rnn.readout(rings[0].states.float())).detach()
        assert len({int(a // 30) for a in angles}) == 12  # a slow point for every direction
    return rings


def heading(outputs):
    """Return the angle that the outputs stand for, in degrees."""
    return torch.rad2deg(torch.atan2(outputs[..., 1], outputs[..., 0]))


def draw(rnn, task, trials, outputs, states, ring, history):
    """Draw a trial, the loss, the ring among the trajectories, and its eigenvalues."""
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.2))
    time = torch.arange(task.n_steps) * task.dt / 1000
    for k in range(3):
        axes[0].plot(time, heading(trials.targets[k]), ".", markersize=3, alpha=0.5)
        axes[0].plot(time, heading(outputs[k]), ".", markersize=1, color="black")
    axes[0].set(title="heading and report (black)", xlabel="time (s)", ylabel="angle (°)")
    axes[0].set_yticks([-180, -90, 0, 90, 180])
    plot_loss(history, ax=axes[1])

    plane = Projection.fit(states[:, 10:], n_components=2)
    plot_trajectories(states[:20, 10:], projection=plane, ax=axes[2])
    angle = heading(rnn.readout(ring.states.float())).detach()
    dots = axes[2].scatter(
        *plane.transform(ring.states).T, c=angle, cmap=colormap("turn"), zorder=3
    )
    figure.colorbar(dots, ax=axes[2], label="heading (°)", ticks=[-180, -90, 0, 90, 180])
    axes[2].set_title("ring attractor")
    plot_spectrum(ring.eigenvalues.flatten(), ax=axes[3])
    return figure


if __name__ == "__main__":
    main()
