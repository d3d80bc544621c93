"""Dask and Ray give the numbers of one process, also for classes of a script and after kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import pyrnn
from pyrnn.populations import open_population
from tests.engines import sweep  # with the class that files name

for engine in ("distributed", "ray"):
    pytest.importorskip(engine)

SCRIPT = Path(sweep.__file__)
ENGINES = ("dask", "ray")


def run(folder: Path, engine: str) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    path = str(Path(pyrnn.__file__).parent.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": "1",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    command = [sys.executable, str(SCRIPT), engine]
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)


def rows(folder: Path) -> list[dict[str, object]]:
    """Return the rows of all runs, and what was found of each, without times."""
    files = sorted((folder / "runs").glob("*.json"))
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    return [
        {"name": name, "text": "\n".join(x for x in text.splitlines() if "seconds" not in x)}
        for name, text in texts.items()
    ]


def assert_same(first: Path, second: Path) -> None:
    assert rows(first) == rows(second)
    a, b = (open_population(folder / "runs") for folder in (first, second))
    assert a.status == b.status == "complete"
    for one, other in zip(a, b, strict=True):
        weights = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        assert all(torch.equal(x, y) for x, y in weights)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    assert run(folder, "alone").wait() == 0
    return folder


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_gives_the_same_numbers(alone: Path, tmp_path: Path, engine: str) -> None:
    """With a class and a function of the script, and networks under Dale's law."""
    assert run(tmp_path, engine).wait() == 0
    assert_same(alone, tmp_path)


def test_so_does_an_engine_that_is_killed_three_times(alone: Path, tmp_path: Path) -> None:
    for n_files in (1, 3, 5):
        killed = run(tmp_path, "dask")
        wanted = "runs/*.pt"
        while killed.poll() is None and len(list(tmp_path.glob(wanted))) < n_files:
            time.sleep(0.005)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    assert run(tmp_path, "dask").wait() == 0
    assert_same(alone, tmp_path)
