"""train_population: train many networks, one file each, in a folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from pyrnn.base import RNNBase
from pyrnn.populations import _jobs
from pyrnn.populations._folder import (
    Run,
    described,
    differences,
    digest,
    known_runs,
    read,
    write,
)
from pyrnn.populations._worker import Job, Make, build, train
from pyrnn.populations.grid import Settings, plain_settings
from pyrnn.populations.population import Population
from pyrnn.serialize import encode
from pyrnn.validate import as_boolean, as_path

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["parse_shard", "shard_of", "train_population"]

_SHARD = "PYRNN_SHARD"
_logger = logging.getLogger(__name__)


def train_population(
    make: Make,
    runs: Iterable[Mapping[str, object]],
    folder: str | os.PathLike[str],
    *,
    n_jobs: int = 1,
    retry: bool = False,
    progress: bool = True,
) -> Population:
    """Train a network for each row of settings; a second call trains those that are missing.

    Each run has files of its own in the folder, named by a hash of its settings and of what
    ``make`` builds from them. A run that was interrupted continues from its last checkpoint, with
    the numbers of a run that was not. The files of a finished run are not written again. A run
    that fails is a row with its reason in the column ``error``; the other runs go on.

    The workers are those of joblib. ``joblib.parallel_config("dask")`` or ``"ray"`` around the
    call chooses others. Only settings, paths and rows pass between processes, never networks.

    Args:
        make: Function of the settings, called by name, that returns a new network, its task and,
            if needed, a dict of options of ``fit``. Define it at the top of a module. Without
            the option ``seed``, the setting ``seed`` or else 0 is the seed of ``fit``.
        runs: Settings of each run, such as ``grid`` returns.
        folder: Folder of the population.
        n_jobs: Number of workers, each of one thread; -1 for one on each core.
        retry: Whether to train failed runs again.
        progress: Whether to show a progress bar for all runs together.

    Returns:
        The population, in the order of ``runs``; within a shard, only the runs of the shard.

    Raises:
        TypeError: If ``make`` is no function, or a setting is not plain data.
        ValueError: If two runs have the same settings, or ``make`` now builds something else than
            what the folder has for the same settings.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.populations import grid
        >>> from pyrnn.tasks import FlipFlop
        >>> def make(seed):
        ...     return RNN(2, 8, 2, seed=seed), FlipFlop(2, n_trials=64), {"epochs": 2}
        >>> folder = getfixture("tmp_path") / "flipflop"
        >>> population = train_population(make, grid(seed=range(3)), folder, progress=False)
        >>> len(population), population[0].history.n_epochs
        (3, 2)
    """
    if not callable(make):
        raise TypeError(f"expected make to be a function of the settings, got {make!r}")
    rows = _checked_runs(runs)
    retry, progress = as_boolean("retry", retry), as_boolean("progress", progress)
    path = as_path("folder", folder).resolve()
    path.mkdir(parents=True, exist_ok=True)
    first, step = parse_shard(os.environ.get(_SHARD, "0/1"))
    names = _announce(make, rows[first::step], path)
    missing = [name for name in names if _is_missing(Run(path, name), retry)]
    dtype = torch.get_default_dtype()
    carried = _jobs.Carried(make)
    jobs = [Job(carried, names[name], str(path), name, dtype) for name in missing]
    _jobs.run_all(train, jobs, n_jobs=_jobs.as_n_jobs(n_jobs), label="train", progress=progress)
    population = Population.of(path, list(names))
    _log_failures(population)
    return population


def parse_shard(text: str) -> tuple[int, int]:
    """Read a shard, ``"i/n"``: every n-th run, from run i on.

    Args:
        text: The shard.

    Returns:
        Number of the shard, from 0, and number of shards.

    Raises:
        ValueError: If it is something else.

    Example:
        >>> parse_shard("3/100")
        (3, 100)
    """
    parts = text.split("/")
    if len(parts) == 2 and all(part.strip().isdigit() for part in parts):
        i, n = map(int, parts)
        if i < n:
            return i, n
    raise ValueError(f"expected a shard i/n with i from 0 to n - 1, such as 0/4, got {text!r}")


@contextmanager
def shard_of(text: str) -> Iterator[None]:
    """Let ``train_population`` train one shard of its runs only.

    Args:
        text: The shard, ``"i/n"``.

    Example:
        >>> with shard_of("0/4"):
        ...     pass
    """
    parse_shard(text)
    before = os.environ.get(_SHARD)
    os.environ[_SHARD] = text
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SHARD]
        else:
            os.environ[_SHARD] = before


def _checked_runs(runs: Iterable[Mapping[str, object]]) -> list[Settings]:
    if isinstance(runs, Mapping) or not isinstance(runs, Collection):
        raise TypeError(
            f"expected runs to be a list of settings, got {type(runs).__name__}; use grid(...)"
        )
    rows = [plain_settings(row) for row in runs]
    seen: set[str] = set()
    for row in rows:
        code = digest(row)
        if code in seen:
            raise ValueError(f"expected different settings in each run, got {row} twice")
        seen.add(code)
    return rows


def _announce(make: Make, rows: list[Settings], folder: Path) -> dict[str, Settings]:
    """Write the settings of new runs; return the settings of all by name."""
    known = known_runs(folder)
    by_settings = {digest(row): (name, built) for name, (row, built) in known.items()}
    names: dict[str, Settings] = {}
    previous: nn.Module | None = None
    for row in rows:
        built, task, network = _describe(make, row)
        if network is not None and network is previous:
            raise ValueError(
                "expected make to build a new network in each call, got the same one twice"
            )
        previous = network
        name = digest([row, built])
        if digest(row) in by_settings and name not in known:
            _refuse_change(Run(folder, by_settings[digest(row)][0]), row, known, built)
        if name not in known:
            write(Run(folder, name).about, {"settings": row, "built": built, "task": task})
        names[name] = row
    return names


def _describe(make: Make, row: Settings) -> tuple[object, object, RNNBase | None]:
    """Return what ``make`` builds, its task as plain data, and the network."""
    try:
        network, task, options = build(make, row)
    except Exception as error:
        return {"error": _jobs.reason(error)}, None, None
    built = {
        "network": described(network),
        "dtype": str(network.h0.dtype),
        "task": described(task),
        "fit": {name: described(value) for name, value in sorted(options.items())},
    }
    return built, _task_data(task), network


def _task_data(task: object) -> object:
    """Return a task as JSON, None if it is of a class that files cannot name."""
    try:
        data = encode(task, "task")
        digest(data)
    except (TypeError, ValueError):
        return None
    return data


def _refuse_change(
    run: Run, row: Settings, known: Mapping[str, tuple[Settings, object]], built: object
) -> None:
    """Refuse what ``make`` builds now if the folder has a network of another ``make``."""
    if not run.has_network:  # it failed, or has not begun
        for path in (run.row, run.about):
            path.unlink(missing_ok=True)
        return
    changes = "; ".join(differences(known[run.name][1], built))
    raise ValueError(
        f"expected make to build what is in {run.folder} for the settings {row}, got a "
        f"difference: {changes}; use another folder, or make it a setting"
    )


def _is_missing(run: Run, retry: bool) -> bool:
    return not run.row.exists() or (retry and "error" in read(run.row))


def _log_failures(population: Population) -> None:
    failed = [row["error"] for row in population.rows if row.get("error")]
    if failed:
        n = len(population)
        _logger.warning("%d of %d runs failed; the first one: %s", len(failed), n, failed[0])
