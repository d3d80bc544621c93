"""Bounds on activations hold against 40 digits, and are no wider than they must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import mpmath
import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

from pyrnn.activations import ACTIVATIONS
from pyrnn.dynamics.points._enclosures import CURVES

EXACT: dict[str, Callable] = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log(1 + mpmath.exp(u)) if u <= 20 else u,  # as torch has it
    "relu": lambda u: max(u, mpf(0)),
    "retanh": lambda u: max(mpmath.tanh(u), mpf(0)),
    "gelu": lambda u: u * mpmath.ncdf(u),
    "identity": lambda u: u,
}
N_INTERVALS, N_SAMPLES = 25, 100


@pytest.fixture(autouse=True)
def forty_digits():
    with mp.workdps(40):
        yield


def intervals(width: float, spread: float = 3.0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(0)
    center = spread * torch.randn(N_INTERVALS, generator=rng, dtype=torch.float64)
    radius = width * torch.rand(N_INTERVALS, generator=rng, dtype=torch.float64)
    return center - radius, center + radius


def samples(name: str, low: Tensor, high: Tensor) -> list[list[tuple[mpf, mpf]]]:
    """Return places and values over each interval, bends included."""
    rows = []
    for a, b in zip(low.tolist(), high.tolist(), strict=True):
        places = [mpf(a) + (mpf(b) - mpf(a)) * k / N_SAMPLES for k in range(N_SAMPLES + 1)]
        places += [u for u in (mpf(0), mpf(20), mpf(20) + mpf(10) ** -30) if a < u < b]
        rows.append([(u, EXACT[name](u)) for u in sorted(places)])
    return rows


def test_every_activation_has_bounds() -> None:
    assert set(CURVES) == set(ACTIVATIONS) == set(EXACT)


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("width", [0.0, 1e-12, 1e-6, 0.3, 5.0, 30.0])
def test_lines_hold_the_activation(name: str, width: float) -> None:
    """Also intervals of no width: there all of the error is rounding."""
    low, high = intervals(width)
    lines = CURVES[name].lines(low, high)
    for i, row in enumerate(samples(name, low, high)):
        s, mu, e = (mpf(float(part[i])) for part in (lines.slope, lines.center, lines.error))
        assert max(abs(f - s * u - mu) for u, f in row) <= e


@pytest.mark.parametrize("name", [name for name in CURVES if name != "identity"])
@pytest.mark.parametrize("width", [0.3, 5.0])
def test_lines_that_are_a_hundredth_closer_do_not_hold_it(name: str, width: float) -> None:
    low, high = intervals(width, spread=1.0)
    lines = CURVES[name].lines(low, high)
    for i, row in enumerate(samples(name, low, high)):
        s, mu, e = (mpf(float(part[i])) for part in (lines.slope, lines.center, lines.error))
        assert e < 1e-13 or max(abs(f - s * u - mu) for u, f in row) > 0.99 * e


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("off", [-9.0, -0.7, 0.02, 3.0])
def test_lines_hold_wherever_the_tangents_touch(name: str, off: float) -> None:
    """The place where a tangent touches is computed, so it may be wrong; the bound may not."""
    low, high = intervals(2.0)
    curve = CURVES[name]
    pieces = [replace(p, touch=lambda s, p=p: p.touch(s) + off) for p in curve.pieces]
    lines = replace(curve, pieces=tuple(pieces)).lines(low, high)
    for i, row in enumerate(samples(name, low, high)):
        s, mu, e = (mpf(float(part[i])) for part in (lines.slope, lines.center, lines.error))
        assert max(abs(f - s * u - mu) for u, f in row) <= e


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("width", [0.0, 1e-6, 0.3, 5.0])
def test_range_and_slopes_hold_and_are_tight(name: str, width: float) -> None:
    low, high = intervals(width, spread=1.0)
    bottom, top = CURVES[name].range(low, high)
    least, most = CURVES[name].slopes(low, high)
    for i, row in enumerate(samples(name, low, high)):
        values = [f for _, f in row]
        assert mpf(float(bottom[i])) <= min(values)
        assert max(values) <= mpf(float(top[i]))
        assert float(top[i] - bottom[i]) <= 1.01 * float(max(values) - min(values)) + 1e-13
        if width >= 1e-6:
            pairs = pairwise(row)
            slopes = [(g - f) / (v - u) for (u, f), (v, g) in pairs]
            assert float(least[i]) <= min(slopes)
            assert max(slopes) <= float(most[i])
            is_smooth = name not in ("relu", "retanh")
            assert not is_smooth or float(most[i]) <= max(slopes) + 0.05 * width + 1e-9


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus"])
def test_four_units_of_rounding_at_either_end_are_counted(name: str) -> None:
    """As many as the elementary functions of a platform may err by, of value or argument."""
    size = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for low, high in ((-size, torch.zeros_like(size)), (torch.zeros_like(size), size)):
        ends = zip(*map(Tensor.tolist, (low, high, *CURVES[name].range(low, high))), strict=True)
        for a, b, least, most in ends:
            margin = 4 * mpf(2) ** -53 * (b - a)
            assert mpf(least) <= EXACT[name](mpf(a)) - margin
            assert EXACT[name](mpf(b)) + margin <= mpf(most)


@pytest.mark.parametrize("name", CURVES)
def test_largest_slope_and_curvature_are_bounds(name: str) -> None:
    curve = CURVES[name]
    places = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    slope = curve.derivative(places)
    assert slope.abs().max() <= curve.slope + 1e-9
    off_kinks = torch.ones_like(places[1:], dtype=torch.bool)
    for kink in curve.kinks:
        off_kinks &= (places[1:] - kink).abs() > 0.01
    bend = (slope.diff() / places.diff()).abs()[off_kinks]
    assert bend.max() <= curve.curvature * (1 + 1e-9)
    assert bend.max() >= 0.99 * curve.curvature - 1e-9


def test_softplus_has_no_slope_where_torch_changes_to_a_line() -> None:
    low, high = torch.tensor([19.9]).double(), torch.tensor([20.1]).double()
    assert CURVES["softplus"].slopes(low, high)[0] == -torch.inf


def test_lines_of_tanh_over_symmetric_intervals_err_by_no_more_than_known() -> None:
    """The largest error per half width is 0.14709639931, at 2.59412."""
    width = torch.tensor([2.59412]).double()
    error = CURVES["tanh"].lines(-width, width).error / width
    assert float(error) == pytest.approx(0.14709639931, abs=1e-9)
