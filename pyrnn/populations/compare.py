"""compare: the distances of all pairs of networks by one measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pyrnn.arrays import Array, ArrayLike, as_array
from pyrnn.base import RNNBase
from pyrnn.dynamics.graphs.same_transitions import node_kinds
from pyrnn.populations._folder import Row
from pyrnn.populations._shapes import cka_matrix, normalized, shape_matrix
from pyrnn.populations._spectra import HIGHEST_PRICE, Spectra, slowest, spectra_matrix
from pyrnn.populations.analysis import Analysis, analyze
from pyrnn.populations.distances import Distances
from pyrnn.populations.dsa import choose_rank, dsa_matrix, operator
from pyrnn.populations.population import Population
from pyrnn.validate import as_choice, as_integer, as_list, as_number, check_callable, check_kind

__all__ = ["Measure", "compare"]

Measure: TypeAlias = "str | Callable[[RNNBase, RNNBase], float]"
"""Name of a measure, or a function of two networks that returns their distance."""

_OF_STATES = {"shape": shape_matrix, "cka": cka_matrix}
_N_FLOOR, _N_CEILING = 8, 24  # networks and pairs that tell floor and ceiling
_DELAYS = {"n_components": 10, "n_delays": 5}  # of operators


def compare(
    networks: Population | Sequence[RNNBase] | Sequence[Analysis],
    measure: Measure = "shape",
    *,
    inputs: ArrayLike | None = None,
    n_modes: int = 10,
    price: float = 1.0,
    rank: int | None = None,
) -> Distances:
    """Measure how far apart each two networks are.

    ``"shape"`` is the angle between the states under shared inputs after the best rotation, see
    :func:`~pyrnn.populations.shape_distance`. ``"spectra"`` compares the eigenvalues at fixed
    points, see :func:`~pyrnn.populations.spectra_distance`; points are matched only if they have
    the same neighbors in the skeleton, too, and the best such match is exact. (A match of whole
    skeletons, edge by edge, is no metric once networks differ in class; for flip-flops of one
    class it is at most 4 % further.) ``"cka"`` is the angle whose cosine is the linear CKA.
    ``"dsa"`` compares the operators of the states, see :func:`~pyrnn.populations.dsa_distance`.
    All four are metrics. Shape and CKA tell geometries apart, spectra and DSA dynamics: networks
    that a change of coordinates turns into each other have equal spectra.

    Args:
        networks: A population after ``analyze``, analyses, or networks.
        measure: ``"shape"``, ``"spectra"``, ``"cka"``, ``"dsa"``, or a function of two networks
            that returns a number, called once for each pair.
        inputs: Inputs that all networks share, ``(n_trials, time, input_size)``, if networks are
            given.
        n_modes: Number of modes of each point, for ``"spectra"``.
        price: Price of a point without a partner, for ``"spectra"``.
        rank: Rank of the operators, for ``"dsa"``; by default the one that predicts held-out
            trials best. The result reports it.

    Returns:
        The distances, with floor and ceiling. Networks without an analysis are left out, see
        ``distances.index``.

    Raises:
        TypeError: If these are no networks.
        ValueError: If there are none, if they have states under different inputs, or if the
            measure is unknown.

    Example:
        >>> import torch
        >>> from pyrnn import RNN
        >>> networks = [RNN(1, n, 1, seed=n) for n in (4, 8, 8)]
        >>> distances = compare(networks, inputs=torch.randn(8, 20, 1))
        >>> distances.matrix.shape, distances.floor < 1e-6 < distances.ceiling
        ((3, 3), True)
        >>> compare(networks, lambda a, b: abs(a.hidden_size - b.hidden_size)).matrix[0]
        array([0., 4., 4.])

    References:
        Williams et al., NeurIPS (2021); Kornblith et al., ICML (2019); Ostrow et al., NeurIPS
        (2023).
    """
    if callable(measure):
        check_callable("measure", measure, "first", "second")
        return _by_function(networks, measure)
    measure = as_choice("measure", measure, (*_OF_STATES, "spectra", "dsa"))
    n_modes, price = (
        as_integer("n_modes", n_modes, low=1),
        as_number("price", price, above=0, high=HIGHEST_PRICE),
    )
    rank = None if rank is None else as_integer("rank", rank, low=1)
    rows, index, analyses = _analyzed(networks, inputs)
    if measure == "spectra":
        found = _by_spectra(analyses, n_modes, price)
    else:
        states = _shared_states(analyses)
        found = _by_dsa(states, rank) if measure == "dsa" else _by_angle(states, measure)
    return Distances(found.matrix, found.floor, found.ceiling, measure, rows, index, found.details)


class _Found(NamedTuple):
    matrix: Array
    floor: float
    ceiling: float
    details: dict[str, float]


def _by_angle(states: list[Array], measure: str) -> _Found:
    matrix_of = _OF_STATES[measure]
    flat = [normalized(each) for each in states]
    renamed = [(flat[i], normalized(_renamed(states[i]))) for i in _few(len(flat))]
    apart = [(flat[i], _shuffled(flat[j])) for i, j in _some_pairs(len(flat))]
    floor = max(float(matrix_of(pair)[0, 1]) for pair in renamed)
    ceiling = float(np.mean([matrix_of(pair)[0, 1] for pair in apart]))
    return _Found(matrix_of(flat), floor, ceiling, {})


def _by_spectra(analyses: list[Analysis], n_modes: int, price: float) -> _Found:
    k = min([n_modes, *(analysis.eigenvalues.shape[-1] for analysis in analyses)])
    networks = [_nodes(analysis, k) for analysis in analyses]
    itself = [spectra_matrix([networks[i]] * 2, price)[0, 1] for i in _few(len(networks))]
    details = {"n_modes": k, "price": price}
    return _Found(spectra_matrix(networks, price), float(max(itself)), price, details)


def _by_dsa(states: list[Array], rank: int | None) -> _Found:
    rank = choose_rank(states, **_DELAYS) if rank is None else rank
    fits = {**_DELAYS, "rank": rank}
    operators = [operator(each, **fits) for each in states]
    halves = [[operator(states[i][h::2], **fits) for h in (0, 1)] for i in _few(len(states))]
    floor = float(np.mean([dsa_matrix(pair)[0, 1] for pair in halves]))
    still = [np.zeros_like(each) for each in operators]  # of states without any order in time
    ceiling = float(
        np.mean([dsa_matrix(pair)[0, 1] for pair in zip(operators, still, strict=True)])
    )
    return _Found(dsa_matrix(operators), floor, ceiling, dict(fits))


def _by_function(networks: object, measure: Callable[[RNNBase, RNNBase], float]) -> Distances:
    """Call a function of the user's for each pair of networks."""
    loaded: list[RNNBase]
    if isinstance(networks, Population):
        index = np.array([i for i, row in enumerate(networks.rows) if not row.get("error")], int)
        rows = tuple(networks.rows[i] for i in index)
        loaded = [networks[int(i)] for i in index]
    else:
        loaded = _list_of(networks, RNNBase, "pass networks, or a population")
        index, rows = np.arange(len(loaded)), ({},) * len(loaded)
    _check_any(loaded)
    matrix = np.zeros((len(loaded), len(loaded)))
    for i, j in zip(*np.triu_indices(len(loaded), 1), strict=True):
        matrix[i, j] = matrix[j, i] = as_number("the distance", measure(loaded[i], loaded[j]))
    itself = [as_number("the distance", measure(loaded[i], loaded[i])) for i in _few(len(loaded))]
    name = getattr(measure, "__name__", type(measure).__name__)
    return Distances(matrix, max(itself), float("nan"), name, rows, index)


