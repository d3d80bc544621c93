"""open_population: the population of a folder."""

from __future__ import annotations

import os
from pathlib import Path

from pyrnn.populations._folder import known_runs
from pyrnn.populations.population import Population

__all__ = ["open_population"]


def open_population(folder: str | os.PathLike[str]) -> Population:
    """Open the folder of a population, with all its runs.

    Args:
        folder: The folder.

    Returns:
        The population, in the order of its settings.

    Raises:
        FileNotFoundError: If there is no population in the folder.

    Example:
        >>> open_population(getfixture("tmp_path"))
        Traceback (most recent call last):
        ...
        FileNotFoundError: expected a folder that train_population wrote, got no runs in ...
    """
    path = Path(folder).resolve()
    known = known_runs(path)
    if not known:
        raise FileNotFoundError(
            f"expected a folder that train_population wrote, got no runs in {path}"
        )
    names = sorted(known, key=lambda name: [_rank(value) for value in known[name][0].values()])
    return Population.of(path, names)


def _rank(value: object) -> tuple[int, float, str]:
    """Return a key by which values of any kind can be sorted: numbers first."""
    if isinstance(value, (bool, int, float)):
        return 1, float(value), ""
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))
