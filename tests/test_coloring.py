"""Colors of trajectories: one definition for figures and scenes."""

from __future__ import annotations

import numpy as np
import pytest

from pyrnn.coloring import color_trials
from pyrnn.palette import Scale

TRIALS = [np.zeros((50, 3)), np.zeros((30, 3))]


@pytest.mark.parametrize(
    "values", [np.arange(80.0), [np.arange(50.0), np.arange(50.0, 80.0)]], ids=["flat", "list"]
)
def test_states_of_unequal_trials_have_colors(values):
    coloring = color_trials(TRIALS, values)
    assert coloring.bar.scale[1:] == (0, 79)
    assert len(np.unique(coloring.colors, axis=0)) > 50


def test_states_of_one_trial_have_colors():
    assert color_trials(TRIALS[:1], np.arange(50.0)).bar.scale.high == 49


@pytest.mark.parametrize("kind", ["series", "categorical", "objects"])
def test_columns_of_names_are_conditions(kind):
    pandas = pytest.importorskip("pandas")
    make = {"series": pandas.Series, "categorical": pandas.Categorical, "objects": np.array}[kind]
    options = {"dtype": object} if kind == "objects" else {}
    coloring = color_trials(TRIALS, make(["go", "stop"], **options))
    assert [name for name, _ in coloring.legend] == ["go", "stop"]


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (0, 1999, ("0", "1999")),
        (12345, 12399, ("12345", "12399")),
        (1.00001, 1.00004, ("1.00001", "1.00004")),
        (0.0, 1.5, ("0", "1.5")),
        (0.5, 0.5, ("0.5", "0.5")),
        (0.0, 1e-9, ("0", "1e−09")),
    ],
)
def test_numbers_at_a_color_bar_tell_its_ends_apart(low, high, ends):
    assert Scale("viridis", low, high).ends == ends


@pytest.mark.parametrize("period", [0, -360])
def test_period_must_be_positive(period):
    with pytest.raises(ValueError, match="expected period to be a number > 0, got"):
        color_trials(TRIALS, [0.0, 1.0], period=period)


def test_time_has_no_period():
    with pytest.raises(ValueError, match="expected no period with color='time'"):
        color_trials(TRIALS, "time", period=360)
