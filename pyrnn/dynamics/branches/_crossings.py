"""Where modes cross the border of stability: states are added until one crosses at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from pyrnn.dynamics.branches._curve import Curve
from pyrnn.dynamics.branches._samples import Samples, between
from pyrnn.dynamics.branches._tracker import Stop

__all__ = ["SHORTEST", "halved", "resolved", "turns"]

_VERTICAL = 1e-8
_N_HALVINGS = 40
_N_LOOKS = 8
SHORTEST = 1e-7
_AMBIGUOUS = 4.0  # ratio of squared distances
_TOUCHES = 1e-7
_N_MODES = 12
_HALF = 0.4877  # nearly: what is exactly in the middle is often a bifurcation


def turns(samples: Samples, i: Tensor) -> Tensor:
    """Return whether the parameter turns back between samples ``i`` and the next ones.

    Where a curve is vertical to rounding, its parameter goes on as it did before.
    """
    along = samples.tangent[:, -1]
    sign = along.sign().masked_fill(along.abs() < _VERTICAL, 0).long()
    n = torch.arange(len(sign), device=sign.device)
    before = n.masked_fill(sign == 0, 0).cummax(0).values[i]
    is_same = samples.owner[before] == samples.owner[i]
    return is_same & (sign[before] * sign[i + 1] < 0)


def resolved(curve: Curve, samples: Samples, stop: Stop) -> Samples:
    """Halve intervals until at most one mode crosses in each, or several do so at once.

    Args:
        curve: The equations.
        samples: Samples of some curves, ordered.
        stop: Ends the work early.

    Returns:
        The samples with those added.
    """
    origin, parts = samples.owner.unique(), [samples]
    samples = samples.at(torch.searchsorted(origin, samples.owner), samples.place)
    for n in range(_N_HALVINGS):
        i = _open_intervals(samples, curve.is_flow, looks=n < _N_LOOKS)
        if not len(i) or stop():
            break
        whose, samples, i = _neighborhoods(samples, i)
        origin, samples = origin[whose], halved(curve, samples, i)
        parts.append(samples.at(origin[samples.owner], samples.place))
    return Samples.cat(parts).ordered()


def _open_intervals(samples: Samples, is_flow: bool, *, looks: bool) -> Tensor:
    """Return the samples that are followed by an interval to be halved."""
    is_open = ~_is_elementary(samples.counts[1:] - samples.counts[:-1])
    swaps, dips = _hidden(samples, is_flow)
    is_open |= swaps | dips if looks else swaps
    i = samples.intervals
    return i[is_open[i] & (samples.place[i + 1] - samples.place[i] > SHORTEST)]


def _neighborhoods(samples: Samples, i: Tensor) -> tuple[Tensor, Samples, Tensor]:
    """Return the curves that neighborhoods of intervals are from, these, and the intervals."""
    is_kept = torch.zeros_like(samples.owner, dtype=torch.bool)
    for offset in (-1, 0, 1, 2):
        is_kept[(i + offset).clamp(0, len(samples) - 1)] = True
    rows = is_kept.nonzero()[:, 0]
    owner = samples.owner[rows]
    begins = torch.ones_like(owner)
    begins[1:] = ((rows[1:] != rows[:-1] + 1) | (owner[1:] != owner[:-1])).long()
    run = begins.cumsum(0) - 1
    return (
        owner[begins.bool()],
        samples[rows].at(run, samples.place[rows]),
        is_kept.cumsum(0)[i] - 1,
    )


def _is_elementary(change: Tensor) -> Tensor:
    """Return whether no mode crosses, or one, or two real ones become a pair, or the reverse."""
    plus, minus, pairs = change.abs().unbind(-1)
    is_single = plus + minus + pairs <= 1
    signed_plus, signed_minus, signed_pairs = change.unbind(-1)
    joins = (signed_plus == -2 * signed_pairs) & (minus == 0)
    joins |= (signed_minus == -2 * signed_pairs) & (plus == 0)
    return is_single | (joins & (pairs == 1))


def halved(curve: Curve, samples: Samples, i: Tensor) -> Samples:
    """Add a sample near the middle of the intervals after samples ``i``."""
    a, b = samples[i], samples[i + 1]
    length = b.place - a.place
    chord = torch.nn.functional.normalize(b.z - a.z, dim=-1)
    guess = between(a, b, torch.full_like(length, _HALF))
    z, has_converged = curve.correct(guess, chord)
    has_converged &= (z - guess).norm(dim=-1) < length
    if not has_converged.any():
        return samples
    new = curve.sample(z[has_converged], chord[has_converged])
    owner, place = a.owner[has_converged], (a.place + _HALF * length)[has_converged]
    samples = Samples.cat([samples, new.at(owner, place)]).ordered()
    return samples[samples.is_decided]


def _hidden(samples: Samples, is_flow: bool) -> tuple[Tensor, Tensor]:
    """Return the intervals where modes may cross though as many grow at either end.

    In the first ones a mode begins to grow while another one ceases to; in the others a mode may
    cross and come back. Only the modes nearest to the border of stability are looked at.
    """
    values = samples.eigenvalues
    excess = (values.real if is_flow else values.abs()) - 1
    nearest = excess.abs().topk(min(_N_MODES, values.shape[1]), largest=False).indices
    values, excess = torch.view_as_real(values.gather(1, nearest)), excess.gather(1, nearest)
    distance = (values[:-1, :, None] - values[1:, None]).square().sum(-1)
    ahead, back = distance.argmin(2), distance.argmin(1)
    is_joined = samples.owner[1:] == samples.owner[:-1]
    swaps = _swaps(excess > 0, ahead, back) & is_joined
    is_open = _is_ambiguous(distance, excess[1:] > 0) | _is_ambiguous(distance.mT, excess[:-1] > 0)
    dips = _dips(excess, ahead, back, samples.place)
    along, itself = samples.tangent[:, -1:], torch.zeros_like(ahead[:, :1])
    dips |= _dips(along, itself, itself, samples.place)
    dips[1:] &= is_joined[:-1]
    dips[:-1] &= is_joined[1:]
    return swaps, (dips | is_open) & is_joined


def _is_ambiguous(distance: Tensor, grows: Tensor) -> Tensor:
    """Return whether a mode may go on as one that grows, or as one that does not.

    Args:
        distance: Squared distances of modes from those at the next sample, ``(n, m, m)``.
        grows: Whether these grow, ``(n, m)``.
    """
    is_near = distance <= _AMBIGUOUS * distance.amin(-1, keepdim=True)
    return ((is_near & grows[:, None]).any(-1) & (is_near & ~grows[:, None]).any(-1)).any(-1)


def _swaps(grows: Tensor, ahead: Tensor, back: Tensor) -> Tensor:
    """Return whether one mode began to grow, and another one ceased to."""
    began = grows[1:] & ~grows[:-1].gather(1, back)
    ceased = grows[:-1] & ~grows[1:].gather(1, ahead)
    return began.any(1) & ceased.any(1)


def _dips(value: Tensor, ahead: Tensor, back: Tensor, place: Tensor) -> Tensor:
    """Return intervals in which a value of one sign, if convex, may touch zero.

    Args:
        value: Values of modes at each sample, ``(n, m)``.
        ahead: Which mode at the next sample each one becomes, ``(n - 1, m)``.
        back: Which mode at the sample before each one was, ``(n - 1, m)``.
        place: Places of the samples, ``(n,)``.
    """
    length = (place[1:] - place[:-1])[:, None]
    falls, rises = torch.zeros_like(value), torch.zeros_like(value)
    falls[1:] = (value[1:] - value[:-1].gather(1, back)) / length
    rises[:-1] = (value[1:].gather(1, ahead) - value[:-1]) / length
    here, falls = value[:-1], falls[:-1]
    there, rises = value[1:].gather(1, ahead), rises[1:].gather(1, ahead)
    lowest = here + falls * (there - here - rises * length) / (falls - rises)
    is_valley = (here * falls < 0) & (there * rises > 0)
    is_near = (here * there > 0) & (here.abs() > _TOUCHES) & (there.abs() > _TOUCHES)
    return (is_valley & is_near & (lowest * here < 0)).any(1)
