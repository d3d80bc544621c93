"""Figures: plot_x(data, *, ax=None) -> Axes."""
