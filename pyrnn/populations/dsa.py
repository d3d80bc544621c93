"""Dynamical similarity analysis: how alike the linear operators of two networks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pyrnn.arrays import Array, States
from pyrnn.populations._spectra import wasserstein
from pyrnn.projection import Projection, as_states
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer, as_list, as_rng

__all__ = ["DSAAngle", "choose_rank", "dsa_angle", "dsa_distance", "dsa_matrix", "operator"]

_FULL = 1e-9  # singular values below this part of the largest one are rounding
_NO_WORSE = 1.1  # an error that is at most so many times the lowest one is as good
_EXACT = 1e-12  # part of the variance: errors below it are the same


class _Delays(NamedTuple):
    """States of trials with their past: left and right of each step.

    Attributes:
        before: Rows with ``n_delays`` states each, ``(n, n_delays * n_components)``.
        after: The same, one step later.
        all: All rows.
    """

    before: Array
    after: Array
    all: Array


def dsa_distance(
    a: States,
    b: States,
    *,
    n_components: int = 10,
    n_delays: int = 5,
    rank: int | None = None,
) -> float:
    r"""Return how much the linear operators of two networks differ in their eigenvalues.

    States are reduced to their principal components and joined with those of the steps before. In
    coordinates :math:`v_t` of the largest singular values, :math:`v_{t+1} \approx A v_t` by least
    squares. With the eigenvalues of both operators,

    .. math:: d^2 = \min_\pi \frac1r \sum_i |\lambda_i(A) - \lambda_{\pi(i)}(B)|^2 .

    It is a metric among operators of one rank :math:`r`; the square of it, which other programs
    report, is none. Beyond the rank of the data an operator fits noise, and the same networks
    come out different.

    Args:
        a: States, ``(n_trials, time, hidden_size)``.
        b: States of another network, ``(n_trials, time, other_hidden_size)``.
        n_components: Number of principal components.
        n_delays: Number of time steps that are joined.
        rank: Rank of the operators; by default the one that predicts held-out trials best, see
            :func:`choose_rank`.

    Returns:
        The distance.

    Raises:
        ValueError: If there are too few states, or the rank is larger than that of the data.

    Example:
        >>> states = np.random.default_rng(0).normal(size=(8, 40, 6)).cumsum(axis=1)
        >>> round(dsa_distance(states, states[..., ::-1]), 9)
        0.0

    References:
        Ostrow, Eisen, Kozachkov & Fiete, *Beyond geometry: comparing the temporal structure of
        computation in neural circuits with dynamical similarity analysis*, NeurIPS (2023).
    """
    operators, _ = _operators((a, b), n_components, n_delays, rank)
    return float(dsa_matrix(operators)[0, 1])


@dataclass(frozen=True, eq=False, repr=False)
class DSAAngle(Result):
    """The angle of two operators after the best rotation that was found.

    The search has many local minima. The spread over the starts and the lower bound tell how far
    to trust it.

    Args:
        angle: The smallest angle, in radians.
        angles: The angle that each start ended at, ``(n_starts,)``, increasing.
        lowest: No rotation has a smaller angle.
        rank: Rank of the operators.

    Example:
        >>> states = np.random.default_rng(0).normal(size=(8, 40, 3)).cumsum(axis=1)
        >>> found = dsa_angle(states, states[..., ::-1], n_starts=1)
        >>> found.angle < 1e-5, found.status
        (True, 'smallest of 1 starts, which ended from 0 to 0; none is below 0')
    """

    angle: float
    angles: Array
    lowest: float
    rank: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", np.asarray(self.angles))

    @property
    def status(self) -> str:
        """Verdict in words."""
        low, high = self.angles.round(4)[[0, -1]]
        spread = f"smallest of {len(self.angles)} starts, which ended from {low:.3g} to {high:.3g}"
        return f"{spread}; none is below {round(self.lowest, 4):.3g}"

    def _frame(self) -> dict[str, list[object]]:
        return {"angle": self.angles.tolist()}

    def _report(self) -> Report:
        rows = [("angle", f"{self.angle:.4f}"), ("rank", str(self.rank))]
        return Report("angle of two operators", rows=rows, notes=[f"status: {self.status}"])


def dsa_angle(
    a: States,
    b: States,
    *,
    n_components: int = 10,
    n_delays: int = 5,
    rank: int | None = None,
    n_starts: int = 12,
    rng: object = None,
) -> DSAAngle:
    r"""Return the angle between the linear operators of two networks.

    .. math:: \min_{C^T C = I} \arccos \frac{\langle A, C B C^T \rangle}{|A| |B|}

    Args:
        a: States, ``(n_trials, time, hidden_size)``.
        b: States of another network.
        n_components: Number of principal components.
        n_delays: Number of time steps that are joined.
        rank: Rank of the operators; by default as in :func:`dsa_distance`.
        n_starts: Number of starts of the search.
        rng: Random generator, or a seed; by default 0.

    Returns:
        The smallest angle, and that of each start.

    Raises:
        ValueError: As :func:`dsa_distance`.

    Example:
        >>> states = np.random.default_rng(0).normal(size=(8, 40, 3)).cumsum(axis=1)
        >>> len(dsa_angle(states, states, n_starts=3).angles)
        3

    References:
        Ostrow et al., NeurIPS (2023).
    """
    from pyrnn.populations._rotations import aligned

    n_starts, rng = as_integer("n_starts", n_starts, low=1), as_rng(rng)
    (first, second), rank = _operators((a, b), n_components, n_delays, rank)
    found = aligned(first, second, n_starts, rng)
    angles = np.sort(found.angles)
    return DSAAngle(float(angles[0]), angles, found.lowest, rank)


def dsa_matrix(operators: Sequence[Array]) -> Array:
    """Return the distance of the eigenvalues of each pair of operators, ``(n, n)``.

    Args:
        operators: Operators, ``(rank, rank)`` each.

    Example:
        >>> dsa_matrix([np.eye(2), 0.5 * np.eye(2)])
        array([[0. , 0.5],
               [0.5, 0. ]])
    """
    values = np.linalg.eigvals(np.stack(operators))
    i, j = np.triu_indices(len(values), 1)
    matrix = np.zeros((len(values), len(values)))
    matrix[i, j] = np.sqrt(wasserstein(values[i], values[j]))
    return np.asarray(matrix + matrix.T)


def operator(states: States, *, n_components: int, n_delays: int, rank: int) -> Array:
    """Fit the linear operator of some states.

    Args:
        states: States, ``(n_trials, time, hidden_size)``.
        n_components: Number of principal components.
        n_delays: Number of time steps that are joined.
        rank: Its rank.

    Returns:
        The operator, ``(rank, rank)``.

    Raises:
        ValueError: If the rank is larger than that of the data.

    Example:
        >>> turn = np.array([[0.0, -1.0], [1.0, 0.0]])
        >>> trials = np.random.default_rng(0).normal(size=(5, 1, 2))
        >>> trials = np.concatenate([trials, -trials], axis=0)
        >>> runs = np.concatenate([trials, trials @ turn, -trials], axis=1)
        >>> fitted = operator(runs, n_components=2, n_delays=1, rank=2)
        >>> np.linalg.eigvals(fitted).imag.round(6).tolist()
        [1.0, -1.0]
    """
    delays = _delays(_reduced(states, n_components), n_delays)
    basis, sizes = _basis(delays)
    if rank > len(sizes):
        raise ValueError(
            f"expected a rank of at most {len(sizes)}, that of the states, got {rank}; leave it "
            "out to have it chosen"
        )
    before, after = (
        rows @ basis[:, :rank] / sizes[:rank] for rows in (delays.before, delays.after)
    )
    return np.asarray(np.linalg.lstsq(before, after, rcond=None)[0].T)


def choose_rank(states: Sequence[States], *, n_components: int = 10, n_delays: int = 5) -> int:
    """Choose the rank with which operators predict the next step of held-out trials best.

    Each half of the trials is predicted by an operator that was fitted to the other half. Of the
    ranks whose error, as a part of the variance and averaged over networks, is within a tenth of
    the lowest one, the smallest is chosen.

    Args:
        states: States of each network, ``(n_trials, time, hidden_size)``.
        n_components: Number of principal components.
        n_delays: Number of time steps that are joined.

    Returns:
        The rank.

    Raises:
        ValueError: If a network has fewer than two trials.

    Example:
        >>> hidden = np.random.default_rng(0).normal(size=(20, 30, 3)).cumsum(axis=1)
        >>> choose_rank([hidden @ np.ones((3, 8))], n_delays=1)
        1
    """
    n_components = as_integer("n_components", n_components, low=1)
    n_delays = as_integer("n_delays", n_delays, low=1)
    states = as_list("states", states, "the states of networks")
    if not states:
        raise ValueError("expected the states of one or more networks, got none")
    errors = [_errors(_reduced(each, n_components), n_delays) for each in states]
    shortest = min(map(len, errors))
    mean = np.mean([error[:shortest] for error in errors], axis=0)
    return int(np.argmax(mean <= _NO_WORSE * mean.min() + _EXACT)) + 1


def _operators(
    states: Sequence[States], n_components: int, n_delays: int, rank: int | None
) -> tuple[list[Array], int]:
    """Return the operators of some networks, and their rank."""
    n_components = as_integer("n_components", n_components, low=1)
    n_delays = as_integer("n_delays", n_delays, low=1)
    if rank is None:
        rank = choose_rank(states, n_components=n_components, n_delays=n_delays)
    rank = as_integer("rank", rank, low=1)
    fits = {"n_components": n_components, "n_delays": n_delays, "rank": rank}
    return [operator(each, **fits) for each in states], rank


def _reduced(states: States, n_components: int) -> Array:
    """Return the principal components of states, ``(n_trials, time, n_components)``.

    Raises:
        ValueError: If the states have no trials.
    """
    trials = as_states(states).astype(float)
    if trials.ndim != 3:
        raise ValueError(
            f"expected states of shape (n_trials, time, hidden_size), got {trials.shape}"
        )
    return Projection.fit(trials, n_components).transform(trials)


def _delays(trials: Array, n_delays: int) -> _Delays:
    """Join each state with those before it.

    Returns:
        Rows of joined states.

    Raises:
        ValueError: If trials are too short.
    """
    n_steps = trials.shape[1]
    length = n_steps - n_delays + 1
    if length < 2:
        raise ValueError(
            f"expected trials of more than {n_delays} steps for {n_delays} delays, got {n_steps}"
        )
    past = [trials[:, n_delays - 1 - d : n_steps - d] for d in range(n_delays)]
    rows = np.concatenate(past, axis=-1)
    flat = (rows[:, :-1], rows[:, 1:], rows)
    return _Delays(*(part.reshape(-1, part.shape[-1]) for part in flat))


def _basis(delays: _Delays) -> tuple[Array, Array]:
    """Return the right singular vectors of all rows in columns, and the singular values."""
    _, sizes, vectors = np.linalg.svd(delays.all, full_matrices=False)
    n = int((sizes > _FULL * sizes[0]).sum())
    return vectors[:n].T, sizes[:n]


def _errors(trials: Array, n_delays: int) -> Array:
    """Return the error of prediction at held-out trials for each rank, a part of the variance.

    Raises:
        ValueError: If there are fewer than two trials.
    """
    if len(trials) < 2:
        raise ValueError("expected at least two trials to choose a rank, got one; give the rank")
    halves = [_delays(half, n_delays) for half in (trials[::2], trials[1::2])]
    pairs = [(halves[0], halves[1]), (halves[1], halves[0])]
    found = [_held_out(fitted, held_out) for fitted, held_out in pairs]
    shortest = min(map(len, found))
    return np.mean([error[:shortest] for error in found], axis=0)


def _held_out(fitted: _Delays, held_out: _Delays) -> Array:
    basis, sizes = _basis(fitted)
    before, after = (rows @ basis / sizes for rows in (fitted.before, fitted.after))
    gram, cross = before.T @ before, before.T @ after
    test, next_ = (rows @ basis for rows in (held_out.before, held_out.after))
    scale = float(np.square(held_out.after).sum())
    test_gram, test_cross = test.T @ test, test.T @ next_
    errors = []
    for r in range(1, len(sizes) + 1):
        step = np.linalg.lstsq(gram[:r, :r], cross[:r, :r], rcond=None)[0]
        step = step * sizes[:r] / sizes[:r, None]  # in units of the states
        hit = 2 * np.sum(step * test_cross[:r, :r]) - np.sum(step * (test_gram[:r, :r] @ step))
        errors.append(max(scale - hit, 0.0) / scale)
    return np.array(errors)
