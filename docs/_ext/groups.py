"""Group the names of a package by purpose in the API reference."""

import importlib

GROUPS = {  # package: title of a group, and the names or the modules that belong to it
    "pyrnn.dynamics": {
        "Networks as maps": "maps",
        "Fixed points, slow points, lines and rings": "points",
        "Cycles, attractors, chaos, dimension": "orbits",
        "Branches and bifurcations": "branches",
        "Transitions": "graphs",
    },
    "pyrnn.tasks": {
        "Memory": "_memory _flipflop _response",
        "Integration": "_integrators",
        "Decisions": "_decisions",
        "Timing": "_timing _generators",
        "Counting": "_counting",
        "Several tasks at once, other sources": "_multitask _yang _neurogym",
        "Tasks of your own": "_base _choice phases Duration _timeline _trial _trial_random "
        "_checks _chance",
    },
    "pyrnn.training": {
        "Fit": "fit many force network loop data _evaluation",
        "Losses and penalties": "losses penalties",
        "Callbacks, curricula, history": "callbacks curriculum history",
    },
    "pyrnn.plot": {
        "States": "states",
        "Dynamics": "spectra flows graphs tracks",
        "Trials and behavior": "trials",
        "Training and parameters": "training live weights summary",
        "Interventions and populations": "effects populations",
    },
    "pyrnn.populations": {
        "Train and open": "grid training open_population population",
        "Analyze and sort": "analysis classes agreement",
        "Compare": "compare distances measures dsa alignment",
    },
}
CONSTANTS = {"__version__", "STYLE_SHEET", "DARK_STYLE_SHEET"}


def grouped(package, members):
    """Return the documented names of a package as ``(title, names)``, in order.

    The title is empty where a package has no groups. Names without a group come last.
    """
    module = importlib.import_module(package)
    left = [name for name in members if name not in CONSTANTS]
    found = []
    for title, rooms in GROUPS.get(package, {}).items():
        rooms = rooms.split()
        homes = [f"{package}.{room}" for room in rooms]
        names = [n for n in left if n in rooms or _is_in(getattr(module, n), homes)]
        left = [name for name in left if name not in names]
        found += [(title, names)] if names else []
    return [*found, ("More" if found else "", left)] if left else found


def _is_in(member, homes):
    home = getattr(member, "__module__", "")
    return any(home == each or home.startswith(f"{each}.") for each in homes)
