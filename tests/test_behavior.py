from __future__ import annotations

import numpy as np
import pytest
import torch

from pyrnn.behavior import (
    ChronometricCurve,
    PsychometricCurve,
    chronometric,
    psychometric,
    reaction_times,
)
from pyrnn.tasks import (
    ContextIntegration,
    MultisensoryIntegration,
    PerceptualDecision,
    Trial,
)


@pytest.mark.parametrize(("bias", "width"), [(0.0, 0.1), (0.2, 0.3), (-0.4, 0.05)])
def test_the_logistic_that_made_the_choices_is_found(bias, width):
    evidence = torch.linspace(-1, 1, 21).repeat_interleave(2000)
    positive = torch.rand(len(evidence)) < torch.sigmoid((evidence - bias) / width)
    curve = PsychometricCurve.fit(evidence, positive)
    assert curve.bias == pytest.approx(bias, abs=0.02)
    assert curve.width == pytest.approx(width, rel=0.08)
    assert curve.lapse < 0.02
    inside = (curve.low <= curve(curve.evidence)) & (curve(curve.evidence) <= curve.high)
    assert inside.mean() > 0.75
    lapse = curve.lapse
    assert curve(curve.bias + curve.threshold) == pytest.approx(lapse / 2 + (1 - lapse) * 0.75)


LEVELS = np.array([-51.2, -25.6, -12.8, -6.4, 0.0, 6.4, 12.8, 25.6, 51.2])


def choices(bias, width, lapse, n, rng):
    """Evidence and choices of an observer who answers at random in a share of the trials."""
    evidence = rng.choice(LEVELS, n)
    p = 1 / (1 + np.exp(-(evidence - bias) / width))
    return evidence, np.where(rng.random(n) < lapse, rng.random(n) < 0.5, rng.random(n) < p)


@pytest.mark.parametrize(
    ("bias", "width", "lapse"),
    [(0.0, 5.0, 0.0), (3.0, 8.0, 0.0), (-10.0, 12.0, 0.0), (0.0, 5.0, 0.1), (3.0, 8.0, 0.05)],
)
def test_lapses_leave_bias_and_width(bias, width, lapse):
    """Without them in the fit, a lapse of 0.1 made a width of 5 one of 9.8."""
    rng = np.random.default_rng(0)
    curves = [PsychometricCurve.fit(*choices(bias, width, lapse, 1000, rng)) for _ in range(40)]
    assert np.mean([c.bias for c in curves]) == pytest.approx(bias, abs=0.4)
    assert np.mean([c.width for c in curves]) == pytest.approx(width, rel=0.05)
    assert np.mean([c.lapse for c in curves]) == pytest.approx(lapse, abs=0.012)
    plain = PsychometricCurve.fit(*choices(0.0, 5.0, 0.1, 20000, rng), lapse=0.0)
    assert plain.width > 9
    assert (plain.lapse, np.isnan(plain.lapse_error)) == (0.0, True)


def test_the_fit_with_lapses_is_the_most_likely_curve():
    """Compared with a search of scipy on the likelihood written out, from the true values."""
    from scipy.optimize import minimize
    from scipy.special import expit

    evidence, positive = choices(3.0, 8.0, 0.1, 3000, np.random.default_rng(1))

    def surprise(parameters):
        bias, width, lapse = parameters
        p = lapse / 2 + (1 - lapse) * expit((evidence - bias) / width)
        return -np.log(np.where(positive, p, 1 - p)).mean()

    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000}
    best = minimize(surprise, [3.0, 8.0, 0.1], method="Nelder-Mead", options=options)
    curve = PsychometricCurve.fit(evidence, positive)
    assert [curve.bias, curve.width, curve.lapse] == pytest.approx(list(best.x), rel=1e-3)


@pytest.mark.parametrize(
    ("bias", "width", "lapse", "given"), [(3.0, 8.0, 0.1, None), (0.0, 5.0, 0.0, 0.0)]
)
def test_standard_errors_are_the_spread_of_repeated_fits(bias, width, lapse, given):
    rng = np.random.default_rng(2)
    curves = [
        PsychometricCurve.fit(*choices(bias, width, lapse, 2000, rng), lapse=given)
        for _ in range(100)
    ]
    for name in ("bias", "width") + ("lapse",) * (given is None):
        spread = np.std([getattr(curve, name) for curve in curves])
        errors = [getattr(curve, f"{name}_error") for curve in curves]
        assert np.nanmedian(errors) == pytest.approx(spread, rel=0.2)


def test_a_bias_beyond_the_evidence_is_extrapolated_and_said():
    """It was confined to the levels: -51.2 for a bias of -80."""
    rng = np.random.default_rng(3)
    curve = PsychometricCurve.fit(*choices(-80.0, 20.0, 0.0, 40000, rng), lapse=0.0)
    assert curve.bias == pytest.approx(-80, abs=3 * curve.bias_error)
    assert curve.bias_error < 5
    assert curve.status == "undecided: the bias lies beyond the evidence, where it is extrapolated"


