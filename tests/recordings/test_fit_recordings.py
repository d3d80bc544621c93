"""Networks that made the data are found again; doubts are named when there is reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyrnn import CTRNN, GRU, RNN, RateRNN
from pyrnn.dynamics import find_fixed_points
from pyrnn.recordings import Fit, fit_recordings


def record(
    rnn, n_trials=20, n_steps=101, process=0.0, measurement=0.0, scale=1.0, seed=1, skipped=0
):
    """Rates of a network, written out step by step, and its inputs; without the first steps."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(n_trials, n_steps, rnn.input_size, generator=rng) * scale
    h = torch.randn(n_trials, rnn.hidden_size, generator=rng) * 0.5
    w, u = rnn.w_rec.weight.detach(), rnn.w_in.weight.detach()
    b, alpha = rnn.w_rec.bias.detach(), 1.0 if isinstance(rnn, RNN) else rnn.alpha
    is_current = isinstance(rnn, CTRNN)
    rates = [h.tanh() if is_current else h]
    for t in range(1, n_steps):
        noise = process * torch.randn(h.shape, generator=rng)
        z = (h.tanh() if is_current else h) @ w.T + x[:, t] @ u.T + b + noise
        h = (1 - alpha) * h + alpha * (z if is_current else torch.tanh(z))
        rates.append(h.tanh() if is_current else h)
    rates, x = torch.stack(rates, 1)[:, skipped:], x[:, skipped:]
    return rates + measurement * torch.randn(rates.shape, generator=rng), x


def teacher(n=30, cls=RateRNN, **options):
    options = {"seed": 0, "gain": 1.5, **options}
    if cls is not RNN:
        options = {"tau": 50.0, "dt": 10.0, **options}
    rnn = cls(3, n, 1, **options)
    with torch.no_grad():
        rnn.w_rec.bias.normal_(0, 0.1, generator=torch.Generator().manual_seed(5))
    return rnn


def correlation(a, b):
    return float(np.corrcoef(a.detach().ravel(), b.detach().ravel())[0, 1])


@pytest.mark.parametrize("cls", [RateRNN, CTRNN, RNN])
def test_clean_data_give_back_all_weights(cls):
    rnn = teacher(cls=cls)
    rates, inputs = record(rnn)
    tau = {} if cls is RNN else {"tau": 50.0}
    fit = fit_recordings(rates, inputs, dt=10.0, network=cls, **tau)
    for name in ("w_rec.weight", "w_rec.bias", "w_in.weight"):
        found, true = fit.network.get_parameter(name), rnn.get_parameter(name)
        torch.testing.assert_close(found, true, rtol=0, atol=1e-8)
    assert fit.warnings == []
    assert fit.status == "complete"
    torch.testing.assert_close(
        fit.network.predict(inputs[:, 1:], fit.initial_states).outputs, rates[:, 1:]
    )


