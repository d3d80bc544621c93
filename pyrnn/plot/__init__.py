"""Figures: ``plot_x(data, *, ax=None) -> Axes``, never ``plt.show()``, tensors welcome."""

from pyrnn.plot.flows import plot_basins, plot_bifurcation, plot_flow
from pyrnn.plot.graphs import plot_transition_graph
from pyrnn.plot.live import live_plot
from pyrnn.plot.spectra import plot_lyapunov, plot_magnitudes, plot_spectrum
from pyrnn.plot.states import (
    plot_explained_variance,
    plot_state_lines,
    plot_states,
    plot_trajectories,
)
from pyrnn.plot.style import STYLE_SHEET
from pyrnn.plot.summary import plot_summary
from pyrnn.plot.training import (
    plot_gradient_norm,
    plot_learning_rate,
    plot_loss,
    plot_loss_surface,
)
from pyrnn.plot.trials import plot_psychometric, plot_trial
from pyrnn.plot.weights import plot_stems, plot_time_constants, plot_weights

__all__ = [
    "STYLE_SHEET",
    "live_plot",
    "plot_basins",
    "plot_bifurcation",
    "plot_explained_variance",
    "plot_flow",
    "plot_gradient_norm",
    "plot_learning_rate",
    "plot_loss",
    "plot_loss_surface",
    "plot_lyapunov",
    "plot_magnitudes",
    "plot_psychometric",
    "plot_spectrum",
    "plot_state_lines",
    "plot_states",
    "plot_stems",
    "plot_summary",
    "plot_time_constants",
    "plot_trajectories",
    "plot_transition_graph",
    "plot_trial",
    "plot_weights",
]
