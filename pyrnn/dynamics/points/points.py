"""Fixed and slow points as values: one point, and the set that a search returns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Generic, TypeVar, overload

import torch
from torch import Tensor

from pyrnn.dynamics.maps import Spectrum
from pyrnn.dynamics.points._inputs import distinct, of_input, rows_by_input
from pyrnn.dynamics.points._record import SearchRecord
from pyrnn.result import Report, Result

__all__ = ["FixedPoint", "FixedPoints", "Point", "Points", "SlowPoint", "SlowPoints"]

_Set = TypeVar("_Set", bound="Points")
_One = TypeVar("_One", bound="Point")
_KINK = 1e-6  # a direction at a kink is marginal when its growth is this close to 1
_SLOW = 1e-2  # distance of a mode's modulus from 1 that may belong to a line or ring


@dataclass(frozen=True, eq=False, repr=False)
class Point(Result):
    """A state under a constant input, with the step linearized there.

    Args:
        state: The point, ``(state_size,)``.
        input: The constant input, ``(input_size,)``.
        speed: How far one step moves the state, ``|step(state, input) - state|``.
        jacobian: Jacobian of the step at the point, ``(state_size, state_size)``.
        distance: Distance to the nearest state that the search started from.
        multiplicity: How many roots of :math:`F(h) = h` meet here; 0 where that is unknown, or
            where the point belongs to a continuum.
        growth: At a kink of the step, the factor by which the fastest growing direction grows; NaN
            where the step is smooth.

    Example:
        >>> jacobian = torch.diag(torch.tensor([2.0, 0.5]))
        >>> point = Point(torch.zeros(2), torch.zeros(1), 0.0, jacobian)
        >>> point.eigenvalues.real, point.eigenvectors.real[:, 0]
        (tensor([2.0000, 0.5000]), tensor([1., 0.]))
        >>> point.n_unstable, point.is_stable, point.stability, point.is_degenerate
        (1, False, 'saddle with 1 unstable mode', False)
        >>> point.is_one_sided, point.status
        (False, 'complete')
    """

    state: Tensor
    input: Tensor
    speed: float
    jacobian: Tensor
    distance: float = float("nan")
    multiplicity: int = 1
    growth: float = float("nan")

    @cached_property
    def spectrum(self) -> Spectrum:
        """Spectrum of the Jacobian.

        Example:
            >>> FixedPoint(torch.zeros(1), torch.zeros(1), 0.0, torch.tensor([[2.0]])).spectrum
            Spectrum(unstable node)
        """
        return Spectrum(self.jacobian)

    @property
    def eigenvalues(self) -> Tensor:
        """Eigenvalues of the Jacobian, ``(state_size,)``, complex, largest modulus first."""
        return self.spectrum.eigenvalues

    @property
    def eigenvectors(self) -> Tensor:
        """Right eigenvectors in the columns, ``(state_size, state_size)``, complex."""
        return self.spectrum.right

    @property
    def n_unstable(self) -> int:
        """Number of modes that grow."""
        return int(_n_unstable(self.spectrum, self._growth))

    @property
    def stability(self) -> str:
        """Kind of point, see :attr:`Spectrum.stability`.

        Where roots meet it is marginal; at a kink the directions decide, see :attr:`is_one_sided`.
        """
        return _kind(str(self.spectrum.stability), self.multiplicity, self.n_unstable, self.growth)

    @property
    def is_stable(self) -> bool:
        """Whether every mode shrinks."""
        return self.multiplicity == 1 and bool(_is_stable(self.spectrum, self._growth))

    @property
    def is_one_sided(self) -> bool:
        """Whether the point lies at a kink of the step: the Jacobian is that of one side."""
        return not math.isnan(self.growth)

    @property
    def is_degenerate(self) -> bool:
        r"""Whether :math:`I - J` is singular: the point is not isolated, or a bifurcation."""
        return self.multiplicity != 1 or bool(self.spectrum.index == 0)

    @property
    def status(self) -> str:
        """Verdict in words."""
        if self.is_one_sided:
            return "one-sided at a kink"
        if self.multiplicity > 1:
            return f"degenerate, of multiplicity {self.multiplicity}"
        return "degenerate" if self.is_degenerate else "complete"

    @property
    def _growth(self) -> Tensor:
        return torch.tensor(self.growth)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.stability}, speed={self.speed:.1e})"

    def _frame(self) -> dict[str, list[object]]:
        values = self.eigenvalues
        return {"state": self.state.tolist(), "eigenvalue": values.tolist()}

    def _report(self) -> Report:
        rows = [
            ("stability", self.stability),
            ("speed", f"{self.speed:.1e}"),
            ("largest |λ|", f"{float(self.eigenvalues[0].abs()):.4f}"),
            ("status", self.status),
        ]
        return Report(type(self).__name__, rows=rows)


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoint(Point):
    """A ``Point`` that the network maps onto itself under a constant input.

    Example:
        >>> point = FixedPoint(torch.zeros(1), torch.zeros(1), 0.0, torch.tensor([[2.0]]))
        >>> point.stability, point.n_unstable, point.is_stable
        ('unstable node', 1, False)
    """


@dataclass(frozen=True, eq=False, repr=False)
class SlowPoint(Point):
    """A ``Point`` where the network moves least, and yet moves: a ghost, or of a continuum.

    Example:
        >>> SlowPoint(torch.zeros(1), torch.zeros(1), 0.1, torch.tensor([[1.0]])).q
        0.005000000000000001
    """

    @property
    def q(self) -> float:
        """Half the squared speed, which a slow point minimizes."""
        return self.speed**2 / 2


@dataclass(frozen=True, eq=False, repr=False)
class Points(Result, Sequence[_One], Generic[_One]):
    """Points, sorted by their number of unstable modes.

    An integer as index gives one point; a slice, a mask or a tensor of indices gives several.

    Args:
        states: Points, ``(n, state_size)``.
        inputs: Constant input of each, ``(n, input_size)``.
        speeds: How far one step moves each point, ``(n,)``.
        jacobians: Jacobians, ``(n, state_size, state_size)``.
        distances: Distance of each point to the nearest state that was searched from, ``(n,)``.
        record: Record of the search; None if the points come from elsewhere.
        multiplicity: How many roots meet in each point, ``(n,)``, see ``Point``; by default 1.
        growth: Growth at kinks, ``(n,)``, see ``Point``; by default NaN.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> starts = torch.linspace(-1, 1, 20)[:, None]
        >>> points = find_fixed_points(lambda h, x: torch.tanh(2 * h), starts)
        >>> points.eigenvalues.shape, points.n_unstable.tolist(), points.is_stable.tolist()
        (torch.Size([3, 1]), [0, 0, 1], [True, True, False])
        >>> points.stability, points.is_degenerate.tolist()
        (['stable node', 'stable node', 'unstable node'], [False, False, False])
        >>> points.is_one_sided.any(), points.multiplicity.tolist()
        (tensor(False), [1, 1, 1])
        >>> points[torch.tensor([2, 0, 1])].in_order().n_unstable.tolist()
        [0, 0, 1]
    """

    states: Tensor
    inputs: Tensor
    speeds: Tensor
    jacobians: Tensor
    distances: Tensor
    record: SearchRecord | None = None
    multiplicity: Tensor = None  # type: ignore[assignment]  # set below
    growth: Tensor = None  # type: ignore[assignment]

    _single: ClassVar[type[Point]] = Point
    _noun: ClassVar[str] = "point"

    def __post_init__(self) -> None:
        if self.multiplicity is None:
            ones = torch.ones(len(self.states), dtype=torch.long, device=self.states.device)
            object.__setattr__(self, "multiplicity", ones)
        if self.growth is None:
            object.__setattr__(self, "growth", torch.full_like(self.speeds, torch.nan))

    def __len__(self) -> int:
        return len(self.states)

    @overload
    def __getitem__(self, index: int) -> _One: ...
    @overload
    def __getitem__(self: _Set, index: slice | Tensor) -> _Set: ...  # type: ignore[explicit-any]
    def __getitem__(  # type: ignore[explicit-any]
        self: _Set, index: int | slice | Tensor
    ) -> Point | _Set:
        """Return one point for an integer, fewer points for a slice, mask or index tensor."""
        columns = [getattr(self, name)[index] for name in _COLUMNS]
        if isinstance(index, (slice, Tensor)) and columns[0].dim() == 2:
            fewer = replace(self, **dict(zip(_COLUMNS, columns, strict=True)))
            if "spectrum" in vars(self):  # known already, and slow to take again
                vars(fewer)["spectrum"] = self.spectrum[index]
            return fewer
        state, input, speed, jacobian, distance, multiplicity, growth = columns
        numbers = float(distance), int(multiplicity), float(growth)
        return self._single(state, input, float(speed), jacobian, *numbers)

    def __iter__(self) -> Iterator[_One]:
        return (self[i] for i in range(len(self)))

    @cached_property
    def spectrum(self) -> Spectrum:
        """Spectra of the Jacobians.

        Example:
            >>> from pyrnn.dynamics import find_fixed_points
            >>> find_fixed_points(lambda h, x: h / 2, torch.ones(1, 1)).spectrum
            Spectrum(stable node)
        """
        return Spectrum(self.jacobians)

    @property
    def eigenvalues(self) -> Tensor:
        """Eigenvalues, ``(n, state_size)``, complex, largest modulus first."""
        return self.spectrum.eigenvalues

    @property
    def n_unstable(self) -> Tensor:
        """Number of modes that grow, ``(n,)``."""
        return _n_unstable(self.spectrum, self.growth)

    @property
    def is_stable(self) -> Tensor:
        """Whether every mode of a point shrinks, ``(n,)``."""
        return _is_stable(self.spectrum, self.growth) & (self.multiplicity == 1)

    @property
    def stability(self) -> list[str]:
        """Kind of each point, see :attr:`Point.stability`."""
        columns = self.multiplicity, self.n_unstable, self.growth
        rows = zip(self.spectrum.stability, *(column.tolist() for column in columns), strict=True)
        return [_kind(*row) for row in rows]

    @property
    def is_one_sided(self) -> Tensor:
        """Whether each point lies at a kink of the step, ``(n,)``."""
        return ~self.growth.isnan()

    @property
    def is_degenerate(self) -> Tensor:
        r"""Whether :math:`I - J` is singular at each point, ``(n,)``: it is not isolated."""
        return (self.multiplicity != 1) | (self.spectrum.index == 0)

    def at(self: _Set, x: object) -> _Set:
        """Return the points under one of several inputs.

        Args:
            x: The input, ``(input_size,)``.

        Raises:
            TypeError: If it is no input.
            ValueError: If no point belongs to it; the message names the nearest that has one.

        Example:
            >>> from pyrnn.dynamics import find_fixed_points
            >>> step, x = lambda h, x: torch.tanh(h / 2 + x), torch.tensor([[0.0], [0.5]])
            >>> points = find_fixed_points(step, torch.zeros(1, 1), x)
            >>> len(points), len(points.at([0.5]))
            (2, 1)
        """
        return self[of_input(self.inputs, x)]

    def groups(self: _Set) -> list[_Set]:
        """Return the points under each input, in order of the inputs.

        Example:
            >>> from pyrnn.dynamics import find_fixed_points
            >>> step, x = lambda h, x: torch.tanh(h / 2 + x), torch.tensor([[0.5], [0.0]])
            >>> points = find_fixed_points(step, torch.zeros(1, 1), x)
            >>> [(group.inputs[0].item(), len(group)) for group in points.groups()]
            [(0.0, 1), (0.5, 1)]
        """
        known, number = distinct(self.inputs)
        return [self[number == i] for i in range(len(known))]

    def joined(self: _Set, others: _Set, record: SearchRecord | None) -> _Set:
        """Return the points of two sets together.

        Args:
            others: The other set.
            record: Record of the search for both.

        Example:
            >>> from pyrnn.dynamics import find_fixed_points
            >>> points = find_fixed_points(lambda h, x: h / 2, torch.ones(1, 1))
            >>> len(points.joined(points, None))
            2
        """
        pairs = {name: (getattr(self, name), getattr(others, name)) for name in _COLUMNS}
        joined = {name: torch.cat(pair) for name, pair in pairs.items()}
        return replace(self, record=record, **joined)

    def in_order(self: _Set) -> _Set:
        """Return the points by their number of unstable modes, input and state."""
        return self[self.order()]

    def order(self) -> Tensor:
        """Return the numbers of the points by number of unstable modes, input and state, ``(n,)``.

        Example:
            >>> from pyrnn.dynamics import find_fixed_points
            >>> find_fixed_points(lambda h, x: h / 2, torch.ones(1, 1)).order()
            tensor([0])
        """
        h, n_unstable = self.states, self.n_unstable.tolist()
        unit = float(h.abs().max()) if len(h) else 1.0
        rounded = (h / (unit or 1.0)).round(decimals=6).tolist()
        keys = list(zip(n_unstable, self.inputs.tolist(), rounded, strict=True))
        order = sorted(range(len(h)), key=keys.__getitem__)
        return torch.tensor(order, dtype=torch.long, device=h.device)

    @property
    def status(self) -> str:
        """Verdict in words."""
        parts = ["complete" if self.record is None else self.record.status]
        for word, is_so in (
            ("degenerate", self.is_degenerate),
            ("one-sided at a kink", self.is_one_sided),
        ):
            parts += [f"{int(is_so.sum())} {word}"] if is_so.any() else []
        return ", ".join(parts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)})"

    def _notes(self) -> list[str]:
        return [f"status: {self.status}", *([str(self.record)] if self.record else [])]

    def _report(self) -> Report:
        """Return one row for each kind of point, or for each input if there are several."""
        kinds = self.stability
        title = f"{len(self)} {self._noun}{'s' if len(self) != 1 else ''}"
        n_inputs = len(distinct(self.inputs)[0])
        if n_inputs > 1:
            kinds = [
                "stable" if kind.startswith("stable") else f"{n}-unstable" if n else kind
                for kind, n in zip(kinds, self.n_unstable.tolist(), strict=True)
            ]
            table = rows_by_input(self.inputs, kinds, self.eigenvalues[:, 0].abs())
            columns = ("input", "points", "stability", "|λ|")
            return Report(f"{title} under {n_inputs} inputs", columns, table, self._notes())
        rows = []
        for kind in dict.fromkeys(kinds):
            chosen = torch.tensor([k == kind for k in kinds], device=self.states.device)
            radius = float(self.eigenvalues[chosen].abs().max())
            count, speed = int(chosen.sum()), float(self.speeds[chosen].max())
            rows.append((kind, str(count), f"<= {speed:.1e}", f"<= {radius:.4f}"))
        return Report(title, ("stability", "points", "speed", "|λ|"), rows, self._notes())

    def _frame(self) -> dict[str, list[object]]:
        """Return one row for each point, one column for each unit and input channel."""
        about = {
            "stability": self.stability,
            "n_unstable": self.n_unstable.tolist(),
            "speed": self.speeds.tolist(),
            "distance": self.distances.tolist(),
        }
        about |= {f"h{i}": unit.tolist() for i, unit in enumerate(self.states.T)}
        return about | {f"x{i}": channel.tolist() for i, channel in enumerate(self.inputs.T)}


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints(Points[FixedPoint]):
    """The fixed points that a search found, in order of their number of unstable modes.

    Takes the arguments of ``Points``, and is a sequence of :class:`FixedPoint`.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> starts = torch.linspace(-1, 1, 20)[:, None]
        >>> points = find_fixed_points(lambda h, x: torch.tanh(2 * h), starts)
        >>> points.n_unstable
        tensor([0, 0, 1])
        >>> points[2].stability, points.index_sum
        ('unstable node', 1)
    """

    _single = FixedPoint
    _noun = "fixed point"

    @property
    def index_sum(self) -> int:
        r"""Sum of :math:`\mathrm{sign} \det(I - J)`; +1 for all points of a bounded network.

        Degenerate points and points at a kink have no such sign and count as 0.
        """
        has_sign = ~self.is_degenerate & ~self.is_one_sided
        return int((self.spectrum.index * has_sign).sum())

    def _notes(self) -> list[str]:
        notes = super()._notes()
        if len(self) and bool((self.inputs == self.inputs[0]).all()):
            has_all = not (self.is_degenerate | self.is_one_sided).any()
            meaning = "+1 if a bounded network has no others"
            note = meaning if has_all else "degenerate and one-sided points are not counted"
            notes.append(f"index sum {self.index_sum:+d} ({note})")
        if not self.is_stable.any():
            notes.append("no attractor among them: look for cycles with find_cycles(network, ...)")
        if (self.eigenvalues.abs() - 1).abs().lt(_SLOW).any():
            notes.append(
                "slow modes: for a line or ring see find_manifolds(network, settled_states)"
            )
        return notes


@dataclass(frozen=True, eq=False, repr=False)
class SlowPoints(Points[SlowPoint]):
    """The slow points that a search found: ``Points``, a sequence of :class:`SlowPoint`.

    Example:
        >>> from pyrnn.dynamics import find_slow_points
        >>> starts = torch.linspace(-1, 1, 20)[:, None]
        >>> points = find_slow_points(lambda h, x: torch.tanh(2 * h + x), starts, [0.55])
        >>> points, round(float(points.q), 7)
        (SlowPoints(1), 3.68e-05)
    """

    _single = SlowPoint
    _noun = "slow point"

    @property
    def q(self) -> Tensor:
        """Half the squared speed of each, ``(n,)``."""
        return self.speeds.square() / 2


_COLUMNS = ("states", "inputs", "speeds", "jacobians", "distances", "multiplicity", "growth")


def _n_unstable(spectrum: Spectrum, growth: Tensor) -> Tensor:
    """Return the number of growing modes; at a kink that of the cone that grows fastest."""
    n = spectrum.n_unstable
    at_kink = torch.where(growth > 1 + _KINK, n.clamp(min=1), 0)
    return torch.where(growth.isnan(), n, at_kink)


def _is_stable(spectrum: Spectrum, growth: Tensor) -> Tensor:
    return torch.where(growth.isnan(), spectrum.is_stable, growth < 1 - _KINK)


def _kind(stability: str, multiplicity: int, n_unstable: int, growth: float) -> str:
    """Return the kind of a point whose spectrum has some stability."""
    if not math.isnan(growth):
        kind = "unstable" if growth > 1 + _KINK else "stable" if growth < 1 - _KINK else "marginal"
        return f"{kind}, one-sided at a kink"
    if multiplicity == 1 or "marginal" in stability:
        return stability
    plural = "s" if n_unstable > 1 else ""
    return f"marginal with {n_unstable} unstable mode{plural}" if n_unstable else "marginal"
