from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from pyrnn import RateRNN, tasks

DOCS = Path(__file__).parents[2] / "docs" / "tasks"


def test_the_introduction_runs_as_printed():
    names = {"rnn": RateRNN(3, 8, 3, seed=0)}
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
    assert len(blocks) == 4
    for block in (blocks[0], blocks[3], *blocks[1:3]):
        exec(block, names)
    assert len(names["curve"].evidence) == 4
    plt.close("all")


@pytest.mark.parametrize("name", tasks.__all__)
def test_every_task_is_introduced(name):
    cls = getattr(tasks, name)
    is_task = isinstance(cls, type) and issubclass(cls, tasks.Task)
    if is_task and name not in ("ChoiceTask", "PhaseTask", "Task"):
        assert f"[{name}](" in (DOCS / "index.md").read_text()
