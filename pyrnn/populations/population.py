"""Population: trained networks in a folder, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from pyrnn.arrays import Array, ArrayLike
from pyrnn.base import RNNBase, load
from pyrnn.populations._folder import Row, Run, read
from pyrnn.populations._jobs import as_n_jobs
from pyrnn.populations._questions import (
    COLUMNS,
    Dynamics,
    answer_all,
    answers,
    other_questions,
)
from pyrnn.populations.analysis import Analysis
from pyrnn.result import Report, Result
from pyrnn.training._datasets import Dataset
from pyrnn.validate import as_boolean, as_integer

if TYPE_CHECKING:
    import pandas

__all__ = ["Population"]


@dataclass(frozen=True, eq=False, repr=False)
class Population(Result):
    """Networks in a folder: a row for each, loaded only when asked for.

    An integer as index loads one network. A slice, a mask or several integers select some. A loop
    loads one network after the other.

    Args:
        folder: The folder.
        names: Name of each run, which its files have.
        rows: For each run its settings, its results, and its ``error`` if it failed.
        analysis_key: Which analysis of the folder belongs to it; empty before ``analyze``.
        scores: Columns with scores and numbers that ``analyze`` has added.

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
    analysis_key: str = ""
    scores: tuple[str, ...] = ()

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

    def analyze(
        self,
        *,
        tests: Mapping[str, Dataset | Mapping[str, object]] | None = None,
        measures: Mapping[str, Callable[[RNNBase], object]] | None = None,
        inputs: ArrayLike | None = None,
        x: ArrayLike | None = None,
        n_trials: int = 64,
        n_jobs: int = 1,
        retry: bool = False,
        progress: bool = True,
    ) -> Population:
        """Analyze each network once; answers are kept in the folder.

        Each network is run on the same inputs. From its states its fixed points, their
        certificates and the skeleton are found, see :func:`~pyrnn.populations.analyze`. Its score
        is that of its task, on trials that are held out, and of each test. A second call does
        what is missing. An analysis that fails is a row with its reason in the column ``failed``.

        Args:
            tests: Other tasks, such as one with longer trials, by the name of their column; or
                the parameters of the run's own task that change. The column has the metric of the
                task, or the loss if it has none.
            measures: Functions of a network that return a number, a text, or a dict of these, by
                the name of their column.
            inputs: Inputs that all networks share, ``(n_trials, time, input_size)``; by default
                the first trials of the task of a run, which the folder remembers.
            x: Constant input of the fixed points, ``(input_size,)``; by default zero.
            n_trials: Number of these trials.
            n_jobs: Number of workers, each of one thread; -1 for one on each core.
            retry: Whether to repeat what has failed.
            progress: Whether to show a progress bar.

        Returns:
            The population with the new columns ``points``, ``attractors``, ``verdict``, ``score``
            and one for each test and measure.

        Raises:
            TypeError: If a measure is no function.
            ValueError: If a column has the name already, or files cannot name the task, so that
                ``inputs`` are needed.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.populations import grid, train_population
            >>> from pyrnn.tasks import FlipFlop
            >>> def make(seed):
            ...     return RNN(1, 4, 1, seed=seed), FlipFlop(1, n_trials=64), {"epochs": 1}
            >>> folder = getfixture("tmp_path") / "flipflop"
            >>> population = train_population(make, grid(seed=[0, 1]), folder, progress=False)
            >>> longer = {"longer": {"duration": 2000.0}}
            >>> population = population.analyze(tests=longer, progress=False)
            >>> population.column("verdict").tolist(), population.scores
            (['complete', 'complete'], ('score', 'longer'))
            >>> population.analysis(0).points.n_unstable
            tensor([0])
        """
        options = {
            "retry": as_boolean("retry", retry),
            "progress": as_boolean("progress", progress),
        }
        trained, path = self.trained, Path(self.folder)
        if not len(trained):
            return self
        first = Run(path, trained.names[0])
        dynamics = Dynamics.of(first, inputs, x, as_integer("n_trials", n_trials, low=1))
        before = [{k: v for k, v in row.items() if k not in self._added} for row in self.rows]
        taken = {*COLUMNS, *(name for row in before for name in row)}
        questions = [dynamics, *other_questions(first, tests or {}, measures or {}, taken)]
        answer_all(questions, path, trained.names, n_jobs=as_n_jobs(n_jobs), **options)
        found = {name: answers(questions, path, name) for name in trained.names}
        rows = [
            {**row, **found.get(name, {})} for name, row in zip(self.names, before, strict=True)
        ]
        known = dict.fromkeys(key for row in found.values() for key in row)
        scores = tuple(key for key in known if key not in COLUMNS)
        return replace(self, rows=tuple(rows), analysis_key=dynamics.key, scores=scores)

    def analysis(self, index: int) -> Analysis:
        """Load the analysis of a network.

        Args:
            index: Number of the network.

        Returns:
            The analysis.

        Raises:
            ValueError: If the population is not analyzed, or the analysis of this network failed.

        Example:
            >>> Population("folder", ("run",), ({"seed": 0},)).analysis(0)
            Traceback (most recent call last):
            ...
            ValueError: expected a population that is analyzed, got one that is not; call ...
        """
        if not self.analysis_key:
            raise ValueError(
                "expected a population that is analyzed, got one that is not; call "
                "population = population.analyze()"
            )
        row = self.rows[index]
        if "verdict" not in row:
            reason = row.get("error") or row.get("failed")
            raise ValueError(f"expected an analysis of network {index}, got none: {reason}")
        run = Run(Path(self.folder), self.names[index])
        return Analysis.load(run.answer(self.analysis_key, ".npz"))

    def analyses(self) -> Iterator[Analysis | str]:
        """Load the analyses of all networks, one after the other.

        Yields:
            The analysis of each network, or why there is none.

        Raises:
            ValueError: If the population is not analyzed.

        Example:
            >>> list(Population("folder", (), ()).analyses())
            []
        """
        for i, row in enumerate(self.rows):
            reason = row.get("error") or (None if "verdict" in row else row.get("failed"))
            yield str(reason) if reason else self.analysis(i)

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

    @property
    def _added(self) -> tuple[str, ...]:
        return (*COLUMNS, *self.scores)

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
        last = [name for name in ("seconds", "error", "failed") if name in columns]
        order = [*(name for name in columns if name not in last), *last]
        return {name: [row.get(name) for row in self.rows] for name in order}

    def _report(self) -> Report:
        rows = [(name, _range(values)) for name, values in self._frame().items()]
        notes = [f"status: {self.status}", f"folder: {self.folder}"]
        return Report(f"{len(self)} networks", ("column", "values"), rows, notes)


_MISSING = "not finished"
_FEW = 3  # texts of a column that a summary lists


def _row(run: Run) -> Row:
    settings = dict(read(run.about)["settings"])  # type: ignore[call-overload]
    found = read(run.row) if run.row.exists() else {"error": _MISSING}
    return {**settings, **{name: value for name, value in found.items() if name != "format"}}


def _range(values: Sequence[object]) -> str:
    """Return the values of a column in a few words."""
    known = [value for value in values if value is not None]
    numbers = [value for value in known if isinstance(value, (int, float))]
    counts = Counter(map(str, known))
    if numbers and len(numbers) == len(known):
        low, high = min(numbers), max(numbers)
        text = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    elif len(counts) <= _FEW:
        text = ", ".join(f"{value} ({n})" for value, n in counts.most_common())
    else:
        text = f"{len(counts)} different"
    n_none = len(values) - len(known)
    return f"{text}, none in {n_none}".removeprefix(", ") if n_none else text
