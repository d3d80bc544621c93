"""Questions to every network of a population, answered once and kept in its folder."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from pyrnn.arrays import ArrayLike
from pyrnn.base import RNNBase, load
from pyrnn.populations import _jobs
from pyrnn.populations._folder import Row, Run, described, digest, read, texts, write, write_once
from pyrnn.populations.analysis import analyze, as_inputs, key_of, kinds_of
from pyrnn.populations.grid import plain_settings
from pyrnn.serialize import class_named, decode
from pyrnn.tasks import Task
from pyrnn.training import evaluate
from pyrnn.training._described import described_contents, described_dataset
from pyrnn.validate import as_tensor, check_callable

__all__ = [
    "COLUMNS",
    "Dynamics",
    "Question",
    "answer_all",
    "answers",
    "other_questions",
]

Question: TypeAlias = "Dynamics | Test | Measure"
COLUMNS = ("points", "attractors", "verdict", "failed")
"""Columns of every analysis."""

_SCORE = "score"  # column of the score on trials of the run's own task
_HELD_OUT = 0.25  # of the trials of a task


@dataclass(frozen=True)
class Dynamics:
    """What are fixed points, skeleton and states?"""

    inputs: Tensor
    x: Tensor | None

    @classmethod
    def of(
        cls, run: Run, inputs: ArrayLike | None, x: ArrayLike | None, n_trials: int
    ) -> Dynamics:
        """Return the question, by default with the first trials of the task of a run.

        Raises:
            ValueError: If there are no inputs, because files cannot name the task.
        """
        if inputs is None:
            task = _shared_task(run)
            if task is None:
                raise ValueError(
                    "expected a task of pyrnn in make, got another dataset; pass inputs=..., of "
                    "shape (n_trials, time, input_size)"
                )
            inputs = task.batch(n_trials).inputs
        return cls(as_inputs(inputs), None if x is None else as_tensor("x", x))

    @functools.cached_property
    def key(self) -> str:
        x = None if self.x is None else texts(self.x.double())
        return "analysis-" + digest([key_of(self.inputs), x])

    def answer(self, network: RNNBase, run: Run) -> Row:
        """Write the analysis, and return its columns."""
        analysis = analyze(network, self.inputs, self.x)
        analysis.save(run.answer(self.key, ".npz"))
        counts = kinds_of(analysis.skeleton)
        return {
            "points": len(analysis.points),
            "attractors": sum(n for kind, n in counts.items() if "unstable" not in kind),
            "verdict": analysis.status,
        }


@dataclass(frozen=True)
class Test:
    """What is the score on a task, or on that of the run with other parameters?"""

    name: str
    task: object

    @functools.cached_property
    def key(self) -> str:
        if isinstance(self.task, Mapping):
            about: object = texts(dict(self.task))
        else:
            data = self.task
            about = [described(data), described_dataset(data), described_contents(data)]  # type: ignore[arg-type]
        return "test-" + digest([self.name, about])

    def answer(self, network: RNNBase, run: Run) -> Row:
        """Return the metric of the task, or the loss if it has none."""
        task = self.task
        if isinstance(task, Mapping):
            own = task_of(run)
            if own is None:
                raise ValueError("expected a task that files can name; pass the whole task")
            task = own.replace(**task) if task else own.split(_HELD_OUT)[1]
        scores = evaluate(network, task)  # type: ignore[arg-type]
        return {self.name: list(scores.values())[-1]}


@dataclass(frozen=True)
class Measure:
    """What does a function of the user's return?"""

    name: str
    function: _jobs.Carried
    key: str

    @classmethod
    def of(cls, name: str, function: Callable[[RNNBase], object]) -> Measure:
        """Return the question; other code of the function is another question."""
        try:
            code: object = inspect.getsource(function)
        except (OSError, TypeError):
            code = described(function)
        return cls(name, _jobs.Carried(function), "measure-" + digest([name, code]))

    def answer(self, network: RNNBase, run: Run) -> Row:
        """Return what the function returns, in columns."""
        found = self.function.function(network)
        if isinstance(found, Mapping):
            return {f"{self.name}.{k}": v for k, v in plain_settings(found).items()}
        return {**plain_settings({self.name: found})}


