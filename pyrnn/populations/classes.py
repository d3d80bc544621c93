"""find_classes: which solutions networks have found, by their skeletons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from pyrnn.arrays import Array
from pyrnn.dynamics import same_transitions
from pyrnn.dynamics.graphs.same_transitions import transitions_key
from pyrnn.populations._folder import Row
from pyrnn.populations.agreement import Agreement, shared
from pyrnn.populations.analysis import Analysis, kinds_of
from pyrnn.populations.population import Population
from pyrnn.result import Report, Result
from pyrnn.statistics import wilson_interval
from pyrnn.validate import as_boolean, as_list, check_kind

if TYPE_CHECKING:
    import pandas

__all__ = ["Classes", "find_classes"]

UNDECIDED = -1


@dataclass(frozen=True, eq=False, repr=False)
class Classes(Result):
    """The classes of some networks: networks of a class have the same skeleton.

    Args:
        labels: Class of each network, ``(n,)``, the largest class is 0; -1 if it is undecided.
        reasons: Why a network is undecided; empty for the others.
        links: Skeleton of each class as plain data, see ``networkx.node_link_data``.
        rows: For each network its settings and scores.
        scores: Columns that are scores.

    Example:
        >>> from pyrnn import RNN
        >>> import torch
        >>> from pyrnn.populations import analyze
        >>> inputs = torch.randn(8, 20, 1)
        >>> classes = find_classes([analyze(RNN(1, 4, 1, seed=seed), inputs) for seed in range(3)])
        >>> classes, classes.sizes, classes.n_undecided, classes.status
        (Classes([3]), [3], 0, 'complete')
        >>> len(classes.skeletons[0]), classes.table["label"].tolist()
        (1, [0, 0, 0])
        >>> print(classes.summary())
        3 networks, 1 class
          class  networks  share (95 %)        skeleton
          0      3         1.00 (0.44 to 1.00)  1 stable
        two networks agree with probability 1.00 (0.21 to 1.00)
        status: complete
    """

    labels: Array
    reasons: tuple[str, ...]
    links: tuple[dict[str, Any], ...]  # type: ignore[explicit-any]  # of networkx
    rows: tuple[Row, ...]
    scores: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", np.asarray(self.labels))

    def __len__(self) -> int:
        return len(self.links)

    @property
    def skeletons(self) -> list[nx.DiGraph]:
        """Skeleton of each class."""
        return [
            nx.node_link_graph(links, directed=True, multigraph=False, edges="edges")
            for links in self.links
        ]

    @property
    def sizes(self) -> list[int]:
        """Number of networks in each class."""
        return [int((self.labels == label).sum()) for label in range(len(self))]

    @property
    def n_undecided(self) -> int:
        """Number of networks whose skeleton is not certain."""
        return int((self.labels == UNDECIDED).sum())

    @property
    def status(self) -> str:
        """Verdict in words."""
        if not self.n_undecided:
            return "complete"
        first = next(reason for reason in self.reasons if reason)
        return f"{self.n_undecided} of {len(self.labels)} undecided, such as: {first}"

    @property
    def table(self) -> pandas.DataFrame:
        """One row for each network, with its ``label``; needs ``pip install pyrnn[pandas]``."""
        return self.to_pandas()

    def agreement(self, by: str | None = None) -> Agreement:
        """Return how often two networks are of the same class.

        Args:
            by: A setting. Each pair of its values is compared: one network of each.

        Returns:
            Probabilities with their 95 % intervals. Networks that are undecided do not count.

        Raises:
            KeyError: If there is no such setting.

        Example:
            >>> rows = ({"lr": 0.1}, {"lr": 0.1}, {"lr": 0.2})
            >>> classes = Classes(np.array([0, 0, 1]), ("", "", ""), ({}, {}), rows)
            >>> classes.agreement("lr").probability
            array([[ 1.,  0.],
                   [ 0., nan]])
        """
        if by is not None and not any(by in row for row in self.rows):
            known = sorted({name for row in self.rows for name in row})
            raise KeyError(f"expected a setting of {known}, got {by!r}")
        values = [None if by is None else _hashable(row.get(by)) for row in self.rows]
        names = tuple(dict.fromkeys(values))
        is_known = self.labels != UNDECIDED
        counts = np.zeros((len(names), len(self)))
        for value, label in zip(
            np.array([names.index(v) for v in values])[is_known],
            self.labels[is_known],
            strict=True,
        ):
            counts[value, label] += 1
        return Agreement(*shared(counts), tuple(map(str, names)), by or "")

    def __repr__(self) -> str:
        undecided = f", {self.n_undecided} undecided" if self.n_undecided else ""
        return f"Classes({self.sizes}{undecided})"

    def _frame(self) -> dict[str, list[object]]:
        names = dict.fromkeys(name for row in self.rows for name in row)
        columns: dict[str, list[object]] = {"label": self.labels.tolist()}
        columns |= {name: [row.get(name) for row in self.rows] for name in names}
        return {**columns, "reason": list(self.reasons)}

    def _report(self) -> Report:
        n_known = len(self.labels) - self.n_undecided
        rows = []
        for label, graph in enumerate(self.skeletons):
            low, high = wilson_interval(self.sizes[label], n_known)
            share = f"{self.sizes[label] / n_known:.2f} ({low:.2f} to {high:.2f})"
            kinds = ", ".join(f"{n} {kind}" for kind, n in kinds_of(graph).items())
            rows.append((str(label), str(self.sizes[label]), share, kinds, *self._ranges(label)))
        if self.n_undecided:
            cells = ("-", str(self.n_undecided), "", "undecided", *self._ranges(UNDECIDED))
            rows.append(cells)
        n, k = len(self.labels), len(self)
        title = f"{n} network{'s' * (n != 1)}, {k} class{'es' * (k != 1)}"
        columns = ("class", "networks", "share (95 %)", "skeleton", *self.scores)
        whole = self.agreement()
        agree = [f"two networks agree with probability {whole.text(0, 0)}"] if n_known > 1 else []
        return Report(title, columns, rows, [*agree, f"status: {self.status}"])

    def _ranges(self, label: int) -> list[str]:
        """Return the smallest and largest value of each score in a class."""
        texts = []
        for name in self.scores:
            of_class = [
                row.get(name)
                for row, is_in in zip(self.rows, self.labels == label, strict=True)
                if is_in
            ]
            numbers = [value for value in of_class if isinstance(value, (int, float))]
            texts.append(f"{min(numbers):.3g} to {max(numbers):.3g}" if numbers else "")
        return texts


def find_classes(networks: Population | Sequence[Analysis], *, certified: bool = True) -> Classes:
    """Sort networks into classes: those of a class have the same skeleton.

    Two skeletons are the same if a one-to-one map between their nodes keeps kinds and edges, see
    :func:`~pyrnn.dynamics.same_transitions`. A hash of the graph decides which pairs are worth the
    exact comparison. A network is undecided, and in no class, if its list of fixed points may not
    be complete, if a point is degenerate, lies at a kink or is not certified, or if an arm of a
    saddle does not settle.

    Args:
        networks: A population after ``analyze``, or analyses.
        certified: Whether every point needs a certificate. There is none for GRU, LSTM and
            equations of your own; pass False to trust the search.

    Returns:
        The classes, the largest first.

    Raises:
        TypeError: If these are no analyses.
        ValueError: If the population is not analyzed.

    Example:
        >>> from pyrnn import RNN
        >>> import torch
        >>> from pyrnn.populations import analyze
        >>> inputs = torch.randn(8, 20, 1)
        >>> find_classes([analyze(RNN(1, 4, 1, seed=seed), inputs) for seed in range(3)]).labels
        array([0, 0, 0])

    References:
        Maheswaranathan et al., *Universality and individuality in neural dynamics across large
        populations of recurrent networks*, NeurIPS (2019).
    """
    certified = as_boolean("certified", certified)
    rows, scores, analyses = _sources(networks)
    graphs, reasons = [], []
    for analysis in analyses:
        if isinstance(analysis, str):
            graphs.append(nx.DiGraph())
            reasons.append(analysis)
        else:
            graphs.append(analysis.skeleton)
            reasons.append("; ".join(analysis.reasons(certified=certified)))
    labels, examples = _labels(graphs, [not reason for reason in reasons])
    links = tuple(nx.node_link_data(graphs[i], edges="edges") for i in examples)
    return Classes(labels, tuple(reasons), links, rows, scores)


def _sources(
    networks: Population | Sequence[Analysis],
) -> tuple[tuple[Row, ...], tuple[str, ...], Iterable[Analysis | str]]:
    """Return rows, scores and analyses, or why there is none."""
    if isinstance(networks, Population):
        return networks.rows, networks.scores, networks.analyses()
    analyses = as_list("networks", networks, "analyses", "pass a population after analyze()")
    for analysis in analyses:
        check_kind("networks", analysis, Analysis, "make one with analyze(network, inputs)")
    return tuple({} for _ in analyses), (), analyses


def _labels(graphs: Sequence[nx.DiGraph], is_known: Sequence[bool]) -> tuple[Array, list[int]]:
    """Return the class of each graph, and an example of each class, largest first."""
    buckets: dict[str, list[list[int]]] = {}
    for i, graph in enumerate(graphs):
        if not is_known[i]:
            continue
        bucket = buckets.setdefault(transitions_key(graph), [])
        same = (group for group in bucket if same_transitions(graphs[group[0]], graph))
        group = next(same, None)
        if group is None:
            bucket.append([i])
        else:
            group.append(i)
    groups = sorted((g for bucket in buckets.values() for g in bucket), key=lambda g: (-len(g), g))
    labels = np.full(len(graphs), UNDECIDED)
    for label, group in enumerate(groups):
        labels[group] = label
    return labels, [group[0] for group in groups]


def _hashable(value: object) -> object:
    return str(value) if isinstance(value, list) else value
