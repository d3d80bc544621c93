"""Population: trained networks in a folder, as a table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from pyrnn.arrays import Array, ArrayLike
from pyrnn.base import RNNBase, load
from pyrnn.populations._folder import Row, Run, known_runs, read
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer

if TYPE_CHECKING:
    import pandas

__all__ = ["Population", "open_population"]


@dataclass(frozen=True, eq=False, repr=False)
class Population(Result):
    """Networks in a folder: a row for each, loaded only when asked for.

    An integer as index loads one network. A slice, a mask or several integers select some. A loop
    loads one network after the other.

    Args:
        folder: The folder.
        names: Name of each run, which its files have.
        rows: For each run its settings, its results, and its ``error`` if it failed.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.populations import grid, train_population
        >>> from pyrnn.tasks import FlipFlop
        >>> def make(seed, n_units):
        ...     return RNN(2, n_units, 2, seed=seed), FlipFlop(2, n_trials=64), {"epochs": 1}
        >>> runs = grid(seed=[0, 1], n_units=[4, 8])
        >>> folder = getfixture("tmp_path") / "flipflop"
        >>> population = train_population(make, runs, folder, progress=False)
        >>> population[1].hidden_size, [rnn.hidden_size for rnn in population]
        (8, [4, 8, 4, 8])
        >>> large = population[population.column("n_units") == 8]
        >>> len(large), large.trained, large.status
        (2, Population(2), 'complete')
        >>> list(population.table.columns[:3])
        ['seed', 'n_units', 'loss']
    """

    folder: str
    names: tuple[str, ...]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, folder: Path, names: Sequence[str]) -> Population:
        """Read the rows of some runs.

        Args:
            folder: The folder.
            names: Names of the runs.

        Returns:
            The population.

        Example:
            >>> Population.of(getfixture("tmp_path"), [])
            Population(0)
        """
        return cls(str(folder), tuple(names), tuple(_row(Run(folder, name)) for name in names))

    @property
    def table(self) -> pandas.DataFrame:
        """One row for each network; needs ``pip install pyrnn[pandas]``."""
        return self.to_pandas()

    @property
    def status(self) -> str:
        """Verdict in words."""
        missing = sum(row.get("error") == _MISSING for row in self.rows)
        failed = sum(bool(row.get("error")) for row in self.rows) - missing
        parts = [f"{failed} failed"] * bool(failed) + [f"{missing} not finished"] * bool(missing)
        return ", ".join(parts) or "complete"

    @property
    def trained(self) -> Population:
        """The networks that are trained to the end."""
        return self._select(np.array([i for i, row in enumerate(self.rows) if "error" not in row]))

    def column(self, name: str) -> Array:
        """Return a column of the table, without pandas.

        Args:
            name: Name of the column.

        Returns:
            One value for each network.

        Raises:
            KeyError: If there is no such column.
        """
        columns = self._frame()
        if name not in columns:
            raise KeyError(f"expected a column of {sorted(columns)}, got {name!r}")
        values = columns[name]
        try:
            return np.array(values, dtype=float if None in values else None)
        except (TypeError, ValueError):
            made = np.empty(len(values), dtype=object)
            made[:] = values
            return made

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> RNNBase: ...
    @overload
    def __getitem__(self, index: slice | ArrayLike) -> Population: ...
    def __getitem__(self, index: int | slice | ArrayLike) -> RNNBase | Population:
        """Load one network for an integer; select some for a slice, a mask or integers."""
        if isinstance(index, slice):
            return self._select(np.arange(len(self))[index])
        chosen = np.asarray(index)
        if chosen.ndim == 0:
            return self._load(as_integer("index", index))
        if chosen.dtype == bool and chosen.shape != (len(self),):
            raise IndexError(
                f"expected a mask of {len(self)} values, one for each network, got {chosen.shape}"
            )
        return self._select(np.arange(len(self))[chosen])

    def __iter__(self) -> Iterator[RNNBase]:
        return (self._load(i) for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Population({len(self)})"

    def _select(self, chosen: Array) -> Population:
        names = tuple(self.names[i] for i in chosen)
        return replace(self, names=names, rows=tuple(self.rows[i] for i in chosen))

    def _load(self, i: int) -> RNNBase:
        """Load network ``i``.

        Returns:
            The network.

        Raises:
            IndexError: If there is no such network.
            ValueError: If its training failed.
        """
        if not -len(self) <= i < len(self):
            raise IndexError(f"expected an index below {len(self)}, got {i}")
        if self.rows[i].get("error"):
            raise ValueError(
                f"expected a trained network, got run {i}, with the error "
                f"{self.rows[i]['error']}; population.trained has the others"
            )
        return load(Run(Path(self.folder), self.names[i]).network)

    def _frame(self) -> dict[str, list[object]]:
        columns = dict.fromkeys(name for row in self.rows for name in row)
        last = [name for name in ("seconds", "error") if name in columns]
        order = [*(name for name in columns if name not in last), *last]
        return {name: [row.get(name) for row in self.rows] for name in order}

    def _report(self) -> Report:
        rows = []
        for name, values in self._frame().items():
            numbers = [v for v in values if isinstance(v, (int, float))]
            if numbers and len(numbers) == len([v for v in values if v is not None]):
                rows.append((name, f"{min(numbers):g} to {max(numbers):g}"))
            else:
                rows.append((name, f"{len({str(v) for v in values})} different"))
        notes = [f"status: {self.status}", f"folder: {self.folder}"]
        return Report(f"{len(self)} networks", ("column", "values"), rows, notes)


_MISSING = "not finished"


def _row(run: Run) -> Row:
    settings = dict(read(run.about)["settings"])  # type: ignore[call-overload]
    found = read(run.row) if run.row.exists() else {"error": _MISSING}
    return {**settings, **{name: value for name, value in found.items() if name != "format"}}


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