def test_an_observer_who_decides_the_wrong_way_has_a_negative_width():
    """The width was at its limit of 20 times the range of the evidence, the bias at 51.2."""
    evidence, positive = choices(3.0, 8.0, 0.05, 5000, np.random.default_rng(4))
    straight = PsychometricCurve.fit(evidence, positive)
    reversed_ = PsychometricCurve.fit(evidence, ~positive)
    assert reversed_.width == pytest.approx(-straight.width, rel=1e-4)
    assert reversed_.bias == pytest.approx(straight.bias, rel=1e-4)
    assert reversed_.status == "reversed: choices fall as the evidence rises"
    assert reversed_.threshold == pytest.approx(straight.threshold, rel=1e-4)


def test_an_observer_who_always_chooses_the_same_has_neither_bias_nor_width():
    """They were -51.2 and 0.32."""
    for always in (0, 1):
        curve = PsychometricCurve.fit(LEVELS, np.full(9, always))
        assert curve.status == "undecided: all choices are the same"
        assert np.isnan([curve.bias, curve.width, curve.bias_error]).all()


def test_choices_at_random_have_no_width():
    rng = np.random.default_rng(5)
    statuses = [
        PsychometricCurve.fit(rng.choice(LEVELS, 500), rng.random(500) < 0.5).status
        for _ in range(40)
    ]
    undecided = statuses.count("undecided: choices do not depend on the evidence")
    assert undecided >= 34
    flat = PsychometricCurve.fit([-1, -1, 1, 1], [0, 1, 0, 1])
    assert flat.status == "undecided: choices do not depend on the evidence"


def test_no_choice_counts_as_half_a_choice():
    """Zero outputs counted as choices of the negative side, at every level."""
    curve = PsychometricCurve.fit([-1, -1, 0, 0, 1, 1], [0, 0, 0.5, 0.5, 1, 0.5])
    assert curve.share.tolist() == [0.0, 0.5, 0.75]
    task = MultisensoryIntegration(seed=0)
    batch = task.batch(400)
    silent = psychometric(task, torch.zeros_like(batch.targets), batch)
    assert (silent.share == 0.5).all()
    assert silent.status == "undecided: choices do not depend on the evidence"
    with pytest.raises(ValueError, match="choices of 1, 0 or 1/2"):
        psychometric(task, torch.full_like(batch.targets, torch.nan), batch)
    with pytest.raises(ValueError, match="choices of 1, 0 or 1/2"):
        PsychometricCurve.fit([-1.0, 1.0], [-1, 1])
    with pytest.raises(ValueError, match=r"lapse to be a number >= 0 and <= 0\.5"):
        PsychometricCurve.fit([-1.0, 1.0], [0, 1], lapse=0.6)


def test_the_fit_is_that_of_an_independent_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    evidence = torch.randint(-3, 4, (400,)).double()
    positive = torch.rand(400) < torch.sigmoid(evidence - 0.5)
    curve = PsychometricCurve.fit(evidence, positive, lapse=0.0)
    model = LogisticRegression(C=1e9).fit(evidence[:, None].numpy(), positive.numpy())
    assert 1 / curve.width == pytest.approx(model.coef_[0, 0], rel=1e-3)
    assert curve.bias == pytest.approx(-model.intercept_[0] / model.coef_[0, 0], abs=1e-3)


def test_shares_and_intervals_are_those_of_each_level():
    curve = PsychometricCurve.fit([1, 1, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1])
    assert curve.evidence.tolist() == [1, 2]
    assert curve.share.tolist() == [0.25, 1.0]
    assert curve.n_trials.tolist() == [4, 2]
    assert curve.low[0] == pytest.approx(0.0456, abs=1e-3)  # Wilson's formula by hand
    assert curve.high[0] == pytest.approx(0.6994, abs=1e-3)


def test_perfect_choices_give_a_steep_but_finite_curve():
    curve = PsychometricCurve.fit([-2, -1, 1, 2], [0, 0, 1, 1])
    assert abs(curve.bias) <= 1
    assert 0 < curve.width < 0.5


def test_reaction_times_are_averaged_by_absolute_evidence():
    curve = ChronometricCurve.fit([-1.0, 1.0, 1.0, 2.0, 2.0], [100.0, 200.0, np.nan, 50.0, np.nan])
    assert curve.evidence.tolist() == [1.0, 2.0]
    assert curve.time.tolist() == [150.0, 50.0]
    assert curve.error[0] == pytest.approx(50.0)
    assert np.isnan(curve.error[1])
    assert curve.share_decided.tolist() == [pytest.approx(2 / 3), 0.5]
    assert np.isnan(ChronometricCurve.fit([1.0], [np.nan]).time[0])


