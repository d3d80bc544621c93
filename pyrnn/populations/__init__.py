"""Many networks: train them in a folder, and measure how alike two of them are."""

from pyrnn.populations.agreement import Agreement
from pyrnn.populations.analysis import Analysis, analyze
from pyrnn.populations.classes import Classes, find_classes
from pyrnn.populations.grid import grid
from pyrnn.populations.measures import shape_distance, spectra_distance
from pyrnn.populations.open_population import open_population
from pyrnn.populations.population import Population
from pyrnn.populations.training import train_population

__all__ = [
    "Agreement",
    "Analysis",
    "Classes",
    "Population",
    "analyze",
    "find_classes",
    "grid",
    "open_population",
    "shape_distance",
    "spectra_distance",
    "train_population",
]
