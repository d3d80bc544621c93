"""What every analysis returns: a frozen value with a verdict, a table and a file."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from pyrnn.serialize import register
from pyrnn.stored import Stored, load

if TYPE_CHECKING:
    import pandas
    from rich.table import Table

__all__ = ["Report", "Reported", "Result", "Results", "load"]

_Item = TypeVar("_Item", bound="Result")


@dataclass(frozen=True, repr=False)
class Report:
    """A small table with a title above and notes below, for terminals, notebooks and logs.

    Args:
        title: What it is about.
        columns: Headings; none for a table of names and values.
        rows: Cells, as text, one row after the other.
        notes: Sentences below.

    Example:
        >>> print(Report("2 points", ("kind", "|λ|"), [("saddle", "1.2"), ("node", "0.5")]))
        2 points
          kind    |λ|
          saddle  1.2
          node    0.5
        >>> report = Report("1 point", rows=[("saddle", "1.2")])
        >>> report.to_rich().row_count, report.to_html().count("<td>")
        (1, 2)
    """

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = field(default=())

    def __str__(self) -> str:
        lines = [tuple(self.columns), *map(tuple, self.rows)] if self.columns else self.rows
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
        cells = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([self.title, *(f"  {line}" for line in cells), *self.notes])

    __repr__ = __str__

    def to_rich(self) -> Table:
        """Return the table for a terminal."""
        from rich.table import Table

        headings = self.columns or [""] * max(map(len, self.rows), default=0)
        table = Table(
            *headings,
            title=self.title,
            caption="\n".join(self.notes) or None,
            show_header=bool(self.columns),
        )
        for row in self.rows:
            table.add_row(*row)
        return table

    def to_html(self) -> str:
        """Return the table for a notebook."""
        parts = [f"<caption style='caption-side: top'>{html.escape(self.title)}</caption>"]
        if self.columns:
            parts.append(f"<thead>{_row('th', self.columns)}</thead>")
        parts.append(f"<tbody>{''.join(_row('td', row) for row in self.rows)}</tbody>")
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self.notes)
        return f"<table>{''.join(parts)}</table>{notes}"

    def __rich__(self) -> Table:
        return self.to_rich()

    def _repr_html_(self) -> str:
        return self.to_html()


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


class Reported(ABC):
    """Something that shows itself as a table: with ``print``, in rich, in a notebook.

    Subclassing:
        Write ``_report``, which returns a ``Report``.

    Example:
        >>> class Weather(Reported):
        ...     def _report(self):
        ...         return Report("weather", rows=[("Bern", "rain")])
        >>> print(Weather().summary())
        weather
          Bern  rain
    """

    @abstractmethod
    def _report(self) -> Report:
        """Return the table."""

    def summary(self) -> str:
        """Return the table as plain text."""
        return str(self._report())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._report().title})"

    def __rich__(self) -> Table:
        return self._report().to_rich()

    def _repr_html_(self) -> str:
        return self._report().to_html()


class Result(Reported, Stored):
    """A frozen result: it states its verdict, becomes a data frame, and can be saved.

    Subclassing:
        Write a frozen dataclass with ``_report`` and ``_frame``. The class can then be saved and
        loaded, whatever tensors, numbers, texts and results its fields hold. With ``repr=False``
        it is displayed by the title of its table, not by all its numbers.

    Example:
        >>> @dataclass(frozen=True, eq=False, repr=False)
        ... class Answer(Result):
        ...     value: float
        ...
        ...     def _report(self):
        ...         return Report("answer", rows=[("value", f"{self.value:g}")])
        ...
        ...     def _frame(self):
        ...         return {"value": [self.value]}
        >>> path = Answer(42.0).save(getfixture("tmp_path") / "answer.npz")
        >>> Answer.load(path).value, Answer.load(path).status
        (42.0, 'complete')
        >>> Answer(42.0).to_pandas()["value"].tolist()
        [42.0]
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        register(cls)

    @property
    def status(self) -> str:
        """Verdict in words: complete, or what could not be decided."""
        return "complete"

    @abstractmethod
    def _frame(self) -> dict[str, list[object]]:
        """Return the columns of the data frame."""

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with one row for each item; needs ``pip install pyrnn[pandas]``.

        Raises:
            ImportError: If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "expected pandas to be installed for to_pandas(); pip install pyrnn[pandas]"
            ) from error
        return pandas.DataFrame(self._frame())


@dataclass(frozen=True, eq=False, repr=False)
class Results(Result, Sequence[_Item], Generic[_Item]):
    """Several results of a kind, a sequence, with the verdict of the search for them.

    Args:
        items: The results.
        verdict: What the search says: complete, or why it found no more, or nothing.

    Subclassing:
        Write a frozen dataclass with ``_report`` and ``_frame``.

    Example:
        >>> from pyrnn.dynamics import find_cycles
        >>> cycles = find_cycles(lambda h, x: (-2 * h).tanh(), [[1.0], [0.5]], periods=[2])
        >>> len(cycles), cycles[0].period, cycles.status
        (1, 2, 'complete as far as the search tells')
    """

    items: tuple[_Item, ...] = ()
    verdict: str = "complete"

    @property
    def status(self) -> str:
        """Verdict in words."""
        return self.verdict

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> _Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[_Item, ...]: ...
    def __getitem__(self, index: int | slice) -> _Item | tuple[_Item, ...]:
        """Return one result, or several."""
        return self.items[index]

    def __iter__(self) -> Iterator[_Item]:
        return iter(self.items)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self.items)})"
