"""Fixed and slow points as values: one point, and the set that a search returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar, overload

import torch
from torch import Tensor

from pyrnn.dynamics.record import SearchRecord
from pyrnn.dynamics.results import load_result, save_result
from pyrnn.dynamics.stability import classify, count_unstable, index_signs
from pyrnn.dynamics.step import one_thread

_Set = TypeVar("_Set", bound="Points")
_SLOW = 1e-2  # distance of a mode's modulus from 1 that may belong to a line or ring


@dataclass(frozen=True, eq=False)
class Point:
    """A state under a constant input, with the step linearized there.

    Args:
        state: The point, ``(hidden_size,)``.
        input: The constant input, ``(input_size,)``.
        speed: How far one step moves the state, ``|step(state, input) - state|``.
        jacobian: Jacobian of the step at the point, ``(hidden_size, hidden_size)``.
        distance: Distance to the nearest state that the search started from.
    """

    state: Tensor
    input: Tensor
    speed: float
    jacobian: Tensor
    distance: float = float("nan")

    @cached_property
    def _modes(self) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eig(self.jacobian)
        order = values.abs().argsort(dim=-1, descending=True, stable=True)
        return values[order], vectors[:, order]

    @property
    def eigenvalues(self) -> Tensor:
        """Eigenvalues of the Jacobian, ``(hidden_size,)``, complex, largest modulus first."""
        return self._modes[0]

    @property
    def eigenvectors(self) -> Tensor:
        """Right eigenvectors in the columns, ``(hidden_size, hidden_size)``, complex."""
        return self._modes[1]

    @property
    def n_unstable(self) -> int:
        """Number of modes that grow."""
        return int(count_unstable(self.eigenvalues))

    @property
    def stability(self) -> str:
        """Kind of point, see :func:`~pyrnn.dynamics.classify`."""
        return classify(self.eigenvalues)

    @property
    def is_stable(self) -> bool:
        """Whether every mode shrinks."""
        return bool((self.eigenvalues.abs() < 1).all())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.stability}, speed={self.speed:.1e})"


class FixedPoint(Point):
    """A ``Point`` that the network maps onto itself under a constant input.

    Example:
        >>> point = FixedPoint(torch.zeros(1), torch.zeros(1), 0.0, torch.tensor([[2.0]]))
        >>> point.stability, point.n_unstable, point.is_stable
        ('unstable node', 1, False)
    """


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
class Points(Sequence[Point]):
    """Points in order of their number of unstable modes.

    A sequence: an index gives a single point, a slice or a mask gives fewer points.

    Args:
        states: Points, ``(n, hidden_size)``.
        inputs: Constant input of each, ``(n, input_size)``.
        speeds: Length of the step at each, ``(n,)``.
        jacobians: Jacobians, ``(n, hidden_size, hidden_size)``.
        distances: Distance to the nearest start, ``(n,)``.
        record: What the search did, if there was one.
    """

    states: Tensor
    inputs: Tensor
    speeds: Tensor
    jacobians: Tensor
    distances: Tensor
    record: SearchRecord | None = None

    _single: ClassVar[type[Point]] = Point
    _noun: ClassVar[str] = "point"

    def __len__(self) -> int:
        return len(self.states)

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self: _Set, index: slice | Tensor) -> _Set: ...
    def __getitem__(self, index: Any) -> Any:
        """Return one point for an integer, fewer points for a slice, mask or index tensor."""
        columns = [getattr(self, name)[index] for name in _COLUMNS]
        if isinstance(index, (slice, Tensor)) and columns[0].dim() == 2:
            fewer = replace(self, **dict(zip(_COLUMNS, columns, strict=True)))
            if "eigenvalues" in vars(self):  # known already, and slow to take again
                vars(fewer)["eigenvalues"] = self.eigenvalues[index]
            return fewer
        state, input, speed, jacobian, distance = columns
        return self._single(state, input, float(speed), jacobian, float(distance))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    @cached_property
    def eigenvalues(self) -> Tensor:
        """Eigenvalues, ``(n, hidden_size)``, complex, largest modulus first."""
        with one_thread():
            values = torch.linalg.eigvals(self.jacobians)
        return values.gather(-1, values.abs().argsort(dim=-1, descending=True, stable=True))

    @property
    def n_unstable(self) -> Tensor:
        """Number of modes that grow, ``(n,)``."""
        return count_unstable(self.eigenvalues)

    @property
    def is_stable(self) -> Tensor:
        """Whether every mode of a point shrinks, ``(n,)``."""
        return (self.eigenvalues.abs() < 1).all(-1)

    @property
    def stability(self) -> list[str]:
        """Kind of each point, see :func:`~pyrnn.dynamics.classify`."""
        return [classify(values) for values in self.eigenvalues]

    def _title(self) -> str:
        return f"{len(self)} {self._noun}{'s' if len(self) != 1 else ''}"

    def summary(self) -> str:
        """Return a small table: how many points of which kind, how still, how unstable."""
        lines = [self._title(), *self._notes()]
        lines[1:1] = [
            f"{count:6d}  {kind:32s}  speed <= {speed:.1e}  |λ| <= {radius:.4f}"
            for kind, count, speed, radius in self._rows()
        ]
        return "\n".join(lines)

    def _notes(self) -> list[str]:
        return [str(self.record)] if self.record else []

    def _rows(self) -> list[tuple[str, int, float, float]]:
        """Return kind, count, largest speed and largest modulus, one row for each kind."""
        kinds = self.stability
        rows = []
        for kind in dict.fromkeys(kinds):
            chosen = torch.tensor([k == kind for k in kinds], device=self.states.device)
            radius = self.eigenvalues[chosen].abs().max()
            count, speed = int(chosen.sum()), float(self.speeds[chosen].max())
            rows.append((kind, count, speed, float(radius)))
        return rows

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)})"

    def __rich__(self) -> Any:
        from rich.table import Table

        caption = "\n".join(self._notes())
        table = Table("stability", "points", "speed", "|λ|", title=self._title(), caption=caption)
        for kind, count, speed, radius in self._rows():
            table.add_row(kind, str(count), f"{speed:.1e}", f"{radius:.4f}")
        return table

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``: a row for each point, a column for each unit."""
        import pandas as pd

        about = {
            "stability": self.stability,
            "n_unstable": self.n_unstable.tolist(),
            "speed": self.speeds.tolist(),
            "distance": self.distances.tolist(),
        }
        units = {f"h{i}": unit.tolist() for i, unit in enumerate(self.states.T)}
        return pd.DataFrame(about | units)

    def save(self, path: str | Path) -> None:
        """Write the points to an ``.npz`` file, readable without pickle.

        Args:
            path: Where to write; the name is kept as it is.
        """
        save_result(self, path)

    @classmethod
    def load(cls: type[_Set], path: str | Path) -> _Set:
        """Read points written by :meth:`save`.

        Args:
            path: An ``.npz`` file.

        Raises:
            ValueError: If the file holds something else.
        """
        points = load_result(path)
        if type(points) is not cls:
            raise ValueError(
                f"expected a file with {cls.__name__}, got {type(points).__name__}: {path}; "
                "read it with load_result"
            )
        return points


