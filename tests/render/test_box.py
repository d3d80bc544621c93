"""The box of the axes holds what it must, and its grids lie on its walls."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyrnn.render._box import choose_box, is_clipped, wall_grids

BOX = np.array([[-1.0, 0.0, 2.0], [1.0, 4.0, 3.0]])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("side", [0, 1])
def test_states_beyond_any_wall_are_clipped(axis: int, side: int) -> None:
    inside = np.tile(BOX.mean(0), (100, 1))
    assert not is_clipped(np.concatenate([inside, BOX]), BOX)
    beyond = inside.copy()
    beyond[:5, axis] = BOX[side, axis] + (0.1 if side else -0.1)
    assert is_clipped(beyond, BOX)
    beyond[1:5] = inside[1:5]  # one of a hundred may be lost
    assert not is_clipped(beyond, BOX)


def test_the_box_ends_a_bit_beyond_points_that_are_far_apart() -> None:
    """By 0.22 of their largest extent, though transients are larger; but not beyond these."""
    states = np.array([[-9.0, -9.0, -0.1], [9.0, 9.0, 0.1]])
    centers = np.array([[0.0, 0.0, 0.0], [6.0, 3.0, 0.0]])
    low, high = choose_box(states, centers)
    assert low[:2].tolist() == pytest.approx([-1.32, -1.32])
    assert high[:2].tolist() == pytest.approx([7.32, 4.32])
    assert -0.5 < low[2] < -0.1 < 0.1 < high[2] < 0.5
    low, high = choose_box(states, 0.1 * centers)  # near each other: all states are shown
    assert (low < states.min(0)).all()
    assert (high > states.max(0)).all()


def test_grid_lines_part_each_wall_evenly() -> None:
    for axis, walls in enumerate(wall_grids(BOX)):
        for side, lines in enumerate(walls):
            assert (lines[..., axis] == BOX[side, axis]).all()
            spans = (lines[:, 1] - lines[:, 0]).tolist()
            for along, other in itertools.permutations({0, 1, 2} - {axis}):
                mine = lines[[span[along] != 0 for span in spans]]
                assert (mine[:, :, along] == BOX[:, along]).all()
                expected = np.linspace(*BOX[:, other], 5)
                np.testing.assert_allclose(mine[:, :, other], np.stack([expected] * 2, 1))
