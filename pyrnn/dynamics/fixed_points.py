"""The search for all fixed points of a step under constant input."""

from __future__ import annotations

import logging
from typing import Any

import torch

from pyrnn.dynamics.inputs import as_states, distinct_inputs
from pyrnn.dynamics.points import FixedPoints
from pyrnn.dynamics.search import Search, measure, steps_for_search
from pyrnn.dynamics.seeding import default_rng
from pyrnn.dynamics.step import one_thread

logger = logging.getLogger(__name__)


def find_fixed_points(
    rnn: Any,
    starts: Any,
    x: Any = None,
    *,
    tol: float = 1e-9,
    round_size: int = 64,
    max_rounds: int = 64,
    rng: torch.Generator | int | None = None,
    progress: bool = False,
) -> FixedPoints:
    r"""Find the fixed points of a network under a constant input.

    .. math:: F(h^*, x) = h^*

    The search goes in rounds of starts: mixtures of the states given, and midpoints between the
    points already found. Those of the first round follow the network for a while, to its
    attractors; some of the later ones are corners of a box, should the states given all be near
    one point. Each round runs batched Newton iterations in float32, merges what arrives and
    polishes the new ones in float64. It ends when two sets of ``round_size`` starts have brought
    nothing new, provided that the indices :math:`\mathrm{sign}\det(I - J)` add up to +1, which
    they must for a network with bounded states; otherwise, starting ever further out, after
    twelve. The network is copied, cast to float64 and left as it was.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        starts: States to start from, usually those visited during the task,
            ``(..., hidden_size)`` or a ``Rollout``; :func:`~pyrnn.dynamics.uniform_states` draws
            from a box.
        x: Constant input ``(input_size,)``, or several, ``(..., input_size)``: each distinct one
            is searched from all starts. By default zero, of one channel if ``rnn`` is a function.
        tol: Largest speed ``|F(h, x) - h|`` of a point that is returned. Points are solved for to
            about 1e-13 in any case; a larger value lets no slow points in.
        round_size: Starts of the first round, for each input; the others have twice as many.
        max_rounds: Most rounds, whatever they bring.
        rng: Random generator on the CPU, or a seed; by default 0.
        progress: Whether to show a progress bar. Ctrl-C ends the search and keeps what was found.

    Returns:
        Points without duplicates, sorted by number of unstable modes and then by state. None
        found is an empty result, and one line in the log.

    Raises:
        TypeError: If ``rnn`` cannot be called, the states are not numbers or ``rng`` is neither
            a generator nor a seed.
        ValueError: If starts or inputs have the wrong width, are empty or not finite, or the
            step is not differentiable, not batched, noisy or changes the shape.

    Warns:
        UserWarning: If the step rounds to single precision, so that points escape the search.

    Example:
        >>> starts = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
        >>> points = find_fixed_points(lambda h, x: torch.tanh(2 * h + x), starts, [0.2])
        >>> points.states[:, 0]
        tensor([-0.9303,  0.9730, -0.2029], dtype=torch.float64)

    References:
        Sussillo & Barak, *Neural Computation* 25:626 (2013);
        Golub & Sussillo, *JOSS* 3:1003 (2018).
    """
    pool = as_states(starts, rnn)
    inputs = distinct_inputs(x, pool, rnn)
    pool = pool.reshape(-1, pool.shape[-1])
    _check_options(tol, round_size, max_rounds)
    with one_thread(), torch.no_grad():
        fine, coarse = steps_for_search(rnn, pool, inputs)
        rng = default_rng(rng)
        search = Search(fine, coarse, pool, tol, round_size, max_rounds, rng, progress)
        h, x, record = search.run(inputs)
        points = measure(FixedPoints, fine, h, x, pool, record)
    if not len(points):
        logger.warning(
            "no fixed point found below tol=%g; give more starts, or look for cycles", tol
        )
    return points


def _check_options(tol: float, round_size: int, max_rounds: int) -> None:
    if not tol > 0:
        raise ValueError(f"expected a positive tol, got {tol}; the default is 1e-9")
    if round_size < 1 or max_rounds < 1:
        raise ValueError(
            f"expected at least one start and one round, got round_size={round_size} and "
            f"max_rounds={max_rounds}; the defaults are 64"
        )
