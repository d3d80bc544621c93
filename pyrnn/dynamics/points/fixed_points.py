"""The search for all fixed points of a step under constant input."""

from __future__ import annotations

import logging
from dataclasses import replace

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.dynamics.points._record import PROVED, SearchRecord
from pyrnn.dynamics.points._search import Found, Search
from pyrnn.dynamics.points._seeding import distances_to
from pyrnn.dynamics.points.points import FixedPoints
from pyrnn.dynamics.points.proof import Proof, prove_complete
from pyrnn.validate import as_boolean, as_integer, as_number, as_rng

__all__ = ["find_fixed_points"]

logger = logging.getLogger(__name__)

_SAME = 1e-8  # points of a proof and of a search closer than this are one


@analysis
def find_fixed_points(
    network: Network,
    starts: States,
    x: States | None = None,
    *,
    tol: float = 1e-9,
    round_size: int = 64,
    max_rounds: int = 64,
    rng: torch.Generator | int | None = None,
    progress: bool = True,
    prove: bool = False,
) -> FixedPoints:
    r"""Find the fixed points of a network under a constant input.

    .. math:: F(h^*, x) = h^*

    The search goes in rounds of starts: mixtures of the states given, and midpoints between the
    points already found. Starts of the first round follow the network for some steps, to its
    attractors; some of the later ones are corners of a box, in case all states given are near
    one point. Each round runs batched Newton iterations in float32, merges starts that converged
    to the same point and polishes new points in float64. It ends when two sets of ``round_size``
    starts have brought nothing new, provided that the indices
    :math:`\mathrm{sign}\det(I - J)` add up to +1, which they must for a network with bounded
    states; otherwise, with starts ever further out, after twelve sets.

    Args:
        network: A network, a recurrent module of torch, or any batched ``step(h, x)``; see
            :func:`~pyrnn.dynamics.as_map`.
        starts: States to start from, usually those visited during the task,
            ``(..., state_size)`` or a ``Rollout``; :func:`~pyrnn.dynamics.uniform_states` draws
            from a box.
        x: Constant input ``(input_size,)``, or several, ``(..., input_size)``: each distinct one
            is searched from all starts. By default zero, of one channel for a function.
        tol: Largest speed ``|F(h, x) - h|`` of a point that is returned, relative to the usual
            size of the states. Points are solved for to about 1e-13 in any case; a larger value
            lets no slow points in.
        round_size: Starts of the first round, for each input; the others have twice as many.
        max_rounds: Most rounds, whatever they bring.
        rng: Random generator on the CPU, or a seed; by default 0.
        progress: Whether to show a progress bar when the search takes longer than a second.
            Ctrl-C ends the search and keeps what was found.
        prove: Whether to try :func:`~pyrnn.dynamics.prove_complete` first. Where it succeeds, the
            status is "proved complete"; elsewhere the search adds what it finds.

    Returns:
        Points without duplicates, sorted by number of unstable modes and then by state. None
        found is an empty result, and one line in the log.

    Raises:
        TypeError: If ``network`` cannot be called, the states are not numbers or an option is of
            the wrong kind.
        ValueError: If starts or inputs have the wrong width, are empty or not finite, or the
            step is not differentiable, not batched, random or changes the shape.

    Warns:
        UserWarning: If the step rounds to single precision, so that the search misses points.

    Example:
        >>> starts = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
        >>> points = find_fixed_points(lambda h, x: torch.tanh(2 * h + x), starts, [0.2])
        >>> points.states[:, 0]
        tensor([-0.9303,  0.9730, -0.2029], dtype=torch.float64)

        >>> from pyrnn import RNN
        >>> find_fixed_points(RNN(1, 4, 1, seed=0), torch.zeros(1, 4), prove=True).status
        'proved complete'

    References:
        Sussillo & Barak, *Neural Computation* 25:626 (2013);
        Golub & Sussillo, *JOSS* 3:1003 (2018).
    """
    tol = as_number("tol", tol, above=0)
    round_size = as_integer("round_size", round_size, low=1)
    max_rounds = as_integer("max_rounds", max_rounds, low=1)
    rng, progress = as_rng(rng), as_boolean("progress", progress)
    step = as_map(network, starts, x)
    pool, inputs = step.states(starts), step.distinct_inputs(x)
    pool = pool.reshape(-1, pool.shape[-1])
    proofs = []
    if as_boolean("prove", prove):
        proofs = [prove_complete(step, each, progress=progress) for each in inputs]
    if proofs and all(proof.is_complete for proof in proofs):
        return _proved(proofs, pool, SearchRecord(proof=PROVED))
    search = Search(step, pool, tol, round_size, max_rounds, rng, progress)
    points = _as_points(step, search.run(inputs), pool)
    if proofs:
        points = _with_proofs(points, proofs, pool)
    if not len(points):
        logger.warning(
            "no fixed point found below tol=%g; give more starts, or look for cycles", tol
        )
    return points


def _proved(proofs: list[Proof], pool: Tensor, record: SearchRecord) -> FixedPoints:
    """Return the points of some proofs together."""
    parts = [proof.points for proof in proofs]
    columns = ("states", "inputs", "speeds", "jacobians", "growth")
    joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in columns}
    distances = distances_to(pool, joined["states"])
    points = FixedPoints(**joined, distances=distances, record=record)
    values = torch.cat([proof.eigenvalues for proof in proofs])
    vars(points.spectrum)["eigenvalues"] = values
    return points.in_order()


def _with_proofs(points: FixedPoints, proofs: list[Proof], pool: Tensor) -> FixedPoints:
    """Return the points of a search and those that only the proofs found, with both verdicts."""
    verdicts = dict.fromkeys(proof.status for proof in proofs if not proof.is_complete)
    record = replace(points.record or SearchRecord(), proof="; ".join(verdicts))
    extra = _proved(proofs, pool, record)
    both = torch.cat([extra.states, extra.inputs], -1)
    known = torch.cat([points.states, points.inputs], -1)
    gap = torch.cdist(both, known, compute_mode="donot_use_mm_for_euclid_dist")
    reach = _SAME * (0.1 + extra.states.norm(dim=-1))
    is_new = (gap > reach[:, None]).all(-1)
    return points.joined(extra[is_new], record).in_order()


def _as_points(step: Map, found: Found, pool: Tensor) -> FixedPoints:
    """Take speed and distance of what a search found."""
    h, x = found.states, found.inputs
    points = FixedPoints(
        h,
        x,
        (step(h, x) - h).norm(dim=-1),
        found.jacobians,
        distances_to(pool, h),
        found.record,
        found.multiplicity,
        found.growth,
    )
    vars(points.spectrum)["eigenvalues"] = found.eigenvalues
    return points.in_order()
