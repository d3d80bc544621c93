"""The order of the examples in the gallery: from the first network to comparisons of many."""

from __future__ import annotations

from pathlib import Path

__all__ = ["reading_order"]

ORDER = (
    "flipflop",
    "subclass",
    "anatomy",
    "white_noise_integrator",
    "heading_integrator",
    "decision_making",
    "context_integration",
    "low_rank",
    "pulse_to_chirp",
    "counting_ones",
    "multi_region",
    "gated",
    "yang2019",
    "from_recordings",
    "solutions",
    "universality",
    "bifurcation",
    "these_and_no_others",
    "memory_in_motion",
    "when_attractors_appear",
    "forgetting",
    "neurogym_decision",
)


def reading_order(filename: str) -> tuple[int, str]:
    """Return a key by which examples are sorted; those that are not listed come last."""
    name = Path(filename).stem
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)
