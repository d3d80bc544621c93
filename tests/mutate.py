"""Change the code at random, one place at a time, and see whether the tests notice.

``python tests/mutate.py pyrnn/dynamics pyrnn/tasks --n 50 --seed 0`` copies the project, makes 50
small changes of lines that tests run, one after another, runs the tests of each line, and prints
the changes that no test noticed. Each is a missing test, or a change that makes no difference.
The first call runs the whole suite to learn which test runs which line; later ones read that from
``.coverage.lines``, until it is deleted.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from coverage import CoverageData

ROOT = Path(__file__).parents[1]
LINES = ROOT / ".coverage.lines"
COPIED = ["pyrnn", "tests", "docs", "examples", "conftest.py", "pyproject.toml", "setup.cfg"]
MOST_TESTS = 80
TIMEOUT_S = 240
SWAPS = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.Pow: "*",
    ast.MatMult: "*",
    ast.FloorDiv: "/",
    ast.Mod: "+",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.Lt: ">=",
    ast.LtE: ">",
    ast.Gt: "<=",
    ast.GtE: "<",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.And: "or",
    ast.Or: "and",
}
SYMMETRIC = {"min", "max", "minimum", "maximum", "fmin", "add", "allclose", "equal", "dot"}
DROPPED = {
    "abs",
    "clone",
    "mT",
    "mH",
    "T",
    "detach",
    "sqrt",
    "square",
    "neg",
    "exp",
    "flip",
    "real",
}


@dataclass(frozen=True)
class Mutation:
    """One change: the characters from ``start`` to ``stop`` of a file become ``new``."""

    file: Path
    line: int
    start: int
    stop: int
    new: str

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.stop :]

    def __str__(self) -> str:
        text = (ROOT / self.file).read_text(encoding="utf-8")
        before = text.splitlines()[self.line - 1].strip()
        changed = self.applied(text).splitlines()[self.line - 1].strip()
        return f"{self.file}:{self.line}\n    - {before}\n    + {changed}"


def mutations(file: Path, text: str) -> Iterator[Mutation]:
    """Yield every change of a file that this tool knows."""
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))

    def at(line: int, column: int) -> int:
        whole = text[offsets[line - 1] : offsets[line]].encode()
        return offsets[line - 1] + len(whole[:column].decode())

    def begin(node: ast.expr | ast.stmt) -> int:
        return at(node.lineno, node.col_offset)

    def end(node: ast.expr | ast.stmt) -> int:
        return at(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def change(node: ast.expr | ast.stmt, start: int, stop: int, new: str) -> Mutation:
        return Mutation(file, node.lineno, start, stop, new)

    def operator(left: ast.expr, right: ast.expr, kind: type) -> Iterator[Mutation]:
        between = text[end(left) : begin(right)]
        sign = between.strip("() \n\\")
        if kind in SWAPS and sign and "#" not in between:
            start = end(left) + between.index(sign)
            yield change(left, start, start + len(sign), SWAPS[kind])

    for node in ast.walk(_without_annotations(ast.parse(text))):
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                yield from operator(left, right, type(op))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                yield from operator(left, right, type(op))
            case ast.BoolOp(op=op, values=[left, right, *_]):
                yield from operator(left, right, type(op))
            case ast.Constant(value=bool()):
                yield change(node, begin(node), end(node), str(not node.value))
            case ast.Constant(value=int() | float()):
                for new in (f"({node.value} + 1)", f"({node.value} * 2)"):
                    if node.value or "+" in new:
                        yield change(node, begin(node), end(node), new)
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=inner):
                yield change(node, begin(node), begin(inner), "")
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                new = f"not ({text[begin(test) : end(test)]})"
                yield change(test, begin(test), end(test), new)
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[]) if name in DROPPED:
                yield change(node, end(inner), end(node), "")
            case ast.Attribute(value=inner, attr=name, ctx=ast.Load()) if name in {
                "mT",
                "mH",
                "T",
            }:
                yield change(node, end(inner), end(node), "")
            case ast.Call(func=f, args=[first, second, *_]) if not isinstance(first, ast.Starred):
                if ast.unparse(f).split(".")[-1] in SYMMETRIC:
                    continue
                parts = text[begin(second) : end(second)], text[end(first) : begin(second)]
                new = parts[0] + parts[1] + text[begin(first) : end(first)]
                if not isinstance(second, ast.Starred):
                    yield change(node, begin(first), end(second), new)
            case ast.AugAssign() | ast.Expr(value=ast.Call()):
                yield change(node, begin(node), end(node), "pass")


def _without_annotations(tree: ast.Module) -> ast.Module:
    """Remove what no test can tell: types, docstrings, names for export."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Name("_")
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
            node.decorator_list = []
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.test, node.body = ast.copy_location(ast.Constant("_"), node.test), []
        elif isinstance(node, ast.Raise):
            node.exc = None
    return tree


def learn_lines() -> CoverageData:
    """Return which test runs which line."""
    if not LINES.exists():
        print("running the whole suite once, to learn which test runs which line")
        command = [
            "-m",
            "pytest",
            "-q",
            "-n",
            "2",
            "--cov=pyrnn",
            "--cov-context=test",
            "--cov-report=",
            "tests",
        ]
        subprocess.run(
            [sys.executable, *command, "-m", "not gpu"],
            cwd=ROOT,
            env={**os.environ, "COVERAGE_FILE": str(LINES), "OMP_NUM_THREADS": "1"},
            check=False,
        )
    data = CoverageData(str(LINES))
    data.read()
    return data


def tests_of(data: CoverageData, file: Path, line: int, rng: random.Random) -> list[str]:
    """Return the tests that run a line: those whose folder mirrors the file's come first."""
    found = data.contexts_by_lineno(str(ROOT / file)).get(line, [])
    names = sorted({name.split("|")[0] for name in found if name})
    rng.shuffle(names)
    parts = set(file.with_suffix("").parts[1:]) | {file.stem.strip("_")}
    names.sort(
        key=lambda name: -len(parts & set(name.replace("test_", "").split(".py")[0].split("/")))
    )
    return names[:MOST_TESTS]


def is_killed(mutation: Mutation, tests: list[str]) -> bool:
    """Return whether a test fails after the change."""
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            source, copy = ROOT / name, Path(folder) / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "_build", "gallery")
                shutil.copytree(source, copy, ignore=ignored)
            else:
                shutil.copy(source, copy)
        path = Path(folder) / mutation.file
        path.write_text(mutation.applied(path.read_text(encoding="utf-8")), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": folder},
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return True
    if done.returncode not in (0, 1, 2):
        print(done.stdout.decode()[-1000:], done.stderr.decode()[-1000:])
    return done.returncode != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="files and folders to change")
    parser.add_argument("--n", type=int, default=20, help="how many changes")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    options = parser.parse_args()
    data, rng = learn_lines(), random.Random(options.seed)
    files = sorted(
        {f for path in options.paths for f in (path.rglob("*.py") if path.is_dir() else [path])}
    )
    chosen = []
    for file in files:
        for mutation in mutations(file, (ROOT / file).read_text(encoding="utf-8")):
            if tests := tests_of(data, file, mutation.line, rng):
                chosen.append((mutation, tests))
    chosen = rng.sample(chosen, min(options.n, len(chosen)))
    survivors = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for (mutation, tests), killed in zip(
            chosen, pool.map(lambda pair: is_killed(*pair), chosen), strict=True
        ):
            survivors += not killed
            if not killed:
                print(f"survived {len(tests)} tests: {mutation}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} changes noticed")


if __name__ == "__main__":
    main()
