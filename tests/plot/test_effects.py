"""The figure of effects."""

from __future__ import annotations

import pytest
import torch

from pyrnn import RNN
from pyrnn.interventions import lesion
from pyrnn.plot import plot_effects
from pyrnn.tasks import FlipFlop


def test_the_largest_effect_comes_first() -> None:
    rnn = RNN(3, 6, 3, seed=0)
    rnn.w_out.weight = torch.randn(3, 6)
    effects = lesion(rnn, torch.randn(4, 10, 3), "each")
    ax = plot_effects(effects, n=3)
    first = [label.get_text() for label in ax.get_xticklabels()]
    assert first == [f"unit {i}" for i in effects.order[:3].tolist()]
    given = plot_effects(effects, ranked=False)
    assert [label.get_text() for label in given.get_xticklabels()] == effects.labels


def test_strengths_of_one_target_are_a_curve() -> None:
    rnn = RNN(3, 6, 3, seed=0)
    effects = lesion(rnn, FlipFlop(seed=0), [1, 2], strength=[1.0, 0.0, 0.5], n_trials=4)
    ax = plot_effects(effects)
    intact, curve = ax.get_lines()
    assert intact.get_ydata()[0] == effects.intact_score
    assert curve.get_xdata().tolist() == [0.0, 0.5, 1.0]
    assert curve.get_ydata().tolist() == effects.scores[[1, 2, 0]].tolist()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("strength", "accuracy")


def test_what_makes_no_sense_is_refused() -> None:
    effects = lesion(RNN(3, 6, 3), torch.zeros(2, 5, 3), 0)
    with pytest.raises(ValueError, match="by to be one of change; got 'score'"):
        plot_effects(effects, by="score")
    with pytest.raises(TypeError, match="expected effects of an intervention, got Tensor"):
        plot_effects(torch.zeros(3))  # type: ignore[arg-type]
