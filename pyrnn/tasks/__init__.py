"""Tasks: torch datasets of trials that depend on a seed and an index only.

``pyrnn.tasks.phases`` builds tasks from phases, and ``pyrnn.tasks.scores`` has functions for an
``accuracy`` of your own.
"""

from pyrnn.tasks._arguments import Duration
from pyrnn.tasks._base import Task
from pyrnn.tasks._chance import ChanceLevels
from pyrnn.tasks._checks import check_task
from pyrnn.tasks._choice import ChoiceTask
from pyrnn.tasks._counting import CountOnes, CountPulses
from pyrnn.tasks._decisions import ContextIntegration, MultisensoryIntegration, PerceptualDecision
from pyrnn.tasks._flipflop import FlipFlop
from pyrnn.tasks._generators import PulseToChirp, SineGenerator
from pyrnn.tasks._integrators import HeadingIntegrator, WhiteNoiseIntegrator
from pyrnn.tasks._memory import DelayedMatchToSample, ParametricWorkingMemory
from pyrnn.tasks._multitask import MultiTask
from pyrnn.tasks._neurogym import NeurogymTask
from pyrnn.tasks._response import DelayedResponse
from pyrnn.tasks._timeline import Timeline, white_noise
from pyrnn.tasks._timing import IntervalDiscrimination, ReadySetGo
from pyrnn.tasks._trial import Trial, stack_trials
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks._yang import Yang2019
from pyrnn.tasks.phases import PhaseTask

__all__ = [
    "ChanceLevels",
    "ChoiceTask",
    "ContextIntegration",
    "CountOnes",
    "CountPulses",
    "DelayedMatchToSample",
    "DelayedResponse",
    "Duration",
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
    "Yang2019",
    "check_task",
    "stack_trials",
    "white_noise",
]
