"""One page that says what a network does."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrnn.palette import SLATE
from pyrnn.plot.spectra import plot_spectrum
from pyrnn.plot.states import plot_explained_variance, plot_states, plot_trajectories
from pyrnn.plot.style import styled
from pyrnn.plot.training import plot_loss
from pyrnn.plot.trials import plot_trial
from pyrnn.plot.weights import plot_weights

N_TRIALS, N_LINES = 64, 24  # trials that are run, and drawn as trajectories
LAYOUT: list[Any] = [
    ["trial", "trial", "words"],
    ["loss", "weights", "spectrum"],
    ["space", "pcs", "states"],
]


@styled
def plot_summary(rnn: Any, task: Any, *, n_trials: int = N_TRIALS) -> Figure:
    """Draw one page: a trial, the training, weights, spectrum, trajectories and dimensionality.

    Args:
        rnn: A network, trained or not.
        task: A task with the network's channels; its first trials are run without gradient.
        n_trials: How many.

    Returns:
        The figure, to be saved or shown.

    Raises:
        ValueError: If network and task have different channels.

    Example:
        >>> from pyrnn import CTRNN
        >>> from pyrnn.tasks import FlipFlop
        >>> figure = plot_summary(CTRNN(2, 16, 2), FlipFlop(n_bits=2), n_trials=4)
        >>> [ax.get_title(loc="left") for ax in figure.axes][:2]
        ['trial', 'summary']
    """
    wanted, given = (task.input_size, task.output_size), (rnn.input_size, rnn.output_size)
    if wanted != given:
        raise ValueError(
            f"expected a network with {wanted} channels in and out, as the task has, got {given}; "
            f"make it with {type(rnn).__name__}({wanted[0]}, n_units, {wanted[1]})"
        )
    batch = task.batch(n_trials)
    dtype = next(rnn.parameters()).dtype
    outputs, states = rnn.predict(batch.inputs.to(dtype))
    figure, axes = plt.subplot_mosaic(LAYOUT, figsize=(11.7, 8.3))
    plot_trial(batch, outputs, dt=task.dt, ax=axes["trial"])
    _words(axes["words"], rnn, task, _score(task, outputs, batch))
    _training(axes["loss"], getattr(rnn, "history", None))
    weight = rnn.w_rec.weight
    regions = getattr(rnn.connectivity, "regions", None)
    plot_weights(weight, signs=rnn.signs, regions=regions, ax=axes["weights"])
    plot_spectrum(_jacobian(rnn, states), ax=axes["spectrum"])
    axes["spectrum"].set_title("spectrum at the mean state", loc="left")
    plot_trajectories(states[:N_LINES], ax=axes["space"])
    plot_explained_variance(states, ax=axes["pcs"])
    plot_states(states[0], ax=axes["states"])
    return figure


def _score(task: Any, outputs: Any, batch: Any) -> str:
    value = task.metric(outputs, batch.targets.to(outputs.device), batch.mask.to(outputs.device))
    return f"{task.metric_name} {float(value):.4g}"


def _words(ax: Axes, rnn: Any, task: Any, score: str) -> None:
    """Write what the network and the task are."""
    n_parameters = sum(p.numel() for p in rnn.parameters() if p.requires_grad)
    signs = rnn.signs
    dale = "none" if signs is None else f"{int((signs > 0).sum())} E, {int((signs < 0).sum())} I"
    rows = {
        "network": type(rnn).__name__,
        "task": type(task).__name__,
        "result": score,
        "units": str(rnn.hidden_size),
        "channels": f"{rnn.input_size} in, {rnn.output_size} out",
        "Dale's law": dale,
        "parameters": f"{n_parameters:,}",
        "time step": f"{rnn.dt:g} ms",
    }
    ax.axis("off")
    ax.set_title("summary", loc="left")
    for i, (name, value) in enumerate(rows.items()):
        y = 0.95 - 0.115 * i
        ax.text(0.0, y, name, color=SLATE, transform=ax.transAxes, va="top")
        ax.text(0.38, y, value, transform=ax.transAxes, va="top", weight="bold")


def _training(ax: Axes, history: Any) -> None:
    if history is not None and history.n_steps:
        plot_loss(history, ax=ax)
        return
    ax.axis("off")
    ax.text(0.5, 0.5, "not trained", transform=ax.transAxes, ha="center", color=SLATE)


def _jacobian(rnn: Any, states: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return the Jacobian of the step at the mean state, without input."""
    from pyrnn.dynamics import jacobian

    mean = states.reshape(-1, states.shape[-1]).mean(dim=0)
    matrix: np.ndarray[Any, Any] = (
        jacobian(rnn, mean, mean.new_zeros(rnn.input_size)).detach().cpu().numpy()
    )
    return matrix
