"""One page about a network: what it does, how it learned, what it is made of."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from pyrnn.arrays import Array, as_array
from pyrnn.base import RNNBase
from pyrnn.connectivity import Connectivity
from pyrnn.dynamics import jacobian
from pyrnn.plot.spectra import plot_spectrum
from pyrnn.plot.states import plot_explained_variance, plot_states, plot_trajectories
from pyrnn.plot.style import muted, styled
from pyrnn.plot.training import plot_loss
from pyrnn.plot.trials import plot_trial
from pyrnn.plot.weights import plot_weights
from pyrnn.tasks import Task, Trial
from pyrnn.training import History
from pyrnn.validate import as_integer

__all__ = ["plot_summary"]

_N_LINES = 24  # trials that are drawn as trajectories
_LAYOUT: list[Any] = [
    ["trial", "trial", "words"],
    ["loss", "weights", "spectrum"],
    ["space", "pcs", "states"],
]


@styled
def plot_summary(network: RNNBase, task: Task, *, n_trials: int = 64) -> Figure:
    """Draw one page about a network.

    It shows a trial, the training, the weights, the spectrum, trajectories and dimensionality.

    Args:
        network: A network, trained or not.
        task: A task with the channels of the network. Its first trials are run.
        n_trials: How many trials to run.

    Returns:
        The figure.

    Raises:
        TypeError: If the arguments are not a network and a task.
        ValueError: If network and task have different channels.

    Example:
        >>> from pyrnn import CTRNN
        >>> from pyrnn.tasks import FlipFlop
        >>> figure = plot_summary(CTRNN(2, 16, 2), FlipFlop(n_bits=2), n_trials=4)
        >>> [ax.get_title(loc="left") for ax in figure.axes][:2]
        ['trial', 'summary']
    """
    _check(network, task)
    batch = task.batch(as_integer("n_trials", n_trials, low=1))
    outputs, states = network.predict(batch.inputs)
    figure, axes = plt.subplot_mosaic(_LAYOUT, figsize=(11.7, 8.3))
    plot_trial(batch, outputs, dt=task.dt, ax=axes["trial"])
    _write_words(axes["words"], network, task, _score(task, outputs, batch))
    _draw_training(axes["loss"], network.history)
    regions = network.connectivity if isinstance(network.connectivity, Connectivity) else None
    weight = network.w_rec.weight
    plot_weights(weight, signs=network.signs, regions=regions, ax=axes["weights"])
    plot_spectrum(_jacobian(network, states), ax=axes["spectrum"])
    axes["spectrum"].set_title("spectrum at the mean state", loc="left")
    plot_trajectories(states[:_N_LINES], ax=axes["space"])
    plot_explained_variance(states, ax=axes["pcs"])
    plot_states(states[0], ax=axes["states"])
    return figure


def _check(network: RNNBase, task: Task) -> None:
    """Check that a network and a task have the same channels.

    Raises:
        TypeError: If the arguments are something else.
        ValueError: If the channels differ.
    """
    if not isinstance(network, RNNBase) or not isinstance(task, Task):
        raise TypeError(
            f"expected a network of pyrnn and a task, got {type(network).__name__} and "
            f"{type(task).__name__}; as in plot_summary(rnn, FlipFlop()). RNN.from_torch, "
            "GRU.from_torch and LSTM.from_torch copy a module of torch"
        )
    wanted, given = (task.input_size, task.output_size), (network.input_size, network.output_size)
    if wanted != given:
        raise ValueError(
            f"expected a network with {wanted} channels in and out, as the task has, got {given}; "
            f"make it with {type(network).__name__}({wanted[0]}, n_units, {wanted[1]})"
        )


def _score(task: Task, outputs: Tensor, batch: Trial) -> str:
    value = task.metric(outputs, batch.targets.to(outputs.device), batch.mask.to(outputs.device))
    return f"{task.metric_name} {float(value):.4g}"


def _write_words(ax: Axes, network: RNNBase, task: Task, score: str) -> None:
    """Write facts about the network and the task."""
    about = network.describe()
    rows = {"network": about.title, "task": type(task).__name__, "result": score}
    rows |= {name: value for name, value in about.rows if name != "training"}
    ax.axis("off")
    ax.set_title("summary", loc="left")
    for i, (name, value) in enumerate(rows.items()):
        y = 0.95 - 0.115 * i
        ax.text(0.0, y, name, color=muted(), transform=ax.transAxes, va="top")
        ax.text(0.38, y, value, transform=ax.transAxes, va="top", weight="bold")


def _draw_training(ax: Axes, history: History | None) -> None:
    if history is not None and history.n_steps:
        plot_loss(history, ax=ax)
        return
    ax.axis("off")
    ax.text(0.5, 0.5, "not trained", transform=ax.transAxes, ha="center", color=muted())


def _jacobian(network: RNNBase, states: Tensor) -> Array:
    """Return the Jacobian of the step at the mean state, without input."""
    mean = states.reshape(-1, states.shape[-1]).mean(dim=0)
    return as_array(jacobian(network, mean, torch.zeros(network.input_size).to(mean)))
