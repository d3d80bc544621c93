"""Replays of trials step by step, in plain Python, to compare vectorized tasks with."""

from __future__ import annotations


def phase_at(trial, step, dt):
    """Name the epoch that a step lies in, or None after the end."""
    for name, (start, stop) in trial.epochs.items():
        if start <= step * dt < stop:
            return name
    return None


def replay(trial, dt, rule):
    """Call ``rule(phase, elapsed) -> (inputs, target, weight)`` at each step of a trial.

    ``elapsed`` is the time in ms since the phase began. Steps after the end are all 0.

    Returns:
        One row for each step, None after the end.
    """
    rows = []
    for step in range(len(trial.mask)):
        phase = phase_at(trial, step, dt)
        if phase is None:
            rows.append(None)
            continue
        rows.append(rule(phase, step * dt - float(trial.epochs[phase][0])))
    return rows


def assert_follows(trial, dt, rule):
    """Compare a trial with its replay."""
    for step, row in enumerate(replay(trial, dt, rule)):
        got = trial.inputs[step].tolist(), trial.targets[step].tolist(), float(trial.mask[step])
        if row is None:
            assert got[2] == 0
            continue
        for ours, theirs in zip(_flat(got), _flat(row), strict=True):
            assert abs(ours - theirs) < 1e-9, (step, got, row)


def _flat(values):
    if isinstance(values, list | tuple):
        return [number for value in values for number in _flat(value)]
    return [float(values)]
