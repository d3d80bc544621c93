"""Settings of runs are all combinations, as plain data."""

import numpy as np
import pytest

from pyrnn.populations import grid


def test_a_grid_has_every_combination_once() -> None:
    rows = grid(seed=np.arange(3), lr=[0.1, 0.01])
    assert {(row["seed"], row["lr"]) for row in rows} == {
        (s, r) for s in range(3) for r in (0.1, 0.01)
    }
    assert len(rows) == 6
    assert all(type(row["seed"]) is int for row in rows)


@pytest.mark.parametrize("given", [0.01, "adam", {"a": 1}])
def test_one_value_is_no_list(given: object) -> None:
    with pytest.raises(TypeError, match="list of values"):
        grid(option=given)  # type: ignore[arg-type]


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        grid(seed=[])