@pytest.mark.parametrize("n", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_clean_data_of_many_units_give_back_all_weights(n):
    rnn = teacher(n, tau=100.0)
    fit = fit_recordings(*record(rnn, n // 5), dt=10.0, tau=100.0)
    assert (fit.network.w_rec.weight - rnn.w_rec.weight).abs().max() < 1e-8
    assert fit.warnings == []


@pytest.mark.parametrize("activation", ["sigmoid", "softplus", "relu"])
def test_other_activations_are_inverted_or_fitted(activation):
    rnn = RateRNN(3, 10, 1, tau=50.0, dt=10.0, activation=activation, seed=0, gain=0.8)
    inputs = torch.randn(40, 101, 3)
    rates = rnn.predict(inputs).states
    fit = fit_recordings(rates, inputs, dt=10.0, tau=50.0, activation=activation)
    assert (fit.network.w_rec.weight - rnn.w_rec.weight).abs().max() < 1e-6


def test_the_convex_fit_minimizes_its_loss():
    rnn = teacher(5)
    rates, inputs = record(rnn, 10, process=0.3, measurement=0.01)
    fit = fit_recordings(rates, inputs, dt=10.0, tau=50.0, ridge=0.0)
    assert fit.method == "convex"
    x = torch.cat([rates[:, :-1], inputs[:, 1:], torch.ones(10, 100, 1)], -1).flatten(0, 1)
    d = ((rates[:, 1:] - 0.8 * rates[:, :-1]) / 0.2).clamp(-1, 1).flatten(0, 1)
    net = fit.network
    w = torch.cat([net.w_rec.weight, net.w_in.weight, net.w_rec.bias[:, None]], 1).detach()
    gradient = x.T @ ((x @ w.T).tanh() - d)
    assert gradient.abs().max() < 1e-6 * (x.T @ d).abs().max()


@pytest.mark.slow
def test_much_data_beat_process_noise():
    rnn = teacher(100, tau=100.0)
    fit = fit_recordings(*record(rnn, 100, process=0.1, scale=0.5), dt=10.0, tau=100.0)
    assert correlation(fit.network.w_rec.weight, rnn.w_rec.weight) > 0.99
    assert fit.samples_per_weight == pytest.approx(10000 / 104)


def test_masks_and_signs_hold_exactly_and_help():
    mask = torch.rand(50, 50, generator=torch.Generator().manual_seed(3)) < 0.2
    rnn = teacher(50, connectivity=mask, dale_ratio=0.8)
    data = record(rnn, 3, 86, process=0.1)  # five steps per weight
    free = fit_recordings(*data, dt=10.0, tau=50.0)
    fit = fit_recordings(*data, dt=10.0, tau=50.0, connectivity=mask, dale=0.8)
    weight = fit.network.w_rec.weight
    assert (weight[~mask] == 0).all()
    assert (weight[:, :40] >= 0).all()
    assert (weight[:, 40:] <= 0).all()
    assert correlation(weight, rnn.w_rec.weight) > 0.95
    assert correlation(weight, rnn.w_rec.weight) > correlation(
        free.network.w_rec.weight, rnn.w_rec.weight
    )


def test_an_unknown_time_constant_is_found():
    rnn = teacher(10)
    fit = fit_recordings(*record(rnn), dt=10.0)
    assert fit.tau == pytest.approx(50.0, rel=1e-5)
    assert len(fit.taus) == len(fit.tau_r2) > 13
    noisy = fit_recordings(*record(rnn, 100, process=0.1), dt=10.0)
    assert noisy.tau == pytest.approx(50.0, rel=0.05)


def test_unknown_steps_are_left_out():
    rnn = teacher(10)
    rates, inputs = record(rnn)
    trials = [r[: 40 + 3 * i].clone() for i, r in enumerate(rates)]
    trials[2][7] = torch.nan
    trials[3][20:30, 4] = torch.nan
    fit = fit_recordings(
        trials, [x[: len(r)] for x, r in zip(inputs, trials, strict=True)], dt=10.0, tau=50.0
    )
    assert (fit.network.w_rec.weight - rnn.w_rec.weight).abs().max() < 1e-8
    n_known = sum(len(r) - 1 for r in trials) - 2 - 11
    assert fit.samples_per_weight == pytest.approx(n_known / 14)


def test_without_input_a_channel_has_no_effect():
    rnn = teacher(6)
    rates, _ = record(rnn, 40, scale=0.0)
    fit = fit_recordings(rates, dt=10.0, tau=50.0)
    assert (fit.network.w_in.weight == 0).all()
    assert (fit.network.w_rec.weight - rnn.w_rec.weight).abs().max() < 1e-8


def ring(n_units):
    """A network whose connections depend on the distance along a ring: it has few dimensions."""
    angle = torch.arange(n_units) * 2 * torch.pi / n_units
    rnn = teacher(n_units)
    rnn.w_rec.weight = (4 * torch.cos(angle[:, None] - angle) - 0.5) / n_units
    return rnn


LITTLE = {"process": 0.1, "n_trials": 1, "n_steps": 80}
MUCH = {"process": 0.1, "n_trials": 60}
BLURRED = {"measurement": 0.02, "n_trials": 60}
UNSEEN, BLUR, UNKNOWN, BEYOND = "last for", "swing back", "not identified", "another scale"
CASES = {  # network, options of the recording, share of units, factor of the rates, warnings
    "clean": (lambda: teacher(40), {}, 1.0, 1.0, ()),
    "clean currents": (lambda: teacher(40, CTRNN), {}, 1.0, 1.0, ()),
    "clean, discrete": (lambda: teacher(40, RNN), {}, 1.0, 1.0, ()),
    "process noise": (lambda: teacher(40), MUCH, 1.0, 1.0, ()),
    "process noise, discrete": (lambda: teacher(40, RNN), MUCH, 1.0, 1.0, ()),
    "little data": (lambda: teacher(40), LITTLE, 1.0, 1.0, (UNKNOWN,)),
    "a ring": (
        lambda: ring(100),
        {"n_trials": 30, "n_steps": 221, "skipped": 120, "scale": 0.0},
        1.0,
        1.0,
        (UNKNOWN,),
    ),
    "a quarter of the units": (lambda: teacher(40), MUCH, 0.25, 1.0, (UNSEEN,)),
    "a quarter, discrete": (lambda: teacher(40, RNN), {"n_trials": 60}, 0.25, 1.0, (BLUR,)),
    "measurement noise": (lambda: teacher(40), BLURRED, 1.0, 1.0, (BEYOND, BLUR)),
    "noisy currents": (
        lambda: teacher(40, CTRNN),
        {"measurement": 0.01},
        1.0,
        1.0,
        (UNKNOWN, BLUR),
    ),
    "a wrong scale": (lambda: teacher(10), {}, 1.0, 10.0, (BEYOND, UNSEEN, "predicts 30%")),
}


@pytest.mark.parametrize("name", CASES)
def test_warnings_appear_where_they_must_and_nowhere_else(name):
    make, options, seen, factor, words = CASES[name]
    rnn = make()
    rates, inputs = record(rnn, **options)
    rates = factor * rates[..., : int(seen * rnn.hidden_size)]
    tau = {} if isinstance(rnn, RNN) else {"tau": 50.0}
    fit = fit_recordings(rates, inputs, dt=10.0, network=type(rnn), **tau)
    assert len(fit.warnings) == len(words), fit.warnings
    for text, word in zip(fit.warnings, words, strict=True):
        assert word in text
    assert (fit.effective_dimensions < 0.9 * fit.n_dimensions) == (UNKNOWN in words)


def test_bootstraps_tell_the_error_of_the_weights():
    rnn = teacher(6)
    rates, inputs = record(rnn, 60, process=0.1)
    fit = fit_recordings(rates, inputs, dt=10.0, tau=50.0, n_bootstrap=8)
    error = (fit.network.w_rec.weight - rnn.w_rec.weight).square().mean().sqrt()
    assert 0.5 < error / fit.weight_error.square().mean().sqrt() < 2
    assert fit.n_points.shape == (8, 2)
    points = find_fixed_points(fit.network, rates[:, -1], x=torch.zeros(3))
    assert abs(len(points) - fit.n_points[:, 0].double().median()) <= 2


def test_a_fit_is_saved_and_shown(tmp_path):
    rates, inputs = record(teacher(5))
    fit = fit_recordings(rates, inputs, dt=10.0, tau=50.0, n_bootstrap=2)
    again = Fit.load(fit.save(tmp_path / "fit.npz"))
    assert torch.equal(again.network.w_rec.weight, fit.network.w_rec.weight)
    assert again.summary() == fit.summary()
    assert list(fit.to_pandas().columns) == ["unit", "r2"]
    assert "RateRNN fitted to 5 units" in fit.summary()


def test_wrong_arguments_are_refused():
    rates, inputs = record(teacher(5), 3, 10)
    with pytest.raises(ValueError, match="RNN, CTRNN or RateRNN"):
        fit_recordings(rates, inputs, dt=10.0, network=GRU)
    with pytest.raises(ValueError, match="no tau"):
        fit_recordings(rates, inputs, dt=10.0, network=RNN, tau=10.0)
    with pytest.raises(ValueError, match="each step"):
        fit_recordings(rates, inputs[:, :5], dt=10.0, tau=50.0)
    with pytest.raises(ValueError, match="none of"):
        fit_recordings(torch.full_like(rates, torch.nan), inputs, dt=10.0, tau=50.0)
    with pytest.raises(ValueError, match="tau"):
        fit_recordings(rates, inputs, dt=10.0, tau=5.0)
    with pytest.raises(ValueError, match="got infinity"):
        fit_recordings(rates / 0.0, inputs, dt=10.0, tau=50.0)
