"""Tasks: torch datasets of trials."""
