"""Chance levels, compared with theory and with counts that are made without the tasks."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from pyrnn.tasks import (
    ChanceLevels,
    ContextIntegration,
    CountOnes,
    CountPulses,
    DelayedMatchToSample,
    DelayedResponse,
    FlipFlop,
    HeadingIntegrator,
    IntervalDiscrimination,
    MultisensoryIntegration,
    MultiTask,
    ParametricWorkingMemory,
    PerceptualDecision,
    PulseToChirp,
    ReadySetGo,
    SineGenerator,
    Task,
    Trial,
    WhiteNoiseIntegrator,
    Yang2019,
    check_task,
)
from pyrnn.tasks.phases import Delay, Fixation, Response, Stimulus

N = 4000  # an accuracy of 1/2, measured on half of them, has a standard error of 0.011
PAGE = Path(__file__).parents[2] / "docs" / "tasks" / "index.md"


def best_guess(cues, answers):
    """Accuracy of the most frequent answer for each value of a cue."""
    pairs = list(zip(cues, answers, strict=True))
    right = 0
    for cue in set(cues):
        counts = [sum(p == (cue, a) for p in pairs) for a in set(answers)]
        right += max(counts)
    return right / len(pairs)


def vibrations(which):
    """Frequencies of Romo's pairs in both orders."""
    pairs = ((18, 10), (22, 14), (26, 18), (30, 22), (34, 26))
    orders = [order for pair in pairs for order in (pair, pair[::-1])]
    return best_guess([o[which] for o in orders], [o[0] > o[1] for o in orders])


def contexts(cue):
    """All combinations of two streams of evidence and a context."""
    levels = (-0.4, -0.2, -0.1, 0.1, 0.2, 0.4)
    trials = list(itertools.product(levels, levels, (0, 1)))
    return best_guess([cue(m, c, k) for m, c, k in trials], [(m, c)[k] > 0 for m, c, k in trials])


def intervals():
    """Two durations between 300 and 600 ms that differ by 60 ms or more, in steps of 20 ms."""
    rng = np.random.default_rng(0)
    short = rng.uniform(300, 540, 400_000)
    long = short + 60 + rng.uniform(size=len(short)) * (540 - short)
    steps = np.round(np.stack([short, long]) / 20).astype(int)
    counts = np.stack([np.bincount(row, minlength=31) for row in steps])
    return counts.max(0).sum() / counts.sum()  # the first is as often the short as the long one


def headings():
    """Mean absolute angle between the start and the heading, in degrees."""
    turns = np.random.default_rng(0).uniform(-15, 15, (20_000, 95)).cumsum(1) * 0.02
    return np.degrees(np.abs((turns + np.pi) % (2 * np.pi) - np.pi)).mean()


def sines():
    """R² of the average over all frequencies."""
    w, t = np.linspace(0.1, 0.6, 51)[:, None], np.arange(100) / 5
    y = np.sin(w * t)
    return 1 - ((y - y.mean(0)) ** 2).sum() / ((y - y.mean()) ** 2).sum()


def integrals():
    """R² of the average integral of 25 steps: -0.01 a step, amid bias and noise."""
    t = np.arange(1, 26)
    mean, variance = -0.01 * t, (0.02 * t) ** 2 + t * 0.025**2 / 0.04
    return mean.var() / (mean.var() + variance.mean())


def rings(angle, fixates):
    """Sixteen rules ask for an angle; four ask for one, or for fixation, half of the time each."""
    return (16 * angle + 4 * (0.5 if fixates else 0.5 * angle)) / 20


def first_stimulus():
    """Three rules, half of ten, and what is within 36 degrees where two stimuli are compared."""
    off_match = 0.5 * 32 / 320  # of 20 to 340 degrees, 32 are within 36 on either side
    same_place = 0.5 / 5  # of five places in a half
    return (3 + 10 / 2 + 0.5 + off_match + same_place) / 20


EVEN = {"silent": 0.5, "constant": 0.5}
EXPECTED = {
    FlipFlop: {**EVEN, "timed": 0.5},
    HeadingIntegrator: {"silent": 90.0, "constant": 90.0, "start": headings()},
    WhiteNoiseIntegrator: {"silent": 0.0, "constant": 0.0, "timed": integrals()},
    SineGenerator: {"silent": 0.0, "constant": 0.0, "timed": sines()},
    PulseToChirp: {"silent": 0.157, "constant": 0.157, "timed": 0.0},
    PerceptualDecision: {"silent": 1 / 3, "constant": 0.5, "timed": 0.5},
    ContextIntegration: {
        **EVEN,
        "motion": contexts(lambda m, c, k: m),
        "color": contexts(lambda m, c, k: c),
        "motion and color": contexts(lambda m, c, k: (m, c)),
        "context": contexts(lambda m, c, k: k),
    },
    MultisensoryIntegration: {**EVEN, "visual": 5 / 6, "auditory": 5 / 6},
    DelayedMatchToSample: {**EVEN, "sample": 0.5, "test": 0.5},
    ParametricWorkingMemory: {
        **EVEN,
        "f1": vibrations(0),
        "f2": vibrations(1),
    },
    DelayedResponse: {"silent": 0.2, "constant": 0.2, "angle": 0.5, "rule": 0.2},
    ReadySetGo: {"silent": 700.0, "constant": 700.0, "mean interval": 150.0},
    IntervalDiscrimination: {
        **EVEN,
        "first": intervals(),
        "second": intervals(),
    },
    CountOnes: {"silent": 2**-10, "constant": math.comb(10, 5) / 2**10},
    CountPulses: {"silent": 1 / 6, "constant": 1 / 6, "timed": 1 / 6},
    Yang2019: {
        "silent": rings(0.2, 0.0),
        "constant": rings(0.2, 0.0),
        "task": rings(0.2, 1.0),
        "first stimulus": first_stimulus(),
    },
}
TOLERANCE = {HeadingIntegrator: 2.5, ReadySetGo: 8.0, PulseToChirp: 1e-3}


