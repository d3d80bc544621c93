"""What causes what: lesions, clamps, pulses of current, and the smallest shock that switches."""

from pyrnn.interventions.clamps import clamp
from pyrnn.interventions.effects import Effects
from pyrnn.interventions.lesions import lesion, lesioned
from pyrnn.interventions.pulses import perturb
from pyrnn.interventions.shocks import Shock, minimal_shock

__all__ = ["Effects", "Shock", "clamp", "lesion", "lesioned", "minimal_shock", "perturb"]
