"""Units that are held, and pulses of current."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, RNN, RateRNN, RNNBase
from pyrnn.dynamics import find_fixed_points
from pyrnn.interventions import clamp, perturb


def inputs(n_trials: int = 4, n_steps: int = 10) -> Tensor:
    return torch.randn(n_trials, n_steps, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("cls", [RNN, CTRNN, RateRNN, GRU])
def test_a_clamp_at_the_value_of_a_fixed_point_changes_nothing(cls: type[RNNBase]) -> None:
    torch.set_default_dtype(torch.float32)
    rnn = cls(2, 12, 1, seed=0)
    rnn.w_rec.weight = 0.7 * rnn.w_rec.weight.detach()
    rnn.w_rec.bias = torch.randn(len(rnn.w_rec.bias))
    points = find_fixed_points(rnn, torch.randn(100, 12))
    stable = points.states[points.is_stable]
    assert len(stable)
    x = torch.zeros(len(stable), 200, 2)
    effects = clamp(rnn, x, "each", stable, h=stable)
    assert (effects.last_states - stable).abs().max() < 1e-12
    assert (effects.intact_last_states - stable).abs().max() < 1e-12


def test_a_clamp_by_hand() -> None:
    rnn, x = CTRNN(2, 6, 3, seed=0), inputs()
    rnn.w_out.weight = torch.randn(3, 6)
    h, outputs = rnn.h0.expand(4, 6).clone(), []
    for t, x_t in enumerate(x.unbind(1)):
        h = rnn.step(h, x_t).detach().clone()
        if 3 <= t < 7:
            h[:, [1, 2]] = 0.7
        outputs.append(rnn.readout(h).detach())
    effects = clamp(rnn, x, [[1, 2], 5], [0.7, -1.0], start=3, stop=7)
    assert_close(effects.outputs[0], torch.stack(outputs, 1))
    assert effects.strengths.tolist() == pytest.approx([0.7, -1.0])
    assert_close(effects.intact_outputs, rnn.predict(x).outputs)
    assert torch.equal(effects.outputs[1], clamp(rnn, x, 5, -1.0, start=3, stop=7).outputs[0])


@pytest.mark.parametrize("cls", [RNN, CTRNN, RateRNN])
def test_a_pulse_by_hand(cls: type[RNNBase]) -> None:
    rnn, x, h = cls(2, 6, 3, seed=0), inputs(), torch.zeros(4, 6)
    for t, x_t in enumerate(x.unbind(1)):
        current = torch.zeros(6)
        current[[1, 4]] = 0.8 if 2 <= t < 5 else 0.0
        alpha = rnn.alpha if cls is not RNN else 1.0
        rate = rnn.f(h) if cls is CTRNN else h
        drive = rnn.w_rec(rate) + rnn.w_in(x_t) + current
        h = (1 - alpha) * h + alpha * (drive if cls is CTRNN else rnn.f(drive))
    effects = perturb(rnn, x, [1, 4], [0.0, 0.8], start=2, stop=5)
    assert_close(effects.last_states[1], h.detach())
    assert torch.equal(effects.last_states[0], effects.intact_last_states)


def test_many_pulses_are_equal_to_single_ones() -> None:
    rnn, x = RNN(2, 6, 3, seed=0), inputs()
    pattern = torch.linspace(-1, 1, 6)
    together = perturb(rnn, x, "each", pattern, start=1, stop=2)
    for i in range(6):
        alone = perturb(rnn, x, i, float(pattern[i]), start=1, stop=2)
        assert torch.equal(alone.last_states[0], together.last_states[i])


def test_what_makes_no_sense_is_refused() -> None:
    rnn, x = RNN(2, 6, 3), inputs()
    with pytest.raises(ValueError, match="got GRU, which has gates; use clamp"):
        perturb(GRU(2, 6, 3), x, 0, 1.0)
    with pytest.raises(ValueError, match="expected units to clamp, got w_rec"):
        clamp(rnn, x, "w_rec", 1.0)
    with pytest.raises(ValueError, match="start < stop within a trial of 10 steps"):
        clamp(rnn, x, 0, 1.0, start=5, stop=11)
    with pytest.raises(ValueError, match="expected value as one number, one for each of the 1"):
        clamp(rnn, x, 0, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="expected current as one number"):
        perturb(rnn, x, [[0], [1]], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="finite current"):
        perturb(rnn, x, 0, float("nan"))
