"""Training: fit, losses, penalties, callbacks, history."""