def test_the_counts_made_here_are_those_of_the_literature_and_of_hand():
    assert contexts(lambda m, c, k: m) == contexts(lambda m, c, k: (m, c)) == 0.75
    assert vibrations(0) == 0.7
    assert intervals() == pytest.approx(0.81, abs=0.02)
    assert headings() == pytest.approx(50.5, abs=0.5)


@pytest.mark.parametrize("make", EXPECTED, ids=lambda make: make.__name__)
def test_chance_levels_are_those_of_theory(make):
    levels = check_task(make(), n_trials=1000 if make is PulseToChirp else N)
    for strategy, value in EXPECTED[make].items():
        tolerance = TOLERANCE.get(make, 0.035)
        assert levels.metrics[strategy] == pytest.approx(value, abs=tolerance), strategy
    assert levels.status == "complete" or make is PulseToChirp


def test_one_frequency_alone_decides_most_trials_of_the_composed_example():
    task = (
        Fixation(300)
        >> Stimulus(500, "f1", draw={"f1": [10.0, 20.0, 30.0]}, noise=0.1)
        >> Delay((500, 1500))
        >> Stimulus(500, "f2", draw={"f2": [15.0, 25.0]}, noise=0.1)
        >> Response(200, lambda f1, f2: torch.sign(f1 - f2))
    )
    levels = check_task(task, n_trials=N)
    pairs = list(itertools.product((10, 20, 30), (15, 25)))
    answers = [a > b for a, b in pairs]
    for which, name in enumerate(("f1", "f2")):
        expected = best_guess([pair[which] for pair in pairs], answers)
        assert levels.metrics[name] == pytest.approx(expected, abs=0.03)


def test_rules_of_a_mixture_do_not_tell_the_answer():
    task = MultiTask({"match": DelayedMatchToSample(), "romo": ParametricWorkingMemory()})
    levels = check_task(task, n_trials=2000)
    for strategy in ("silent", "constant", "timed", "task"):
        assert levels.metrics[strategy] == pytest.approx(0.5, abs=0.05)


def test_an_accuracy_that_a_constant_reaches_is_told():
    levels = check_task(MultiTask({"produce": ReadySetGo()}), n_trials=200)
    assert levels.accuracies["constant"] > 0.95
    assert "the accuracy says little: a constant answer has" in levels.status
    assert "the accuracy says little" in levels.summary()


def test_levels_are_a_result(tmp_path):
    levels = check_task(HeadingIntegrator(), n_trials=200)
    again = ChanceLevels.load(levels.save(tmp_path / "levels.npz"))
    assert again.to_pandas().equals(levels.to_pandas())
    assert list(again.to_pandas()["strategy"]) == ["silent", "constant", "timed", "start"]
    heading = levels.summary().splitlines()[1].split()
    assert heading == ["strategy", "angle", "error", "(deg)", "accuracy"]


class Guessed(Task):
    """Whether the sum of two dice is seven; each of them says nothing alone."""

    def trial(self, rng):
        dice = torch.randint(1, 7, (2,), generator=rng)
        inputs = dice.expand(5, 2).float()
        target = torch.full((5, 1), float(dice.sum() > 7) * 2 - 1)
        return Trial(inputs, target, info={"a": int(dice[0]), "b": int(dice[1])})

    def accuracy(self, outputs, targets, mask):
        return float((outputs[:, -1] * targets[:, -1] > 0).double().mean())


def test_cues_of_a_task_of_ones_own():
    dice = list(itertools.product(range(1, 7), repeat=2))
    expected = best_guess([a for a, _ in dice], [a + b > 7 for a, b in dice])
    task = type("Dice", (Guessed,), {"cues": ("a", "b", ("a", "b"))})()
    levels = check_task(task, n_trials=4000)
    for cue in ("a", "b"):
        assert levels.metrics[cue] == pytest.approx(expected, abs=0.04)
    assert levels.metrics["a and b"] == 1
    assert levels.metrics["constant"] == pytest.approx(21 / 36, abs=0.04)


def test_a_cue_that_trials_lack_is_refused():
    task = type("Dice", (Guessed,), {"cues": ("c",)})()
    with pytest.raises(ValueError, match=r"cues of Dice to be names in info, got \['c'\]"):
        check_task(task)
    with pytest.raises(ValueError, match="n_trials to be a whole number of at least 2"):
        check_task(Guessed(), n_trials=1)


def rows():
    """Rows of the table of chance levels in the docs, by task."""
    section = PAGE.read_text().split("## Chance levels")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines()]
    return {re.match(r"\[(\w+)", row[0])[1]: row[1:] for row in lines if row and "](" in row[0]}


@pytest.mark.parametrize("make", EXPECTED, ids=lambda make: make.__name__)
def test_the_table_in_the_docs_is_that_of_theory(make):
    """A row holds the metric, its value when silent, constant and partial, and what is known."""
    _, *values, known = rows()[make.__name__]
    expected = EXPECTED[make]
    partial = [v for k, v in expected.items() if k not in ("silent", "constant")]
    best = (min if make.metric_goal == "min" else max)(partial, default=None)
    wanted = (expected.get("silent"), expected["constant"], best)
    for text, value in zip(values, wanted, strict=True):
        if value is None:
            assert text == "–"
            continue
        number = float(re.match(r"[\d.]+", text)[0]) / (100 if "%" in text else 1)
        assert number == pytest.approx(value, abs=TOLERANCE.get(make, 0.006))
    assert known or best is None
