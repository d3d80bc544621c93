from __future__ import annotations

import inspect
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from pyrnn import RateRNN, tasks

DOCS = Path(__file__).parents[2] / "docs" / "tasks"


def test_the_introduction_runs_as_printed():
    names = {"rnn": RateRNN(3, 8, 3, seed=0)}
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
    assert len(blocks) == 5
    for block in (blocks[0], blocks[4], *blocks[1:4]):
        exec(block, names)
    assert len(names["curve"].evidence) == 4
    plt.close("all")


TASKS = [
    name
    for name in tasks.__all__
    if inspect.isclass(getattr(tasks, name))
    and issubclass(getattr(tasks, name), tasks.Task)
    and name not in ("ChoiceTask", "PhaseTask", "Task")
]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_introduced(name):
    assert f"[{name}](" in (DOCS / "index.md").read_text()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_names_its_equation_its_shapes_its_errors_and_its_source(name):
    doc = inspect.getdoc(getattr(tasks, name))
    for section in ("Args:", "Shapes:", "Raises:", "References:"):
        assert f"{section}\n" in doc
    assert ".. math::" in doc or name == "NeurogymTask"  # which has none of its own
    assert re.search(r"\bms\b", doc)
