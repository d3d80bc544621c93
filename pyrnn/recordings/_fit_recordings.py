"""Fit a network to recorded activity: choice of method, time constant and bootstraps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pyrnn.arrays import ArrayLike, States
from pyrnn.base import RNNBase
from pyrnn.constraints import intervals
from pyrnn.dynamics import find_fixed_points
from pyrnn.networks import CTRNN, RNN, RateRNN
from pyrnn.options import Masks
from pyrnn.recordings._fit import Fit, as_weights, initial_states, with_weights
from pyrnn.recordings._links import LINKS
from pyrnn.recordings._model import Model
from pyrnn.recordings._solvers import Limits, least_squares, newton
from pyrnn.recordings._transitions import Transitions
from pyrnn.recordings._trust import Trust
from pyrnn.threads import single_threaded
from pyrnn.validate import as_choice, as_integer, as_number, as_rng

__all__ = ["fit_recordings"]

_PLENTY = 20.0  # samples per weight from which no penalty is tried
_PENALTIES = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)  # in units of the mean squared regressor
_EXACT = 1e-9
_ENOUGH = 40  # units to compare methods and penalties
_LARGEST_TAU = 100.0  # steps


@dataclass(frozen=True)
class _Solution:
    weights: Tensor = field(default_factory=lambda: torch.empty(0))
    method: str = "inverse"
    ridge: float = 0.0
    r2: Tensor = field(default_factory=lambda: torch.empty(0))  # held out

    @property
    def unexplained(self) -> float:
        return float((1 - self.r2).nanmean())


def fit_recordings(
    rates: States,
    inputs: ArrayLike | None = None,
    *,
    dt: float,
    network: type[RNNBase] = RateRNN,
    tau: float | None = None,
    ridge: float | Sequence[float] | None = None,
    connectivity: Masks = None,
    dale: float | Tensor | Sequence[float] | None = None,
    autapses: bool = True,
    activation: str = "tanh",
    n_bootstrap: int = 0,
    seed: int = 0,
) -> Fit:
    r"""Fit a network to recorded rates, so that each step follows from the step before.

    Of a :class:`RateRNN`, the increments :math:`d = (r_t - (1 - \alpha) r_{t-1}) / \alpha` are
    :math:`f(z)` with :math:`z = W r_{t-1} + U x_t + b`. Two methods are tried, and the one that
    predicts data better that were held out is used. *Inverse*: :math:`z = f^{-1}(d)` by least
    squares, exact for data without noise. *Convex*: minimize :math:`\sum F(z) - d z` with
    :math:`F' = f`, by Newton's method for all units at once. Of a :class:`CTRNN`, the states are
    :math:`f^{-1}(r)` and :math:`z` is known; an :class:`RNN` has :math:`\alpha = 1`.

    Args:
        rates: Rates, ``(n_trials, time, units)``, or a list of trials of unequal duration; NaN
            where they were not recorded. Steps at which a unit is unknown are left out. Rates must
            be in the range of the activation, for tanh in [-1, 1].
        inputs: Inputs of the same trials, ``(n_trials, time, input_size)``; ``inputs[..., t, :]``
            leads to ``rates[..., t, :]``. None for a network without input, which has one input
            channel with weight 0.
        dt: Duration of a step, in ms.
        network: Class of the network: ``RateRNN``, ``CTRNN`` or ``RNN``.
        tau: Time constant in ms. If it is None, the one that predicts held-out data best is used.
        ridge: Penalty of the squared weights, in units of the mean squared regressor; of several,
            the one that predicts held-out data best is used. None tries several if there are less
            than 20 samples per weight, and takes none otherwise.
        connectivity: Which connections exist, as for any network.
        dale: Share of excitatory units, which come first, or one sign for each unit.
        autapses: Whether a unit may connect to itself.
        activation: Name of the activation: ``tanh, sigmoid, relu, softplus, retanh, identity``.
        n_bootstrap: Number of fits to trials drawn with replacement. They tell the error of the
            weights and whether number and kind of the fixed points are certain.
        seed: Seed of the trials that are held out and of the bootstraps.

    Returns:
        The network and how far to trust it.

    Raises:
        TypeError: If an argument is of the wrong kind.
        ValueError: If shapes do not fit together, or a number is out of range.

    Example:
        >>> teacher = CTRNN(2, 8, 8, seed=0, gain=1.5).double()
        >>> inputs = torch.randn(20, 100, 2).double()
        >>> states = teacher(inputs).states
        >>> fit = fit_recordings(states.tanh(), inputs, dt=10.0, network=CTRNN, tau=100.0)
        >>> torch.allclose(fit.network.w_rec.weight, teacher.w_rec.weight, atol=1e-8)
        True

    References:
        Dinc et al., *CORNN*, NeurIPS (2023), for the convex loss; Perich et al., *Inferring
        brain-wide interactions using data-constrained recurrent neural network models*, bioRxiv
        (2020).
    """
    data, rng = Transitions.of(rates, inputs), as_rng(seed)
    n_bootstrap = as_integer("n_bootstrap", n_bootstrap, low=0)
    options: dict[str, object] = {"connectivity": connectivity, "dale_ratio": dale, "seed": seed}
    options["activation"] = as_choice("activation", activation, tuple(LINKS))
    options["autapses"] = autapses
    design = _Design(network, as_number("dt", dt, above=0, unit="ms"), options, data)
    held_out = data.is_held_out(rng)
    split = data.rows(~held_out), data.rows(held_out)
    limits = _limits(design.build(design.checked(tau)), data)
    with single_threaded():
        model, taus, tau_r2 = _known_model(design, tau, split, limits)
        ridges = _ridges(ridge, len(split[0]) / len(limits.low))
        best = _best(model, split, limits, ridges, _few_units(limits))
        chosen = _scored(model, split, limits, replace(best, weights=torch.empty(0)))
        weights = _solve(model, data, limits, chosen)
        boots = [_solve(model, data.resampled(rng), limits, chosen) for _ in range(n_bootstrap)]
        trust = Trust.of(model, weights, data, chosen.r2)
    rnn = design.build(None if network is RNN else design.dt / model.alpha)
    n_points = _count_points(rnn, boots, model.states(data.after), seed)
    return Fit(
        design=rnn,
        weights=as_weights(weights, rnn.hidden_size),
        r2=chosen.r2,
        samples_per_weight=trust.samples_per_weight,
        n_dimensions=trust.n_dimensions,
        effective_dimensions=trust.effective_dimensions,
        share_clipped=trust.share_clipped,
        method=chosen.method,
        ridge=chosen.ridge,
        tau=None if network is RNN else design.dt / model.alpha,
        taus=taus,
        tau_r2=tau_r2,
        initial_states=initial_states(model, data),
        warnings=[*trust.warnings(), *_unsure(n_points)],
        weight_error=_spread(boots, rnn.hidden_size),
        n_points=n_points,
    )


@dataclass(frozen=True)
class _Design:
    """What network to fit: its class and options."""

    kind: type[RNNBase]
    dt: float
    options: dict[str, object]
    data: Transitions

    def checked(self, tau: float | None) -> float | None:
        """Return the time constant, or one to begin with; None in discrete time."""
        if not isinstance(self.kind, type) or self.kind not in (RNN, CTRNN, RateRNN):
            raise ValueError(f"expected network as RNN, CTRNN or RateRNN, got {self.kind!r}")
        if self.kind is RNN:
            if tau is not None:
                raise ValueError(f"expected no tau of an RNN, which has none, got {tau}")
            return None
        return self.dt if tau is None else as_number("tau", tau, low=self.dt, unit="ms")

    def build(self, tau: float | None) -> RNNBase:
        """Return a network whose weights were not fitted."""
        n_units, n_inputs = self.data.before.shape[1], self.data.inputs.shape[1]
        own = {} if tau is None else {"tau": tau}
        options = {**self.options, **own, "dt": self.dt, "frozen": ("w_out",)}
        return self.kind(max(n_inputs, 1), n_units, n_units, **options)  # type: ignore[arg-type]

    def model(self, tau: float | None) -> Model:
        """Return the regression for a time constant."""
        link = LINKS[str(self.options["activation"])]
        return Model(link, 1.0 if tau is None else self.dt / tau, is_current=self.kind is CTRNN)


def _limits(rnn: RNNBase, data: Transitions) -> Limits:
    """Return the interval of each weight of the regression, from the constraints of a network."""
    n, n_inputs = rnn.hidden_size, data.inputs.shape[1]
    sides = []
    for side, end in ((0, -torch.inf), (1, torch.inf)):
        parts = [torch.full((size, n), end, dtype=torch.float64) for size in (n, n_inputs, 1)]
        for i, (layer, name) in enumerate(
            ((rnn.w_rec, "weight"), (rnn.w_in, "weight"), (rnn.w_rec, "bias"))
        ):
            bounds = intervals(layer, name)
            if bounds is not None and len(parts[i]):
                parts[i] = bounds[side].double().reshape(n, -1).mT
        sides.append(torch.cat(parts))
    return Limits(*sides)


def _few_units(limits: Limits) -> Tensor:
    """Return the units by which methods are compared: all, or enough of them."""
    n = limits.low.shape[1]
    return torch.linspace(0, n - 1, min(n, _ENOUGH)).round().long()


def _ridges(ridge: float | Sequence[float] | None, samples_per_weight: float) -> Sequence[float]:
    if ridge is None:
        return _PENALTIES[:1] if samples_per_weight >= _PLENTY else _PENALTIES
    given = ridge if isinstance(ridge, Sequence) else [ridge]
    return [as_number("ridge", value, low=0) for value in given]


def _known_model(
    design: _Design, tau: float | None, split: tuple[Transitions, Transitions], limits: Limits
) -> tuple[Model, Tensor, Tensor]:
    """Return the regression; the time constants that were tried, with their held-out scores."""
    nothing = torch.empty(0, dtype=torch.float64)
    if tau is not None or design.kind is RNN:
        return design.model(tau), nothing, nothing
    from scipy.optimize import minimize_scalar

    tried: dict[float, float] = {}
    few = _few_units(limits)

    def unexplained(log_steps: float) -> float:
        steps = math.exp(log_steps)
        found = _best(design.model(design.dt * steps), split, limits, [0.0], few)
        tried[design.dt * steps] = 1 - found.unexplained
        return math.log(max(found.unexplained, 1e-30))

    grid = torch.linspace(0, math.log(_LARGEST_TAU), 13).tolist()
    values = [unexplained(x) for x in grid]
    best = min(range(len(grid)), key=values.__getitem__)
    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(unexplained, bounds=ends, method="bounded", options={"xatol": 1e-10})
    best_tau = max(tried, key=tried.__getitem__) if found.success else max(tried)
    taus = sorted(tried)
    scores = torch.tensor([tried[t] for t in taus], dtype=torch.float64)
    return design.model(best_tau), torch.tensor(taus, dtype=torch.float64), scores


def _best(
    model: Model,
    split: tuple[Transitions, Transitions],
    limits: Limits,
    ridges: Sequence[float],
    units: Tensor | slice = slice(None),
) -> _Solution:
    """Return the solution for some units that predicts held-out data best."""
    best = _Solution()
    for method in ("inverse",) if model.is_current else ("inverse", "convex"):
        for ridge in ridges:
            like = replace(best, method=method, ridge=ridge)
            found = _scored(model, split, limits, like, units)
            if not len(best.r2) or found.unexplained < best.unexplained:
                best = found
            if best.unexplained < _EXACT:
                return best
    return best


def _scored(
    model: Model,
    split: tuple[Transitions, Transitions],
    limits: Limits,
    like: _Solution,
    units: Tensor | slice = slice(None),
) -> _Solution:
    """Return the weights of the first part of the data, with their score on the second."""
    weights = _solve(model, split[0], limits, like, units)
    return replace(like, weights=weights, r2=model.r2(weights, split[1], units))


def _solve(
    model: Model,
    data: Transitions,
    limits: Limits,
    like: _Solution,
    units: Tensor | slice = slice(None),
) -> Tensor:
    """Return the weights of units, by the method and with the penalty of another solution."""
    d = model.targets(data, units)
    within = Limits(limits.low[:, units], limits.high[:, units])
    penalty = like.ridge * float(data.gram.diagonal().mean())
    if like.method == "inverse":
        return least_squares(data.regressors, data.gram, model.link.current(d), penalty, within)
    start = like.weights if like.weights.numel() else None
    return newton(data.regressors, data.gram, d, model.link, penalty, within, start)


def _count_points(rnn: RNNBase, boots: list[Tensor], states: Tensor, seed: int) -> Tensor:
    """Return the numbers of fixed points and of stable ones of each bootstrap."""
    counts = []
    for weights in boots:
        network = with_weights(rnn, as_weights(weights, rnn.hidden_size))
        few = states[:: max(1, len(states) // 512)]
        zero = torch.zeros(rnn.input_size, dtype=torch.float64)
        points = find_fixed_points(network, few, x=zero, rng=as_rng(seed), progress=False)
        counts.append([len(points), sum(point.is_stable for point in points)])
    return torch.tensor(counts).reshape(-1, 2)


def _unsure(n_points: Tensor) -> Iterator[str]:
    if len(n_points) and (n_points.amin(0) < n_points.amax(0)).any():
        low, high = n_points.amin(0).tolist(), n_points.amax(0).tolist()
        yield (
            f"the number of fixed points is not certain: {low[0]} to {high[0]} over bootstraps, "
            f"{low[1]} to {high[1]} of them stable"
        )


def _spread(boots: list[Tensor], n_units: int) -> Tensor:
    if len(boots) < 2:
        return torch.empty(0, 0, dtype=torch.float64)
    return torch.stack(boots)[:, :n_units].std(0).mT.contiguous()