def test_tasks_read_choices_from_outputs():
    """An ideal integrator of the evidence has the psychometric curve that theory says."""
    task = PerceptualDecision(seed=1)
    batch = task.batch(4000)
    evidence = (batch.inputs[..., 2] - batch.inputs[..., 1]).cumsum(1)
    outputs = torch.stack([torch.full_like(evidence, -9.0), -evidence, evidence], dim=-1)
    curve = psychometric(task, outputs, batch)
    assert curve.evidence.tolist() == [-51.2, -25.6, -12.8, -6.4, 0, 6.4, 12.8, 25.6, 51.2]
    d_prime = 20 * 2 * 6.4 / 200 / (0.1 * (2 * 20) ** 0.5)
    expected = torch.distributions.Normal(0.0, 1.0).cdf(torch.tensor(d_prime))
    assert curve.share[5] == pytest.approx(float(expected), abs=0.02)
    assert curve.bias == pytest.approx(0, abs=1)
    times = chronometric(task, outputs, batch, threshold=0.5)
    assert (np.diff(times.time) < 0).all()
    assert times.time[-1] == pytest.approx(100 * np.ceil(0.5 / 2 / (51.2 / 200)), abs=100)


def test_reaction_times_count_from_the_onset_of_an_epoch():
    outputs = torch.tensor([[0.0, 0.0, 0.2, 0.9, 1.0], [0.9, 0.0, 0.0, 0.0, 0.0]]).unsqueeze(-1)
    spans = {"stimulus": torch.tensor([[20.0, 100.0], [20.0, 100.0]])}
    batch = Trial(torch.zeros(2, 5, 1), outputs, epochs=spans)
    task = ContextIntegration()
    times = reaction_times(task, outputs, batch, threshold=0.5)
    assert times[0] == 60.0
    assert times[1].isnan()


def test_what_is_not_there_is_refused():
    task = ContextIntegration()
    batch = task.batch(8)
    with pytest.raises(ValueError, match=r"evidence to be one of .*'coherence'.*, got 'contrast'"):
        psychometric(task, batch.targets, batch, evidence="contrast")
    with pytest.raises(ValueError, match=r"since to be one of .*, got 'go'"):
        chronometric(task, batch.targets, batch, threshold=1.0, since="go")
    with pytest.raises(ValueError, match="threshold to be a number > 0, got 0"):
        chronometric(task, batch.targets, batch, threshold=0)
    with pytest.raises(ValueError, match="at least two levels of evidence"):
        PsychometricCurve.fit([1.0, 1.0], [0, 1])
    with pytest.raises(ValueError, match="got 2 and 3 values"):
        PsychometricCurve.fit([1.0, 1.0], [0, 1, 1])
    with pytest.raises(ValueError, match="finite evidence"):
        PsychometricCurve.fit([1.0, np.nan], [0, 1])
    with pytest.raises(ValueError, match=r"got \(4, 69, 1\) and \(8, 69\); pass the outputs for"):
        psychometric(task, batch.targets[:4], batch)


def test_curves_are_read_as_they_were_written(tmp_path):
    choices = PsychometricCurve.fit([1, 1, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1])
    times = ChronometricCurve.fit([1.0, 2.0, 2.0], [np.nan, 20.0, 40.0])
    for curve in (choices, times):
        again = type(curve).load(curve.save(tmp_path / "curve.npz"))
        assert again.to_pandas().equals(curve.to_pandas())
        assert isinstance(again.evidence, np.ndarray)
    assert choices.to_pandas()["share"].tolist() == [0.25, 1.0]
    lines = [line.split() for line in choices.summary().splitlines()]
    assert ["1", "0.250", "0.046", "to", "0.699", "4"] in lines
    lines = [line.split() for line in times.summary().splitlines()]
    assert ["2", "30.0", "10.0", "1.000"] in lines


@pytest.mark.parametrize(
    ("bias", "width", "verdict"),
    [
        (0.1, 0.3, "complete"),
        (-2.0, 0.3, "the bias lies beyond the evidence"),
        (-9.0, 0.3, "all choices are the same"),
        (0.0, -0.2, "choices fall as the evidence rises"),
        (0.0, 1e9, "choices do not depend on the evidence"),
        (0.1, 1e-9, "no level has both choices"),
    ],
)
def test_a_fit_says_what_the_choices_leave_undecided(bias, width, verdict):
    evidence = torch.linspace(-1, 1, 9).repeat_interleave(300)
    positive = torch.rand(len(evidence)) < torch.sigmoid((evidence - bias) / width)
    assert verdict in PsychometricCurve.fit(evidence, positive).status


def test_levels_without_a_decision_are_counted():
    curve = ChronometricCurve.fit([1.0, 2.0, 3.0], [np.nan, 5.0, np.nan])
    assert curve.status == "undecided: 2 levels without a decision"
    assert ChronometricCurve.fit([1.0], [5.0]).status == "complete"
