"""Proof that a list of fixed points is complete, or the boxes in which others may be."""

from __future__ import annotations

import itertools
import math
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import (
    EquationJacobians,
    EquationMap,
    Network,
    Spectrum,
    analysis,
    as_map,
)
from pyrnn.dynamics.points._boxes import Boxes, clusters
from pyrnn.dynamics.points._enclosures import CURVES, ActivationCurve
from pyrnn.dynamics.points._intervals import gamma
from pyrnn.dynamics.points._kinks import find_kinks
from pyrnn.dynamics.points._low_rank import LowRank
from pyrnn.dynamics.points._problem import Problem
from pyrnn.dynamics.points._prune import Pruned
from pyrnn.dynamics.points._record import PROVED
from pyrnn.dynamics.points._uncertain import n_points_between
from pyrnn.dynamics.points.input_proof import InputProof, counted
from pyrnn.dynamics.points.points import FixedPoints
from pyrnn.progress import interruptible, track
from pyrnn.result import Report, Result
from pyrnn.validate import as_boolean, as_integer, as_number

__all__ = ["Proof", "prove_along", "prove_complete"]


@dataclass(frozen=True, eq=False, repr=False)
class Proof(Result):
    """All fixed points of a network under an input, or some and the boxes that may hold others.

    Args:
        states: The fixed points, ``(n, state_size)``, by their number of unstable modes.
        inputs: The input of each, ``(n, input_size)``.
        radius: A true fixed point lies this close to each, in the largest-difference norm of the
            currents, ``(n,)``.
        eigenvalues: Of the Jacobian at each, ``(n, state_size)``, complex.
        factors: Factors of the Jacobians.
        speeds: How far one step moves each point, ``(n,)``.
        growth: Growth at kinks, ``(n,)``, see :class:`FixedPoint`.
        undecided: Boxes of states in which there may be other fixed points.
        n_boxes: Number of boxes, or linear regions, that were looked at.
        contraction: Largest row sum of the recurrent weights without the directions that boxes
            are split in; zero for weights of low rank. It tells whether a proof is affordable.
        was_stopped: Whether ``max_boxes`` or Ctrl-C ended the proof.
        is_bounded: Whether the activation is bounded, so that all indices add up to +1.

    Example:
        >>> from pyrnn import RNN
        >>> rnn = RNN(1, 1, 1)
        >>> _ = rnn.w_rec.weight.data.fill_(2.0)
        >>> proof = prove_complete(rnn)
        >>> proof, proof.is_complete, len(proof), proof.points.n_unstable.tolist()
        (Proof(3 fixed points, proved complete), True, 3, [0, 0, 1])
        >>> proof.undecided, proof.n_boxes < 20, proof.contraction, proof.undecided_index
        (Boxes(0), True, 0.0, 0)
    """

    states: Tensor
    inputs: Tensor
    radius: Tensor
    eigenvalues: Tensor
    factors: EquationJacobians
    speeds: Tensor
    growth: Tensor
    undecided: Boxes
    n_boxes: int
    contraction: float
    was_stopped: bool = False
    is_bounded: bool = True

    @cached_property
    def points(self) -> FixedPoints:
        """The fixed points; their Jacobians are made when this is first read."""
        nowhere = torch.full_like(self.speeds, math.nan)
        points = FixedPoints(
            self.states,
            self.inputs,
            self.speeds,
            self.factors.dense(),
            nowhere,
            growth=self.growth,
        )
        vars(points.spectrum)["eigenvalues"] = self.eigenvalues
        return points

    @property
    def is_complete(self) -> bool:
        """Whether it is proved that there are no other fixed points."""
        return not len(self.undecided) and not self.was_stopped

    @property
    def undecided_index(self) -> int | None:
        """Sum of the indices in all undecided boxes; None for unbounded activations.

        If the boxes form one cluster, it is the index of that cluster: the number of +1 points
        minus that of -1 points that it holds, counted with multiplicity.
        """
        if not self.is_bounded:
            return 0 if self.is_complete else None
        is_real = self.eigenvalues.imag == 0
        n_beyond = (is_real & (self.eigenvalues.real > 1)).sum(-1)
        return 1 - int((1 - 2 * (n_beyond % 2)).sum())

    @property
    def status(self) -> str:
        """Verdict in words."""
        if self.is_complete:
            return PROVED
        n, n_clusters = len(self.undecided), self.undecided.n_clusters
        if not self.undecided.is_finite:
            why = "fixed points may lie arbitrarily far out"
            return f"{'stopped early' if self.was_stopped else 'undecided'}: {why}"
        boxes = f"{n} box{'es' if n != 1 else ''} in {n_clusters} cluster"
        boxes += f"{'s' if n_clusters != 1 else ''} may hold other fixed points"
        return f"{'stopped early' if self.was_stopped else 'undecided'}: {boxes}"

    def __len__(self) -> int:
        return len(self.states)

    @property
    def _title(self) -> str:
        return f"{len(self)} fixed point{'s' if len(self) != 1 else ''}"

    def __repr__(self) -> str:
        return f"Proof({self._title}, {self.status})"

    def _report(self) -> Report:
        rows = [("boxes looked at", str(self.n_boxes)), ("contraction", f"{self.contraction:.3g}")]
        if len(self):
            rows.append(("error of the points", f"<= {float(self.radius.max()):.1e}"))
        if len(self.undecided):
            rows.append(("undecided boxes", str(len(self.undecided))))
            rows.append(("clusters of them", str(self.undecided.n_clusters)))
        notes = [f"status: {self.status}"]
        if len(self.undecided) and self.undecided_index is not None:
            notes.append(f"the indices of what the boxes hold add up to {self.undecided_index:+d}")
        return Report(self._title, rows=rows, notes=notes)

    def _frame(self) -> dict[str, list[object]]:
        spectrum = Spectrum.from_eigenvalues(self.eigenvalues)
        about = {"radius": self.radius.tolist(), "n_unstable": spectrum.n_unstable.tolist()}
        return about | {f"h{i}": unit.tolist() for i, unit in enumerate(self.states.T)}


