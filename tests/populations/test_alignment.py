"""Networks are seen from the same side, whatever their units."""

from __future__ import annotations

import numpy as np
import pytest

from pyrnn.populations import align, shape_distance
from pyrnn.projection import Projection


def states(seed: int, n_units: int = 8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(5, 40, n_units)) * np.linspace(3, 1, n_units)


def test_a_network_is_aligned_with_itself_in_other_coordinates() -> None:
    own = states(0)
    places = Projection.fit(own).transform(own)
    np.testing.assert_allclose(align(own, own).transform(own), places, atol=1e-12)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
    wider = np.concatenate([0.2 * own @ turn - 5, np.zeros((5, 40, 4))], axis=-1)
    np.testing.assert_allclose(align(wider, own).transform(wider), places, atol=1e-12)


@pytest.mark.parametrize("n_units", [5, 8, 11])
def test_the_rotation_is_that_of_the_shape_distance(n_units: int) -> None:
    """In all axes, what is left apart is the chord of the angle."""
    a, b = states(0), states(0)[..., :5] @ states(1)[0, :5, :n_units]
    x, y = align(a, a, 8).transform(a), align(b, a, 8).transform(b)
    size = np.linalg.norm(x)
    lost = 1 - np.linalg.norm(y / size) ** 2  # in axes that the other network does not have
    chord = np.linalg.norm(x / size - y / size) ** 2 + lost
    assert 2 * np.arcsin(np.sqrt(chord) / 2) == pytest.approx(shape_distance(a, b))


def test_states_under_other_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="the same inputs"):
        align(states(0)[:4], states(1))
