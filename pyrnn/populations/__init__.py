"""Many networks: train and analyze them in a folder, sort them into classes, compare them."""

from pyrnn.populations.agreement import Agreement
from pyrnn.populations.alignment import align
from pyrnn.populations.analysis import Analysis, analyze
from pyrnn.populations.classes import Classes, find_classes
from pyrnn.populations.compare import compare
from pyrnn.populations.distances import Distances
from pyrnn.populations.dsa import DSAAngle, choose_rank, dsa_angle, dsa_distance
from pyrnn.populations.grid import grid
from pyrnn.populations.measures import shape_distance, spectra_distance
from pyrnn.populations.open_population import open_population
from pyrnn.populations.population import Population
from pyrnn.populations.training import train_population

__all__ = [
    "Agreement",
    "Analysis",
    "Classes",
    "DSAAngle",
    "Distances",
    "Population",
    "align",
    "analyze",
    "choose_rank",
    "compare",
    "dsa_angle",
    "dsa_distance",
    "find_classes",
    "grid",
    "open_population",
    "shape_distance",
    "spectra_distance",
    "train_population",
]
