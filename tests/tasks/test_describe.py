from __future__ import annotations

from dataclasses import dataclass

import pytest
from rich.console import Console

from pyrnn.tasks import DelayedResponse, MultisensoryIntegration, MultiTask, PerceptualDecision
from tests.tasks.test_base import Echo

FACTS = (
    "PerceptualDecision",
    "3: fixation, left, right",
    "22 steps of 100 ms = 2200 ms",
    "fixation → stimulus → decision",
    "coherence, choice",
    "cross_entropy",
    "accuracy (max)",
    "decision_weight",
    "Decide from noisy evidence",
)


def printed(thing):
    console = Console(width=100)
    with console.capture() as shown:
        console.print(thing)
    return shown.get()


@pytest.mark.parametrize("fact", FACTS)
def test_a_task_says_what_it_is_in_a_terminal_and_a_notebook(fact):
    task = PerceptualDecision()
    for text in (str(task.describe()), task.summary(), printed(task), printed(task.describe())):
        assert fact in text
    for html in (task._repr_html_(), task.describe()._repr_html_()):
        assert fact in html


def test_many_channels_and_long_parameters_are_abridged():
    text = str(DelayedResponse(ring_size=32).describe())
    assert "34: fixation, ring 0, ring 1, …, ring 30, ring 31, rule" in text
    senses = {f"sense {k}": MultisensoryIntegration() for k in range(3)}
    assert max(map(len, str(MultiTask(senses).describe()).splitlines())) < 105


def test_a_task_without_a_docstring_has_no_description():
    @dataclass(kw_only=True, eq=False)
    class Plain(Echo):
        gain: float = 1.0

    for task in (Plain(), type("Plain", (Echo,), {})()):
        assert str(task.describe()).splitlines()[-1].split()[0] in ("gain", "dt")