@analysis
def prove_complete(
    network: Network,
    x: States | None = None,
    *,
    max_boxes: int = 200_000,
    min_width: float = 1e-5,
    progress: bool = True,
) -> Proof:
    r"""Find all fixed points under a constant input, and prove that there are no others.

    The fixed points of all built-in equations are the solutions of

    .. math:: u = W f(u) + d, \qquad d = W_{in} x + b

    in the currents :math:`u`. A box that holds all of them is contracted, split and contracted
    again until each part holds none, or exactly one. A contraction replaces the activation by two
    parallel lines around it, which makes the equation linear up to a small error, and solves
    this linear equation for the whole box. Weights of low rank are split in as many dimensions as
    their rank is, however many units there are. Other weights are split in their leading singular
    directions; the rest of the currents is enclosed as a function of these. Networks that rectify
    are solved in each of their :math:`2^N` linear regions, up to 16 units.

    Every bound includes rounding, for float64 arithmetic whose elementary functions err by at
    most four units in the last place. Existence is that of :func:`~pyrnn.dynamics.certify`.

    What can be proved within a minute: rank up to 3 with thousands of units, rank 6 where
    populations are separate, and trained networks of full rank with up to about 64 units.
    ``proof.contraction`` tells beforehand, with ``max_boxes=1``: for ``tanh`` a proof is easy
    below 6, and takes longer and longer above 8; for ``sigmoid`` it is easy below 24. At a
    bifurcation, and along a line or ring of fixed points, boxes remain undecided: they show where.

    Args:
        network: A network with one of the built-in equations and activations.
        x: Constant input, ``(input_size,)``; by default zero.
        max_boxes: Most boxes to look at, or linear regions.
        min_width: Width, in units of the first box, below which boxes are not split further.
        progress: Whether to show a progress bar when the proof takes longer than a second.
            Ctrl-C ends it; what is not settled by then is undecided.

    Returns:
        The proof: fixed points, undecided boxes, and the verdict in words as ``status``.

    Raises:
        TypeError: If the network has none of the built-in equations.
        ValueError: If its activation is none of the built-in ones, or not bounded while its
            weights are of rank above 6 (rectifying networks: of more than 16 units); if ``x`` is
            not one constant input.

    Example:
        >>> from pyrnn import LowRankRNN
        >>> rnn = LowRankRNN(1, 500, 1, rank=1, seed=0)
        >>> rnn.n.data = 2 * rnn.m.data
        >>> print(prove_complete(rnn).summary())
        3 fixed points
          boxes looked at      7
          contraction          0
          error of the points  <= ...
        status: proved complete

    References:
        Tucker, *Validated Numerics* (2011); Singh et al., *NeurIPS* 31 (2018), for the parallel
        lines; Neumaier, *Interval Methods for Systems of Equations* (1990).
    """
    max_boxes = as_integer("max_boxes", max_boxes, low=1)
    min_width = as_number("min_width", min_width, above=0, high=1)
    progress = as_boolean("progress", progress)
    step, curve = _equation_map(network)
    given = step.one_input(x)[0]
    problem = Problem(step, curve, given)
    pulse = track(itertools.count(), "proving", enabled=progress)
    with interruptible() as interrupt, closing(pulse):

        def stop() -> bool:
            next(pulse)
            return interrupt.pressed

        pruned = problem.prune(max_boxes, min_width, stop)
    return _proof(problem, pruned)