class FixedPoints(Points):
    """The fixed points that a search found, in order of their number of unstable modes.

    Takes the arguments of ``Points``, and is a sequence of :class:`FixedPoint`.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> starts = torch.linspace(-1, 1, 20)[:, None]
        >>> points = find_fixed_points(lambda h, x: torch.tanh(2 * h), starts)
        >>> points.n_unstable
        tensor([0, 0, 1])
        >>> points[2].stability
        'unstable node'
    """

    _single = FixedPoint
    _noun = "fixed point"

    @property
    def index_sum(self) -> int:
        r"""Sum of :math:`\mathrm{sign} \det(I - J)`; +1 for all points of a bounded network."""
        with one_thread():
            return int(index_signs(self.jacobians).sum())

    def _notes(self) -> list[str]:
        notes = super()._notes()
        if len(self) and bool((self.inputs == self.inputs[0]).all()):
            notes.append(f"index sum {self.index_sum:+d} (+1 if a bounded network has no others)")
        if not self.is_stable.any():
            notes.append("no attractor among them: look for cycles with find_cycles(rnn, ...)")
        if (self.eigenvalues.abs() - 1).abs().lt(_SLOW).any():
            notes.append("slow modes: for a line or ring see slow_manifold(rnn, settled_states)")
        return notes


class SlowPoints(Points):
    """The slow points that a search found: ``Points``, a sequence of :class:`SlowPoint`.

    Example:
        >>> from pyrnn.dynamics import find_slow_points
        >>> starts = torch.linspace(-1, 1, 20)[:, None]
        >>> find_slow_points(lambda h, x: torch.tanh(2 * h + x), starts, [0.55])
        SlowPoints(1)
    """

    _single = SlowPoint
    _noun = "slow point"

    @property
    def q(self) -> Tensor:
        """Half the squared speed of each, ``(n,)``."""
        return self.speeds.square() / 2


_COLUMNS = ("states", "inputs", "speeds", "jacobians", "distances")
