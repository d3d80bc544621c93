"""From a pulse to a chirp.

A pulse of 50 ms has to trigger a chirp of one second, followed by silence. This is the task of
Rockpool's tutorial on training rate networks. 50 units learn weights, biases and, within bounds,
their time constants, through 3000 steps of 1 ms. The recipe of the tutorial is ``main(lr=1e-4,
clip_norm=None, scheduler=None, epochs=120)``: Adam at 1e-4 without clipping. By default the
example uses a higher rate that falls along a cosine and clips the gradient; the network then
learns the task.
"""

from copy import deepcopy
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import CTRNN
from pyrnn.dynamics import linearize
from pyrnn.plot import STYLE_SHEET, plot_loss, plot_spectrum, plot_states, plot_time_constants
from pyrnn.tasks import PulseToChirp
from pyrnn.training import L2, BoundsPenalty

OUT = Path("out/pulse_to_chirp")


def main(
    epochs=80, n_units=50, dt=1.0, lr=5e-3, clip_norm=1.0, scheduler="cosine", seed=0, show=True
):
    plt.style.use(STYLE_SHEET)

    # %%
    # Time constants begin between 20 and 300 steps and are trained with the weights. A penalty
    # keeps them above 11 steps.
    task = PulseToChirp(dt=dt, n_trials=50, seed=seed)  # an epoch is 50 steps of one trial each
    spread = torch.rand(n_units, generator=torch.Generator().manual_seed(seed))
    tau = 20 * dt * 15**spread  # from 20 to 300 steps, evenly on a logarithmic scale
    options = {"train_tau": True, "noise": 0.1, "gain": 1.2, "seed": seed}
    rnn = CTRNN(1, n_units, 1, tau=tau, dt=dt, **options)
    before = deepcopy(rnn)
    history = rnn.fit(
        task,
        epochs=epochs,
        batch_size=1,
        lr=lr,
        penalties=[BoundsPenalty(10.0, "tau", low=11 * dt), L2(1e-5, layers=["w_rec"])],
        clip_norm=clip_norm,
        scheduler=scheduler,
        seed=seed,
        progress=show,
    )

    # %%
    # How much of the chirp is explained, and what became of the time constants?
    trial = task[0]
    outputs, states = rnn.predict(trial.inputs)
    chirp = slice(*(int(edge / dt) for edge in trial.epochs["chirp"]))
    error = (outputs - trial.targets)[chirp].square().sum()
    r_squared = 1 - error / trial.targets[chirp].square().sum()
    tau = rnn.tau.detach()
    print(f"R² {r_squared:.3f} on the chirp after {history.n_steps} trials")
    print(f"time constants from {tau.min():.0f} to {tau.max():.0f} ms; {history.seconds:.0f} s")

    figure = draw(before, rnn, history, trial, outputs, states)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "pulse_to_chirp.png")
    assert tau.min() >= dt
    if history.n_steps >= 4000 and lr == 5e-3:
        assert r_squared >= 0.9
        assert tau.min() >= 10.9 * dt
    return float(r_squared)


def draw(before, rnn, history, trial, outputs, states):
    """Draw what the network does, its loss, states, time constants, biases and spectrum."""
    figure, axes = plt.subplots(2, 3, figsize=(11.5, 6.4))
    time = torch.arange(len(outputs)) * rnn.dt / 1000
    axes[0, 0].plot(time, trial.targets, color="C6", linewidth=3, alpha=0.35, label="target")
    axes[0, 0].plot(time, outputs, label="output")
    axes[0, 0].plot(time, trial.inputs, color="C1", linewidth=0.8, label="input")
    axes[0, 0].set(title="chirp", xlabel="time (s)", ylim=(-1.3, 1.9))
    axes[0, 0].legend(ncols=3, loc="upper right")
    plot_loss(history, ax=axes[0, 1])
    axes[0, 1].set(yscale="log", ylim=(1e-4, 0.3))
    plot_states(torch.tanh(states), style="lines", ax=axes[0, 2])
    plot_time_constants(rnn, initial=before, ax=axes[1, 0])
    axes[1, 1].stem(rnn.w_rec.bias.detach(), linefmt="C6:", markerfmt=".", basefmt=" ")
    axes[1, 1].set(title="bias", xlabel="unit", ylabel="bias")
    flows = [linearize(net, torch.zeros(len(net.tau))).flow_jacobians for net in (rnn, before)]
    spectrum, initial = (1000 * torch.linalg.eigvals(flow) for flow in flows)
    plot_spectrum(spectrum, initial=initial, continuous=True, ax=axes[1, 2])
    return figure


if __name__ == "__main__":
    main()