def _analyzed(
    networks: object, inputs: ArrayLike | None
) -> tuple[tuple[Row, ...], Array, list[Analysis]]:
    """Return rows, numbers and analyses of the networks that have one.

    Raises:
        TypeError: If these are no networks.
        ValueError: If there are none.
    """
    if isinstance(networks, Population):
        found = [
            (i, each) for i, each in enumerate(networks.analyses()) if not isinstance(each, str)
        ]
        analyses = [each for _, each in found]
        index = np.array([i for i, _ in found], int)
        _check_any(analyses)
        return tuple(networks.rows[i] for i in index), index, analyses
    if inputs is not None:
        things: list[RNNBase] = _list_of(networks, RNNBase, "pass networks together with inputs")
        analyses = [analyze(network, inputs) for network in things]
    else:
        advice = "pass a population after analyze(), or networks and inputs=..."
        analyses = _list_of(networks, Analysis, advice)
    _check_any(analyses)
    return ({},) * len(analyses), np.arange(len(analyses)), analyses


def _list_of(networks: object, kind: type, advice: str) -> list[Any]:  # type: ignore[explicit-any]
    things = as_list("networks", networks, "networks", advice)
    for thing in things:
        check_kind("networks", thing, kind, advice)
    return things


def _check_any(things: Sequence[object]) -> None:
    if not things:
        raise ValueError("expected at least one network to compare, got none")


def _shared_states(analyses: list[Analysis]) -> list[Array]:
    """Return the states of all networks.

    Raises:
        ValueError: If they belong to different inputs.
    """
    different = [i for i, each in enumerate(analyses) if each.inputs_key != analyses[0].inputs_key]
    if different:
        raise ValueError(
            f"expected states under the same inputs, got others for network {different[0]} than "
            "for network 0; analyze all networks with the same inputs"
        )
    return [as_array(analysis.states) for analysis in analyses]


def _nodes(analysis: Analysis, k: int) -> Spectra:
    """Return the spectra of the nodes of a skeleton; a cycle has none and matches a cycle."""
    kinds = node_kinds(analysis.skeleton, n_rounds=1)
    n = len(analysis.points)
    values = np.zeros((len(kinds), k), dtype=complex)
    values[:n] = slowest(as_array(analysis.eigenvalues), k)
    order = [*range(n), *(node for node in kinds if not isinstance(node, int))]
    return Spectra(values, [kinds[node] for node in order])


def _renamed(states: Array) -> Array:
    """Return states with their units in another order, and with other signs."""
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], size=states.shape[-1])
    return np.asarray(states[..., rng.permutation(states.shape[-1])] * signs)


def _shuffled(rows: Array) -> Array:
    return np.asarray(np.random.default_rng(0).permutation(rows))


def _few(n: int) -> range:
    return range(min(n, _N_FLOOR))


def _some_pairs(n: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(0)
    return [
        (int(i), int((i + rng.integers(1, n)) % n)) if n > 1 else (0, 0)
        for i in rng.integers(0, n, size=_N_CEILING)
    ]
