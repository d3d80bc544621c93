from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

import pyrnn
from pyrnn.tasks import ReadySetGo
from pyrnn.tasks._arguments import to_steps
from pyrnn.tasks.phases import Phase, Response, Stimulus
from tests.tasks.test_contract import ALL

FREE = {"seed", "tasks", "phases", "rules"}  # a seed may be negative, the others are no numbers
CLASSES = [make for make in ALL if isinstance(make, type)]
OPTIONS = [(c, f.name) for c in CLASSES for f in dataclasses.fields(c) if f.name not in FREE]


def bad_values(task, name):
    """Values that no numeric argument takes: alone, in a list, at the end of a range."""
    values = ["a", None, math.nan, math.inf, -1.0]
    given = getattr(task, name)
    if isinstance(given, tuple | list):
        values += [[value] for value in values] + [(1.0, value) for value in values]
    if name == "pairs":
        values = [values, *([(20.0, value)] for value in values)]
    return values


@pytest.mark.parametrize(("cls", "name"), OPTIONS, ids=lambda x: getattr(x, "__name__", x))
def test_wrong_kinds_nan_infinity_and_negative_numbers_are_refused_at_construction(cls, name):
    for value in bad_values(cls(), name):
        with pytest.raises((TypeError, ValueError), match=rf"^expected .*\b{name}\b.*, got "):
            cls(**{name: value})


@pytest.mark.parametrize("make", CLASSES)
def test_checked_arguments_are_those_that_were_given(make):
    task = make()
    assert make(**task.config).config == task.config == {**task.config}


def test_arguments_become_plain():
    task = ReadySetGo(np.float32(500), np.array([1, 2]), dt=torch.tensor(10), n_trials=np.int64(3))
    assert (task.interval, task.gains, task.dt, task.n_trials) == (500.0, (1.0, 2.0), 10.0, 3)
    kinds = [type(task.interval), type(task.gains[0]), type(task.dt), type(task.n_trials)]
    assert kinds == [float, float, float, int]


SCRIPT = """
from dataclasses import dataclass
import pyrnn.tasks
from pyrnn.tasks import Duration as Time, Task

Duration = float  # a name of the user's own

@dataclass(kw_only=True, eq=False)
class Mine(Task):
    wait: {annotation} = 500.0
    own: Duration = float("nan")
    other: "Missing" = float("nan")

@dataclass(kw_only=True, eq=False)
class Heir(Mine):
    gain: float = 1.0

class Plain(Heir):
    pass
"""
INSIDE = """
def inside():
    from dataclasses import dataclass
    from pyrnn.tasks import Duration, Task

    @dataclass(kw_only=True, eq=False)
    class Mine(Task):
        wait: Duration = 500.0

    return Mine

Mine = inside()
"""
FUTURE = "from __future__ import annotations\n"
CASES = [
    (start + SCRIPT.replace("{annotation}", annotation), name)
    for start in ("", FUTURE)
    for annotation in ("Time", "pyrnn.tasks.Duration", "'Time'", "Time | None", "'None | Time'")
    for name in ("Mine", "Heir", "Plain")
]


@pytest.mark.parametrize(("script", "name"), [*CASES, (INSIDE, "Mine"), (FUTURE + INSIDE, "Mine")])
def test_durations_of_users_are_checked_by_what_their_types_mean(script, name, monkeypatch):
    """Up to 0.1 the text of the annotation had to be "Duration"."""
    module = types.ModuleType("script")
    monkeypatch.setitem(sys.modules, "script", module)
    exec(compile(script, "script.py", "exec", dont_inherit=True), vars(module))
    cls = getattr(module, name)
    with pytest.raises(ValueError, match=r"expected wait to be a number >= 0 \(in ms\), got -5"):
        cls(wait=-5)
    with pytest.raises(ValueError, match="expected wait to last 0 or at least dt"):
        cls(wait=[100.0, 2.0])
    with pytest.raises(TypeError, match="expected wait to be a number"):
        cls(wait="a")
    assert cls(wait=(100, 200)).wait == (100.0, 200.0)
    if "None" in script:
        assert cls(wait=None).wait is None


def test_a_script_that_is_run_is_checked(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(FUTURE + SCRIPT.replace("{annotation}", "Time") + "Heir(wait=-5)")
    here = {**os.environ, "PYTHONPATH": str(Path(pyrnn.__file__).parents[1])}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=here)
    assert "ValueError: expected wait to be a number >= 0 (in ms), got -5" in done.stderr


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"duration": -1.0}, ValueError, "duration to be a number >= 0"),
        ({"duration": "a"}, TypeError, "duration to be a number"),
        ({"noise": math.nan}, ValueError, "noise to be a number >= 0, got nan"),
        ({"weight": -1}, ValueError, "weight to be a number >= 0, got -1"),
        ({"fixate": 1}, TypeError, "fixate to be True or False"),
        ({"draw": {"a": [math.inf]}}, ValueError, r"each value of draw\['a'\] to be a number"),
        ({"draw": ["a"]}, TypeError, "draw to map names to values"),
        (
            {"inputs": (None,)},
            TypeError,
            "a channel of inputs, if no name and no function",
        ),
        ({"inputs": "ab"}, TypeError, "inputs to be a tuple of channels, got 'ab'"),
        ({"targets": (math.nan,)}, ValueError, "a channel of targets"),
    ],
)
def test_impossible_phases_are_refused_at_construction(options, error, message):
    with pytest.raises(error, match=message):
        Phase(**{"duration": 100.0, **options})


def test_phases_become_plain():
    phase = Stimulus(100, "a", draw={"a": (-1, 1)})
    assert (phase.duration, phase.draw) == (100.0, {"a": (-1.0, 1.0)})
    assert isinstance(phase.duration, float)


def test_a_chain_may_pass_through_a_dt_that_is_too_long():
    """Phases are chained at the default dt of 20 ms before ``replace`` sets another one."""
    task = (Stimulus(5, 1.0) >> Response(10, 1.0)).replace(dt=1.0)
    assert task.n_steps == 15


def test_steps_are_rounded():
    assert to_steps("a", 26.0, 10.0) == 3
    assert to_steps("a", 0.0, 10.0) == 0
