"""A figure of the loss that is redrawn while a network trains."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from pyrnn.plot.training import plot_loss
from pyrnn.training.loop import Callback, Training
from pyrnn.validate import as_integer

__all__ = ["live_plot"]


def live_plot(every: int = 1) -> Callback:
    """Return a callback that draws the loss: in place in a notebook, in a window elsewhere.

    Args:
        every: Number of epochs between two drawings.

    Returns:
        The callback, for ``fit(..., callbacks=live_plot())``.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.tasks import FlipFlop
        >>> plot = live_plot(every=10)
        >>> history = RNN(3, 8, 3).fit(
        ...     FlipFlop(n_trials=8), epochs=5, callbacks=plot, progress=False
        ... )
    """
    every = as_integer("every", every, low=1)
    figures: list[Figure] = []

    def draw(training: Training) -> None:
        if training.history.n_epochs % every:
            return
        if not figures:
            figures.append(plt.figure())
            figures[0].add_subplot()
        (ax,) = figures[0].axes
        ax.clear()
        plot_loss(training.history, ax=ax)
        _show(figures[0])

    return draw


def _show(figure: Figure) -> None:
    """Show a figure that is going to change."""
    if "inline" in plt.get_backend():
        from IPython.display import clear_output, display

        clear_output(wait=True)
        display(figure)
        return
    if getattr(figure.canvas, "required_interactive_framework", None):
        figure.show()
    figure.canvas.draw_idle()
    figure.canvas.flush_events()
