"""What a survey of branches decided, in words."""

from __future__ import annotations

from pyrnn.dynamics.branches._atlas import Traced
from pyrnn.dynamics.branches._survey import Survey
from pyrnn.dynamics.branches._tracker import End

__all__ = ["curve_verdict", "survey_verdict"]

_REASONS = {
    End.LOST: "cannot be followed beyond {}",
    End.FAR: "leaves to infinity near {}",
    End.LONG: "was cut off at {} by the limit on the number of states",
    End.STOPPED: "was cut off at {}",
}
_N_NAMED = 3


def curve_verdict(survey: Survey, curve: Traced) -> str:
    """Return whether a curve is complete, or why it ends inside the interval."""
    parts = [
        _REASONS[end].format(f"{float(survey.curve.parameters(z)):.6g}")
        for z, end in curve.ends
        if end in _REASONS
    ]
    return " and ".join(dict.fromkeys(parts)) or "complete"


def survey_verdict(survey: Survey, was_stopped: bool) -> str:
    """Return whether all curves are complete, or what could not be decided."""
    verdicts = [curve_verdict(survey, curve) for curve in survey.curves]
    cut = [f"branch {k} {verdict}" for k, verdict in enumerate(verdicts) if verdict != "complete"]
    parts = ["stopped early: branches may be missing"] if was_stopped else []
    parts += dict.fromkeys(survey.seeds.remarks)
    if len(cut) > _N_NAMED:
        cut[_N_NAMED:] = [f"{len(cut) - _N_NAMED} more branches end inside the interval"]
    parts += cut
    if not (survey.is_balanced or parts):
        parts.append("a branch is missing: the indices of the points do not add up")
    return "; ".join(parts) or "complete as far as the search tells"
