"""Figures: ``plot_x(data, *, ax=None) -> Axes``, never ``plt.show()``, tensors welcome."""

from pyrnn.plot.graphs import plot_transition_graph
from pyrnn.plot.spectra import plot_spectrum
from pyrnn.plot.style import STYLE_SHEET
from pyrnn.plot.training import plot_learning_rate, plot_loss
from pyrnn.plot.trials import plot_trial

__all__ = [
    "STYLE_SHEET",
    "plot_learning_rate",
    "plot_loss",
    "plot_spectrum",
    "plot_transition_graph",
    "plot_trial",
]