@analysis
def prove_along(
    network: Network,
    start: States,
    end: States,
    *,
    max_boxes: int = 200_000,
    min_width: float = 1e-4,
    progress: bool = True,
) -> InputProof:
    r"""Prove how many fixed points there are under every input between two.

    .. math:: x(s) = (1 - s)\, x_0 + s\, x_1, \qquad 0 \le s \le 1

    As :func:`prove_complete`, for all inputs of a stretch of the way at once. Stretches around a
    fold or a pitchfork remain undecided, and enclose it.

    Args:
        network: A network with a built-in equation and weights of rank up to 6.
        start: Input :math:`x_0`, ``(input_size,)``.
        end: Input :math:`x_1`, ``(input_size,)``.
        max_boxes: Most boxes to look at.
        min_width: Share of the way below which stretches are not split further.
        progress: Whether to show a progress bar when the proof takes longer than a second.
            Ctrl-C ends it.

    Returns:
        The stretches with their numbers of fixed points.

    Raises:
        TypeError: As :func:`prove_complete`.
        ValueError: As :func:`prove_complete`, or if the weights are of a larger rank.

    Example:
        >>> from pyrnn import LowRankRNN
        >>> rnn = LowRankRNN(1, 20, 1, rank=1, seed=0)
        >>> rnn.n.data, rnn.w_in.weight.data = 2 * rnn.m.data, rnn.m.data
        >>> proof = prove_along(rnn, [0.0], [1.0])
        >>> proof.n_points.tolist(), proof.share > 0.999
        ([3, -1, 1], True)

    References:
        Tucker, *Validated Numerics* (2011), chapter 5.
    """
    max_boxes = as_integer("max_boxes", max_boxes, low=1)
    min_width = as_number("min_width", min_width, above=0, high=1)
    progress = as_boolean("progress", progress)
    step, curve = _equation_map(network)
    first, last = (Problem(step, curve, step.one_input(x)[0]) for x in (start, end))
    equation, way = first.equation, last.drive - first.drive
    if not isinstance(equation, LowRank):
        raise ValueError(
            "expected weights of a rank up to 6 that is less than the number of units, and no "
            "activation relu with up to 16 units; prove_complete proves one input at a time"
        )
    rounding = gamma(8) * (first.drive.abs() + last.drive.abs())  # of drives in between
    equation.drive_error = torch.maximum(first.drive_error, last.drive_error) + rounding
    pulse = track(itertools.count(), "proving", enabled=progress)
    with interruptible() as interrupt, closing(pulse):

        def stop() -> bool:
            next(pulse)
            return interrupt.pressed

        def count(low: float, high: float) -> tuple[int, int]:
            ends = (first.drive + share * way for share in (low, high))
            return n_points_between(equation, *ends)

        return counted(count, min_width, max_boxes, stop)


def _proof(problem: Problem, pruned: Pruned) -> Proof:
    """Return the result in the states of the network, with points in order."""
    step, curve, u = problem.step, problem.curve, pruned.roots.u
    h, slopes = problem.states(u), curve.derivative(u).to(step.device)
    x = problem.x.expand(len(h), -1)
    values, speeds = problem.eigenvalues(slopes), (step(h, x) - h).norm(dim=-1)
    points = FixedPoints(h, x, speeds, h.new_zeros(len(h), 0, 0), torch.zeros_like(speeds))
    vars(points.spectrum)["eigenvalues"] = values
    order = points.order()
    growth = torch.full_like(speeds, math.nan)
    if problem.equation is None and len(h):
        growth = find_kinks(step, h, x, step.jacobian(h, x)).growth
    low, high = problem.state_boxes(pruned.low, pruned.high)
    return Proof(
        h[order],
        x[order],
        problem.state_radius(pruned.roots.radius)[order],
        values[order],
        step.jacobians_at(slopes[order]),
        speeds[order],
        growth[order],
        Boxes(low, high, clusters(*problem.axes(pruned.low, pruned.high))),
        pruned.n_boxes,
        problem.contraction,
        pruned.was_stopped,
        curve.is_bounded,
    )


def _equation_map(network: Network) -> tuple[EquationMap, ActivationCurve]:
    step = as_map(network)
    if not isinstance(step, EquationMap):
        raise TypeError(
            "expected a network with one of the built-in equations (RNN, CTRNN, RateRNN, "
            f"LowRankRNN) for a proof, got {type(network).__name__}; find_fixed_points searches "
            "any step, and RNN.from_torch copies an nn.RNN of one layer"
        )
    curve = CURVES.get(step.activation)
    if curve is None:
        raise ValueError(
            f"expected one of the activations {', '.join(CURVES)} for a proof, got another "
            "function, on which no bounds are known; find_fixed_points searches any step"
        )
    return step, curve
