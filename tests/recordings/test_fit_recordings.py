"""Networks that made the data are found again; doubts are named when there is reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyrnn import CTRNN, GRU, RNN, RateRNN
from pyrnn.dynamics import find_fixed_points
from pyrnn.recordings import Fit, fit_recordings


def record(rnn, n_trials=20, n_steps=101, process=0.0, measurement=0.0, scale=1.0, seed=1):
    """Rates of a network, written out step by step, and its inputs."""
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
    rates = torch.stack(rates, 1)
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
    assert correlation(weight, rnn.w_rec.weight) > 0.93
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


NOISE = {"process": 0.1}
MUCH = NOISE | {"n_trials": 60}
LITTLE = NOISE | {"n_trials": 1, "n_steps": 80}
CASES = [  # what was recorded, and words of the warnings that it must cause
    ("clean", {}, RateRNN, 1.0, ()),
    ("clean currents", {}, CTRNN, 1.0, ()),
    ("clean, discrete", {}, RNN, 1.0, ()),
    ("process noise, much data", MUCH, RateRNN, 1.0, ()),
    ("process noise, discrete", MUCH, RNN, 1.0, ()),
    ("process noise, little data", LITTLE, RateRNN, 1.0, ("not identified",)),
    ("a quarter of the units", MUCH, RateRNN, 0.25, ("not recorded",)),
    ("a quarter, discrete", {"n_trials": 60}, RNN, 0.25, ()),
    ("measurement noise", {"measurement": 0.02, "n_trials": 60}, RateRNN, 1.0, ("swing back",)),
    ("measurement noise, currents", {"measurement": 0.01}, CTRNN, 1.0, ("swing back",)),
]
NAMES = [case[0] for case in CASES]


@pytest.mark.parametrize(("data", "cls", "seen", "words"), [c[1:] for c in CASES], ids=NAMES)
def test_warnings_appear_where_they_must(data, cls, seen, words):
    rnn = teacher(40, cls)
    rates, inputs = record(rnn, **data)
    tau = {} if cls is RNN else {"tau": 50.0}
    fit = fit_recordings(rates[..., : int(seen * 40)], inputs, dt=10.0, network=cls, **tau)
    for word in words:
        assert any(word in text for text in fit.warnings), fit.warnings
    if seen == 1 and not words:
        assert fit.warnings == []


def test_data_of_low_dimension_do_not_identify_the_weights():
    """Without input or noise, a stable network visits few dimensions."""
    rnn = teacher(60, gain=0.5)
    rates, _ = record(rnn, 5, scale=0.0)
    low = torch.randn(60, 4) @ torch.randn(4, 30 * 5)
    rates = torch.tanh(low.T.reshape(5, 30, 60) * 0.1)
    fit = fit_recordings(rates, dt=10.0, tau=50.0)
    assert any("not identified" in text for text in fit.warnings)
    assert fit.effective_dimensions < 0.9 * fit.n_dimensions


def test_a_wrong_scale_is_named():
    rates, inputs = record(teacher(10))
    fit = fit_recordings(10 * rates, inputs, dt=10.0, tau=50.0)
    assert any("another scale" in text for text in fit.warnings)


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
