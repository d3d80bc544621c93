"""Tasks: torch datasets of trials that are vectorised, seeded and scored."""

from pyrnn.tasks.base import Task
from pyrnn.tasks.checks import check_task
from pyrnn.tasks.draws import Draws
from pyrnn.tasks.flipflop import FlipFlop
from pyrnn.tasks.trial import Trial, stack_trials

__all__ = ["Draws", "FlipFlop", "Task", "Trial", "check_task", "stack_trials"]
