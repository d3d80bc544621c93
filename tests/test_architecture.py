"""Imports point downwards only, and ``import pyrnn`` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

import pyrnn

ROOT = Path(pyrnn.__file__).parent
FLOORS = (  # from the ground; a room imports only rooms of lower floors
    {
        "palette",
        "arrays",
        "cells",
        "statistics",
        "files",
        "reflection",
        "bars",
    },
    {"progress", "threads", "validate", "linear"},
    {"serialize", "initialization", "activations"},
    {"stored"},
    {"result"},
    {"constraints", "unroll"},
    {"training", "tasks", "options"},
    {"checkpoint", "connectivity", "layers"},
    {"base", "dynamics"},
    {"networks", "behavior", "projection", "coloring"},
    {"representation", "recordings", "interventions", "populations"},
    {"plot", "render"},
    {"cli", "testing"},
)
WINGS = ("maps", "points", "orbits", "branches", "graphs")  # of dynamics, from the ground
HEAVY = ("vedo", "vtk", "vtkmodules", "matplotlib.pyplot", "sklearn", "pandas", "joblib")
HEAVY_TOO = ("scipy.optimize", "networkx", "rich")


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules of pyrnn that a file imports, anywhere; not those for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "pyrnn")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            name = str(node.module)
            if name == "pyrnn":
                yield from (f"pyrnn.{a.name}" for a in node.names)
            elif name.startswith("pyrnn."):
                yield name
        yield from imported(node)


def arrows(root: Path, depth: int = 1) -> list[tuple[str, str, str]]:
    """Return file, room and imported room of every import from one room into another.

    Rooms are the modules and packages of ``root``; ``depth`` counts how deep it lies in pyrnn.
    """
    found = []
    for file in sorted(root.rglob("*.py")):
        room = file.relative_to(root).parts[0].removesuffix(".py")
        prefix = root.relative_to(ROOT).parts if root.is_relative_to(ROOT) else ()
        for name in imported(ast.parse(file.read_text())):
            parts = name.split(".")[1:]
            if tuple(parts[: len(prefix)]) == prefix and len(parts) > len(prefix):
                other = parts[len(prefix)]
                if other != room and room not in ("__init__", "__main__"):
                    found.append((file.name, room, other))
    return found


def floors(found: list[tuple[str, str, str]]) -> dict[str, int]:
    """Return the floor of each room: one above the highest room that it imports."""
    graph = nx.DiGraph((room, other) for _, room, other in found)
    cycles = list(nx.simple_cycles(graph))
    assert not cycles, f"rooms import each other: {cycles}"
    floor: dict[str, int] = {}
    for room in reversed(list(nx.topological_sort(graph))):
        floor[room] = 1 + max((floor[other] for other in graph.successors(room)), default=-1)
    return floor


def upward(found: list[tuple[str, str, str]], plan: tuple[set[str], ...]) -> list[str]:
    """Return the arrows that do not lead to a lower floor of a plan."""
    at = {room: i for i, rooms in enumerate(plan) for room in rooms}
    return [f"{f}: {a} -> {b}" for f, a, b in found if at.get(b, 99) >= at.get(a, -1)]


def test_rooms_have_floors_and_imports_point_downwards() -> None:
    found = arrows(ROOT)
    assert max(floors(found).values()) < len(FLOORS)
    assert not upward(found, FLOORS)


def test_every_room_has_its_floor_in_the_plan() -> None:
    rooms = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__"} == set().union(*FLOORS)


def test_the_design_page_shows_these_floors() -> None:
    page = (ROOT.parent / "docs" / "design.md").read_text(encoding="utf-8")
    block = page.partition("These are its floors:\n\n```\n")[2].partition("```")[0]
    assert [set(line.split()) for line in block.splitlines()] == list(reversed(FLOORS))


def test_wings_of_dynamics_build_on_each_other() -> None:
    found = arrows(ROOT / "dynamics")
    assert {room for _, room, _ in found} <= set(WINGS)
    assert not upward(found, tuple({wing} for wing in WINGS))
    assert len(found) <= 30


@pytest.mark.parametrize("place", ["", "    "])
def test_an_upward_arrow_and_a_circle_are_found(tmp_path: Path, place: str) -> None:
    """Also one that hides in a function."""
    body = "def late():\n" if place else ""
    for room, other in (("dynamics", "networks"), ("networks", "dynamics")):
        (tmp_path / f"{room}.py").write_text(f"{body}{place}from pyrnn import {other}\n")
    found = arrows(tmp_path)
    assert upward(found, FLOORS) == ["dynamics.py: dynamics -> networks"]
    with pytest.raises(AssertionError, match="import each other"):
        floors(found)


def test_import_is_light() -> None:
    code = f"""
import sys, pyrnn
print([m for m in {HEAVY + HEAVY_TOO} if m in sys.modules])
import pyrnn.tasks, pyrnn.dynamics
print([m for m in {(*HEAVY, "scipy")} if m in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def test_the_first_fit_imports_nothing_big() -> None:
    """Wrappers of torch's optimizers would import torch.compile, which takes a second."""
    code = (
        "import sys, pyrnn; from pyrnn.tasks import FlipFlop; before = set(sys.modules)\n"
        "rnn, task = pyrnn.RNN(3, 8, 3), FlipFlop(n_trials=8)\n"
        "for name in ('adam', 'adamw', 'sgd'):\n"
        "    for penalties in ((), pyrnn.training.L2(0.1)):  # steps of the kernel, and of torch\n"
        "        options = {'optimizer': name, 'scheduler': 'cosine', 'penalties': penalties}\n"
        "        rnn.fit(task, epochs=1, progress=False, **options)\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch._dynamo", "sympy"} & set(done.stdout.split())
