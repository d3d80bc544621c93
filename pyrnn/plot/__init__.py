"""Figures: ``plot_x(data, *, ..., ax=None)`` draws data and returns the ``Axes``.

Data may be tensors, arrays or results of pyrnn. No function calls ``plt.show()``.
"""

from pyrnn.plot.effects import plot_effects
from pyrnn.plot.flows import plot_basins, plot_bifurcation, plot_flow
from pyrnn.plot.graphs import plot_transition_graph
from pyrnn.plot.live import live_plot
from pyrnn.plot.populations import plot_distances, plot_population_map
from pyrnn.plot.spectra import plot_lyapunov, plot_spectrum
from pyrnn.plot.states import plot_explained_variance, plot_states, plot_trajectories
from pyrnn.plot.style import DARK_STYLE_SHEET, STYLE_SHEET
from pyrnn.plot.summary import plot_summary
from pyrnn.plot.tracks import plot_tracks
from pyrnn.plot.training import plot_history, plot_loss
from pyrnn.plot.trials import plot_psychometric, plot_trial
from pyrnn.plot.weights import plot_time_constants, plot_weights

__all__ = [
    "DARK_STYLE_SHEET",
    "STYLE_SHEET",
    "live_plot",
    "plot_basins",
    "plot_bifurcation",
    "plot_distances",
    "plot_effects",
    "plot_explained_variance",
    "plot_flow",
    "plot_history",
    "plot_loss",
    "plot_lyapunov",
    "plot_population_map",
    "plot_psychometric",
    "plot_spectrum",
    "plot_states",
    "plot_summary",
    "plot_time_constants",
    "plot_tracks",
    "plot_trajectories",
    "plot_transition_graph",
    "plot_trial",
    "plot_weights",
]
