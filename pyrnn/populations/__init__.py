"""Many networks: train them in a folder, sort them into classes, measure how alike they are."""

from pyrnn.populations.grid import grid
from pyrnn.populations.population import Population, open_population
from pyrnn.populations.training import train_population

__all__ = ["Population", "grid", "open_population", "train_population"]
