"""A folder is the truth of a population: what is in it, is never trained or written again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import pytest
import torch

import pyrnn
from pyrnn import CTRNN, RNN, RNNBase
from pyrnn.populations import Population, grid, open_population, train_population
from pyrnn.tasks import FlipFlop

SCRIPT = """
import os
import signal
from pyrnn import CTRNN
from pyrnn.populations import _worker, grid, train_population
from pyrnn.tasks import FlipFlop

class NetworkOfTheSweep(CTRNN):
    pass

def make(seed, dale_ratio):
    def die(training):
        if os.environ.get("DIE_IN") == f"epoch {training.epoch} of {seed} {dale_ratio}":
            os.kill(os.getpid(), signal.SIGKILL)

    rnn = NetworkOfTheSweep(2, 8, 2, dale_ratio=dale_ratio, seed=seed)
    return rnn, FlipFlop(2, n_trials=128, seed=seed), {"epochs": 8, "callbacks": die}

if __name__ == "__main__":
    _worker._SECONDS_BETWEEN = 0.0  # a checkpoint after every epoch
    runs = grid(seed=range(3), dale_ratio=[None, 0.8])
    population = train_population(make, runs, "runs", n_jobs=N_JOBS, progress=False)
    for rnn in population:
        rnn.save("copy.pt")
"""


def make(seed: int, dale_ratio: float | None = None) -> tuple[RNNBase, FlipFlop, dict[str, int]]:
    rnn = CTRNN(2, 8, 2, dale_ratio=dale_ratio, seed=seed)
    return rnn, FlipFlop(2, n_trials=128, seed=seed), {"epochs": 2}


def train(folder: Path, n: int = 3, **options: int) -> Population:
    return train_population(make, grid(seed=range(n)), folder, progress=False, **options)


def assert_same(first: Population, second: Population) -> None:
    assert first.names == second.names
    for a, b in zip(first.rows, second.rows, strict=True):
        assert {**a, "seconds": 0} == {**b, "seconds": 0}
    for one, other in zip(first, second, strict=True):
        weights = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in weights)


def written(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_run_is_what_fit_alone_gives(tmp_path: Path) -> None:
    rnn, task, options = make(seed=1)
    rnn.fit(task, **options, seed=1, progress=False)
    weights = train(tmp_path)[1].state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in rnn.state_dict().items())


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_give_the_same_numbers(tmp_path: Path, backend: str) -> None:
    with joblib.parallel_config(backend):
        assert_same(train(tmp_path / "one"), train(tmp_path / "two", n_jobs=2))


def test_finished_files_are_not_written_again_and_a_larger_grid_adds(tmp_path: Path) -> None:
    train(tmp_path)
    before = written(tmp_path)
    assert len(train(tmp_path, n=5)) == 5
    after = written(tmp_path)
    assert before.items() <= after.items()
    assert not [name for name in after if "part" in name]
    assert len(open_population(tmp_path)) == 5


def test_a_changed_make_is_refused_with_the_difference(tmp_path: Path) -> None:
    train(tmp_path)

    def other(seed: int) -> tuple[RNNBase, FlipFlop, dict[str, int]]:
        return CTRNN(2, 16, 2, seed=seed), FlipFlop(2, n_trials=128, seed=seed), {"epochs": 2}

    before = written(tmp_path)
    with pytest.raises(ValueError, match=r"network\.hidden_size was 8, is 16"):
        train_population(other, grid(seed=range(3)), tmp_path, progress=False)
    assert written(tmp_path) == before


def test_a_failed_run_is_a_row_with_its_reason(tmp_path: Path) -> None:
    def fragile(seed: int) -> tuple[RNNBase, FlipFlop, dict[str, float]]:
        rnn = RNN(2, 4, 2, seed=seed)
        if seed == 1:
            raise RuntimeError("no such seed")
        return rnn, FlipFlop(2, n_trials=64), {"epochs": 1, "lr": float("nan") if seed else 0.01}

    population = train_population(fragile, grid(seed=range(3)), tmp_path, progress=False)
    errors = [row.get("error") for row in population.rows]
    assert errors[0] is None
    assert errors[1] == "RuntimeError: no such seed"
    assert str(errors[2]).startswith("ValueError: expected lr")
    assert population.status == "2 failed"
    assert len(population.trained) == 1
    with pytest.raises(ValueError, match="no such seed"):
        population[1]


def test_the_same_network_in_each_call_is_refused(tmp_path: Path) -> None:
    shared = RNN(2, 4, 2, seed=0)
    with pytest.raises(ValueError, match="a new network in each call"):
        train_population(lambda seed: (shared, FlipFlop(2)), grid(seed=[0, 1]), tmp_path)


@pytest.mark.parametrize(
    ("runs", "error", "match"),
    [
        ([{"seed": 0}, {"seed": 0}], ValueError, "different settings"),
        ([{"task": FlipFlop()}], TypeError, "build it in make"),
        ({"seed": 0}, TypeError, "use grid"),
    ],
)
def test_wrong_runs_are_refused(
    tmp_path: Path, runs: object, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        train_population(make, runs, tmp_path)  # type: ignore[arg-type]


def test_masks_select(tmp_path: Path) -> None:
    population = train(tmp_path)
    chosen = population[population.table["seed"] > 0]
    assert chosen.column("seed").tolist() == [1, 2]
    assert population[1:].names == chosen.names == population[[1, 2]].names
    with pytest.raises(IndexError, match="a mask of 3"):
        population[[True]]


def test_a_summary_tells_values_and_what_has_none() -> None:
    rows = tuple(
        {"dale_ratio": 0.8 if i else None, "kind": "ab"[i % 2], "lr": 0.1} for i in range(3)
    )
    text = Population("folder", ("", "", ""), rows).summary()
    assert [" ".join(line.split()) for line in text.splitlines()[2:5]] == [
        "dale_ratio 0.8, none in 1",
        "kind a (2), b (1)",
        "lr 0.1",
    ]


def run(
    folder: Path, *arguments: str, n_jobs: int = 1, die_in: str = ""
) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    (folder / "sweep.py").write_text(SCRIPT.replace("N_JOBS", str(n_jobs)))
    path = str(Path(pyrnn.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    environment["DIE_IN"] = die_in
    command = [sys.executable, "-m", "pyrnn", "train", "sweep.py", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment)


@contextmanager
def known_class() -> Iterator[None]:
    class NetworkOfTheSweep(CTRNN):  # stands for that of the script
        pass

    yield


@pytest.mark.slow
def test_shards_kills_and_workers_give_the_same_numbers(tmp_path: Path) -> None:
    """With a class of the script, which the parent can save after the workers have used it."""
    assert run(tmp_path / "one").wait() == 0
    shards = [run(tmp_path / "shards", "--shard", f"{i}/4") for i in range(4)]
    assert [shard.wait() for shard in shards] == [0] * 4
    assert run(tmp_path / "loky", n_jobs=2).wait() == 0
    for epoch in (3, 5, 7):
        killed = run(tmp_path / "killed", die_in=f"epoch {epoch} of 0 None")
        assert killed.wait() == -signal.SIGKILL
    assert run(tmp_path / "killed", die_in="epoch 3 of 0 None").wait() == 0  # it is behind
    with known_class():
        expected = open_population(tmp_path / "one" / "runs")
        assert expected.status == "complete"
        for name in ("shards", "loky", "killed"):
            assert_same(expected, open_population(tmp_path / name / "runs"))
