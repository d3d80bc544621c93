"""Dynamics of any step(h, x): fixed points, stability, transitions."""
