"""Imports point downwards only, and ``import pyrnn`` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pyrnn

ROOT = Path(pyrnn.__file__).parent
ROWS = (  # from the bottom; within a row, rooms don't import each other
    {
        "palette",
        "activations",
        "cells",
        "files",
        "initialization",
        "progress",
        "reflection",
        "threads",
        "validate",
        "linear",
    },
    {"serialize"},
    {"result"},
    {"training", "constraints", "unroll", "tasks"},
    {"options", "checkpoint"},
    {"layers"},
    {"base", "connectivity"},
    {"networks", "dynamics", "projection"},
    {"plot", "render"},
    {"cli", "testing"},
)
HEAVY = ("vedo", "vtk", "vtkmodules", "matplotlib.pyplot", "sklearn", "pandas")
HEAVY_TOO = ("scipy.optimize", "networkx")


def row_of(room: str) -> int:
    (row,) = (i for i, rooms in enumerate(ROWS) if room in rooms)
    return row


def imports(tree: ast.AST) -> list[str]:
    """Return the modules of pyrnn that a file imports when it is imported itself."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            is_package = node.module == "pyrnn"
            found += [f"pyrnn.{a.name}" for a in node.names] if is_package else [str(node.module)]
        elif not isinstance(node, (ast.FunctionDef, ast.Lambda)) and not is_type_checking(node):
            found += imports(node)
    return [name for name in found if name.startswith("pyrnn.")]


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def upward_arrows(file: Path, room: str) -> list[str]:
    rooms = {name.split(".")[1] for name in imports(ast.parse(file.read_text()))} - {room}
    return [f"{file.name}: {room} -> {other}" for other in rooms if row_of(other) >= row_of(room)]


def test_imports_point_downwards_only() -> None:
    arrows = []
    for file in ROOT.rglob("*.py"):
        room = file.relative_to(ROOT).parts[0].removesuffix(".py")
        if room not in ("__init__", "__main__"):
            arrows += upward_arrows(file, room)
    assert not arrows


def test_an_upward_arrow_is_found(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("from pyrnn import networks\ndef late():\n    import pyrnn.render\n")
    assert upward_arrows(file, "dynamics") == ["wrong.py: dynamics -> networks"]
    assert upward_arrows(file, "plot") == []


def test_every_module_has_a_row() -> None:
    rooms = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__"} <= set().union(*ROWS)


def test_import_is_light() -> None:
    code = f"""
import sys, pyrnn
print([m for m in {HEAVY + HEAVY_TOO} if m in sys.modules])
import pyrnn.tasks
print([m for m in {HEAVY} if m in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]