@dataclass(frozen=True)
class _Job:
    """What a worker needs to answer some questions about a network."""

    questions: tuple[Question, ...]
    folder: str
    name: str
    dtype: torch.dtype
    classes: tuple[_jobs.Carried, ...]  # of the network and its task, which files name


def other_questions(
    run: Run,
    tests: Mapping[str, object],
    measures: Mapping[str, Callable[[RNNBase], object]],
    taken: Collection[str],
) -> list[Question]:
    """Return the tests, with that on the task of each run, and the measures.

    Raises:
        TypeError: If a measure is no function.
        ValueError: If two columns would have the same name.
    """
    for name in (*tests, *measures):
        if name in (*taken, _SCORE) or (name in tests and name in measures):
            raise ValueError(f"expected a name that no column has, got {name!r} twice")
    for name, function in measures.items():
        check_callable(name, function, "network")
    own: Mapping[str, object] = {} if task_of(run) is None else {_SCORE: {}}
    return [
        *(Test(name, task) for name, task in {**own, **tests}.items()),
        *(Measure.of(name, function) for name, function in measures.items()),
    ]


def answer_all(
    questions: Sequence[Question],
    folder: Path,
    names: Iterable[str],
    *,
    n_jobs: int,
    retry: bool,
    progress: bool,
) -> None:
    """Answer questions about some runs that have no answer yet."""
    dtype = torch.get_default_dtype()
    carried: dict[str, _jobs.Carried] = {}
    jobs = []
    for name in names:
        run = Run(folder, name)
        missing = tuple(each for each in questions if _is_missing(run.answer(each.key), retry))
        if missing:
            classes = tuple(_classes_of(run, carried))
            jobs.append(_Job(missing, str(folder), name, dtype, classes))
    _jobs.run_all(_answer, jobs, n_jobs=n_jobs, label="analyze", progress=progress)


def answers(questions: Sequence[Question], folder: Path, name: str) -> Row:
    """Return the answers about a run as columns, and why some failed."""
    row: Row = {}
    failed = []
    for question in questions:
        found = read(Run(folder, name).answer(question.key))
        row.update(found.get("row", {}))  # type: ignore[call-overload]
        failed += [str(found["error"])] if "error" in found else []
    return {**row, "failed": "; ".join(failed)} if failed else row


def task_of(run: Run) -> Task | None:
    """Return the task that a run was trained on; None if files cannot name it."""
    found = decode(read(run.about)["task"])
    return found if isinstance(found, Task) else None


def _shared_task(run: Run) -> Task | None:
    """Return the task whose trials all networks of the folder share: that of the first call.

    Shards and selections of a population then agree on it, and so does a grid that grows.
    """
    path = run.folder / "population.task.json"
    own = read(run.about)["task"]
    if not path.exists() and own is not None:
        write_once(path, {"task": own})
    found = decode(read(path)["task"]) if path.exists() else None
    return found if isinstance(found, Task) else None


def _classes_of(run: Run, carried: dict[str, _jobs.Carried]) -> Iterator[_jobs.Carried]:
    """Yield the classes that the files of a run name; those of a script reach workers with it."""
    about = read(run.about)
    built = about["built"]
    for thing in (built.get("network"), about["task"]):  # type: ignore[attr-defined]
        key = thing.get("__class__", "") if isinstance(thing, dict) else ""
        cls = class_named(key)
        if cls is not None:
            yield carried.setdefault(key, _jobs.Carried(cls))


def _is_missing(path: Path, retry: bool) -> bool:
    return not path.exists() or (retry and "error" in read(path))


def _answer(job: _Job) -> None:
    """Answer the questions about one network; write the files."""
    run = Run(Path(job.folder), job.name)
    with _jobs.settled(job.dtype):
        network = load(run.network)
        for question in job.questions:
            try:
                content: Row = {"row": question.answer(network, run)}
            except Exception as error:
                content = {"error": f"{question.key.partition('-')[0]}: {_jobs.reason(error)}"}
            write(run.answer(question.key), content)
