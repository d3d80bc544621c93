"""The skeleton of a network: where the arms of its saddles lead."""

from __future__ import annotations

import networkx as nx

from pyrnn.dynamics.graphs._arms import arms_of, skeleton_of
from pyrnn.dynamics.graphs._arrivals import arrivals, check_points
from pyrnn.dynamics.maps import Network, analysis, as_map
from pyrnn.dynamics.points import FixedPoints
from pyrnn.validate import as_integer

__all__ = ["skeleton"]


@analysis
def skeleton(network: Network, points: FixedPoints, *, n_steps: int = 5000) -> nx.DiGraph:
    r"""Follow the two arms of every saddle with one unstable mode to where they lead.

    .. math:: h_0 = h^*_i \pm \delta v, \quad J v = \lambda v, \; |\lambda| > 1, \qquad
        F^t(h_0, x) \to h^*_j

    The arms are the unstable manifold of such a saddle. Where they lead does not depend on chance,
    so two networks with the same computation have the same skeleton.

    Args:
        network: A network, or any batched ``step(h, x)``.
        points: Fixed points, of :func:`~pyrnn.dynamics.find_fixed_points`.
        n_steps: Most steps along an arm.

    Returns:
        A graph with a node for each point, with its ``n_unstable``, and an edge from each saddle
        to where its arms lead, with the number ``n_arms`` that lead there and the ``time`` in
        steps of the faster one. Arms that end at no point lead to further nodes, called after
        their ``kind``: ``"cycle 0"`` with its ``period``, or ``"aperiodic"``, ``"not settled"``,
        ``"marginal"``, ``"unstable"``, ``"diverged"`` as in
        :func:`~pyrnn.dynamics.find_attractors`.

    Raises:
        TypeError: If ``points`` are no fixed points.
        ValueError: If there are none, or ``n_steps`` is not positive.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> graph = skeleton(step, points)
        >>> sorted(graph.edges), dict(graph.nodes(data="n_unstable"))
        ([(2, 0), (2, 1)], {0: 0, 1: 0, 2: 1})

    References:
        Guckenheimer & Holmes, *Nonlinear Oscillations, Dynamical Systems, and Bifurcations of
        Vector Fields* (1983), section 1.4.
    """
    n_steps = as_integer("n_steps", n_steps, low=1)
    check_points(points)
    step = as_map(network, points, points.inputs)
    arms = arms_of(step, points)
    runs = arrivals(step, arms.starts, points.inputs[arms.origin], points, n_steps)
    return skeleton_of(step, points, arms, runs, n_steps)
