"""Many networks: train them in a folder, and measure how alike two of them are."""

from pyrnn.populations.analysis import Analysis, analyze
from pyrnn.populations.grid import grid
from pyrnn.populations.measures import shape_distance, spectra_distance
from pyrnn.populations.population import Population, open_population
from pyrnn.populations.training import train_population

__all__ = [
    "Analysis",
    "Population",
    "analyze",
    "grid",
    "open_population",
    "shape_distance",
    "spectra_distance",
    "train_population",
]
