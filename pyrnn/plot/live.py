"""A figure of the loss that follows a running training."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyrnn.plot.training import plot_loss
from pyrnn.training.loop import Training
from pyrnn.validate import as_integer

__all__ = ["live_plot"]


def live_plot(every: int = 1) -> Callable[[Training], None]:
    """Return a callback of ``fit`` that draws the loss while the network learns.

    In a notebook the figure is replaced in place; elsewhere it is shown in a window.

    Args:
        every: Number of epochs from one drawing to the next.

    Raises:
        TypeError: If ``every`` is not a whole number.
        ValueError: If ``every`` is less than 1.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> rnn, task = RNN(3, 8, 3), FlipFlop(n_trials=8)
        >>> history = rnn.fit(task, epochs=5, callbacks=live_plot(every=10), progress=False)
        >>> history.n_epochs
        5
    """
    every = as_integer("every", every, low=1)
    shown: list[tuple[Figure, Axes]] = []  # one figure, made at the first drawing

    def draw(training: Training) -> None:
        if training.history.n_epochs % every:
            return
        if not shown:
            shown.append(plt.subplots())
        figure, axes = shown[0]
        axes.clear()
        plot_loss(training.history, ax=axes)
        _show(figure)

    return draw


def _show(figure: Figure) -> None:
    """Show a figure that will change again."""
    if "inline" in plt.get_backend():
        from IPython.display import clear_output, display

        clear_output(wait=True)
        display(figure)
        return
    if figure.canvas.required_interactive_framework:
        figure.show()
    figure.canvas.draw_idle()
    figure.canvas.flush_events()
