"""Tasks: torch datasets of trials that are vectorized, seeded and scored."""

from pyrnn.tasks.base import Task
from pyrnn.tasks.checks import check_task
from pyrnn.tasks.choice import ChoiceTask
from pyrnn.tasks.counting import CountOnes, CountPulses
from pyrnn.tasks.decisions import ContextIntegration, MultisensoryIntegration, PerceptualDecision
from pyrnn.tasks.flipflop import FlipFlop
from pyrnn.tasks.generators import PulseToChirp, SineGenerator
from pyrnn.tasks.integrators import HeadingIntegrator, WhiteNoiseIntegrator
from pyrnn.tasks.memory import DelayedMatchToSample, ParametricWorkingMemory
from pyrnn.tasks.multitask import MultiTask
from pyrnn.tasks.neurogym import NeurogymTask
from pyrnn.tasks.phases import PhaseTask
from pyrnn.tasks.response import DelayedResponse
from pyrnn.tasks.timeline import Timeline
from pyrnn.tasks.timing import IntervalDiscrimination, ReadySetGo
from pyrnn.tasks.trial import Trial, stack_trials
from pyrnn.tasks.trial_random import TrialRandom

__all__ = [
    "ChoiceTask",
    "ContextIntegration",
    "CountOnes",
    "CountPulses",
    "DelayedMatchToSample",
    "DelayedResponse",
    "FlipFlop",
    "HeadingIntegrator",
    "IntervalDiscrimination",
    "MultiTask",
    "MultisensoryIntegration",
    "NeurogymTask",
    "ParametricWorkingMemory",
    "PerceptualDecision",
    "PhaseTask",
    "PulseToChirp",
    "ReadySetGo",
    "SineGenerator",
    "Task",
    "Timeline",
    "Trial",
    "TrialRandom",
    "WhiteNoiseIntegrator",
    "check_task",
    "stack_trials",
]
