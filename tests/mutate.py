"""Change the code at random, one place at a time, and see whether the tests notice.

``python -m tests.mutate pyrnn/dynamics pyrnn/tasks --n 50 --seed 0`` picks 50 lines that tests
run, makes a small change in each, in a copy of the project, runs the tests of that line, and
prints the changes that no test noticed: each is a missing test, or makes no difference.
The first call runs the whole suite, which must pass, to learn which test runs which line; later
ones read that from ``.coverage.lines``. Delete it once the code has changed much.
"""

from __future__ import annotations

import argparse
import ast
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import pytest
from coverage import CoverageData

ROOT = Path(__file__).parents[1]
LINES = ROOT / ".coverage.lines"
COPIED = (
    *("pyrnn", "tests", "docs", "examples", "benchmarks", ".ci", "Makefile", "README.md"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "conftest.py", "pyproject.toml", "setup.cfg", "setup.py"),
)
IMPORTED_ONCE = ["torch", "scipy.optimize", "matplotlib.pyplot"]
MOST_TESTS = 60
MOST_BYTES = 6 * 2**30
TIMEOUT_S = 60  # of a test
PAIRS = {"+": "-", "*": "/", "&": "|", "<": ">=", "<=": ">", "==": "!=", "and": "or"}
PAIRS |= {"is": "is not", "in": "not in"}
SWAPS = {"@": "*", "**": "*", "//": "/", "%": "+"} | PAIRS | {b: a for a, b in PAIRS.items()}
SYMMETRIC = {"min", "max", "minimum", "maximum", "add", "allclose", "equal", "dot", "isinstance"}
METHODS = {"abs", "clone", "detach", "sqrt", "square", "neg", "exp", "flip", "contiguous"}
VIEWS = {"mT", "mH", "T", "real", "imag"}


@dataclass(frozen=True)
class Mutation:
    """One change: the characters from ``start`` to ``stop`` of a file become ``new``."""

    file: Path
    line: int
    start: int
    stop: int
    new: str

    def apply(self, text: str) -> str:
        """Return the text of the file after the change."""
        return text[: self.start] + self.new + text[self.stop :]

    def diff(self, text: str) -> str:
        """Return what changes in the text of the file."""
        parts = text.splitlines(), self.apply(text).splitlines()
        return "\n".join(unified_diff(*parts, str(self.file), "changed", n=0, lineterm=""))


class Finder:
    """All changes of a file that this tool knows; types and messages are left alone."""

    def __init__(self, file: Path, text: str) -> None:
        self.file, self.text, self.found = file, text, list[Mutation]()
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self._walk(ast.parse(text))

    def _walk(self, node: ast.AST) -> None:
        self._look(node)
        for child in _children(node):
            self._walk(child)

    def _look(self, node: ast.AST) -> None:
        match node:
            case (
                ast.BinOp(left=a, right=b)
                | ast.Compare(left=a, comparators=[b, *_])
                | ast.BoolOp(values=[a, b, *_])
            ):
                self._swap_operator(node.lineno, a, b)
            case ast.UnaryOp(operand=inner):
                self._replace(node, self._of(inner))
            case ast.Constant(value=bool() as value):
                self._replace(node, str(not value))
            case ast.Constant(value=int() | float() as value):
                self._replace(node, f"({value} * 2)" if value else "1")
            case ast.Attribute(value=inner, attr=name, ctx=ast.Load()) if name in VIEWS:
                self._replace(node, self._of(inner))
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[]) if name in METHODS:
                self._replace(node, self._of(inner))
            case ast.Call(func=f, args=[first, second, *_]) if _last_name(f) not in SYMMETRIC:
                self._swap_arguments(first, second)
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                self._replace(test, f"(not ({self._of(test)}))")
            case ast.AugAssign() | ast.Expr(value=ast.Call()):
                self._replace(node, "pass")

    def _at(self, line: int, column: int) -> int:
        start = self.starts[line - 1]
        return start + len(self.text[start : self.starts[line]].encode()[:column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        stop = self._at(node.end_lineno or 0, node.end_col_offset or 0)
        return self._at(node.lineno, node.col_offset), stop

    def _of(self, node: ast.expr | ast.stmt) -> str:
        return self.text[slice(*self._span(node))]

    def _replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        self.found.append(Mutation(self.file, node.lineno, *self._span(node), new))

    def _swap_operator(self, line: int, left: ast.expr, right: ast.expr) -> None:
        start, stop = self._span(left)[1], self._span(right)[0]
        sign = self.text[start:stop].strip("() \n")
        if sign in SWAPS:
            start += self.text[start:stop].index(sign)
            self.found.append(Mutation(self.file, line, start, start + len(sign), SWAPS[sign]))

    def _swap_arguments(self, first: ast.expr, second: ast.expr) -> None:
        if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
            (start, a), (b, stop) = self._span(first), self._span(second)
            new = self._of(second) + self.text[a:b] + self._of(first)
            self.found.append(Mutation(self.file, first.lineno, start, stop, new))


def _children(node: ast.AST) -> Iterable[ast.AST]:
    """Return the parts of a node that are no types, decorators or messages."""
    match node:
        case ast.Raise():
            return []
        case ast.If(test=test) if "TYPE_CHECKING" in ast.unparse(test):
            return []
        case ast.AnnAssign(value=value):
            return filter(None, [value])
        case ast.FunctionDef(args=arguments, body=body):
            return filter(None, [*arguments.defaults, *arguments.kw_defaults, *body])
    return ast.iter_child_nodes(node)


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).split(".")[-1]


def learn_lines() -> CoverageData:
    """Return which test runs which line."""
    if not LINES.exists():
        print("running the whole suite once, to learn which test runs which line")
        options = ["-n2", "-m", "not gpu", "--cov=pyrnn", "--cov-context=test", "--cov-report="]
        environment = {**os.environ, "COVERAGE_FILE": str(LINES), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "pytest", "-q", *options]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
    data = CoverageData(str(LINES))
    data.read()
    return data


def nearest_tests(file: Path, contexts: Sequence[str], rng: random.Random) -> list[str]:
    """Return some of the tests that run a line, those first whose path is like the file's."""
    names = sorted({name.split("|")[0] for name in contexts if name})
    rng.shuffle(names)
    parts = {part.strip("_") for part in file.with_suffix("").parts}

    def nearness(name: str) -> int:
        return len(parts & set(name.replace("test_", "").split(".py")[0].split("/")))

    return sorted(names, key=nearness, reverse=True)[:MOST_TESTS]


def choose(paths: Sequence[Path], n: int, rng: random.Random) -> list[tuple[Mutation, list[str]]]:
    """Return changes of ``n`` lines of some files and folders, each with its tests."""
    data, by_line = learn_lines(), defaultdict[tuple[Path, int], list[Mutation]](list)
    for file in sorted({f for path in paths for f in ([path], path.rglob("*.py"))[path.is_dir()]}):
        if (ROOT / file).stat().st_mtime > LINES.stat().st_mtime:
            print(f"left out {file}: it is newer than {LINES.name}")
            continue
        contexts = data.contexts_by_lineno(str(ROOT / file))
        for change in Finder(file, (ROOT / file).read_text(encoding="utf-8")).found:
            if any(contexts.get(change.line, [])):
                by_line[file, change.line].append(change)
    chosen = rng.sample(sorted(by_line), min(n, len(by_line)))
    return [
        (
            rng.choice(by_line[file, line]),
            nearest_tests(file, data.contexts_by_lineno(str(ROOT / file))[line], rng),
        )
        for file, line in chosen
    ]


def _run_tests(folder: str, tests: Sequence[str]) -> None:
    """Run tests in a folder, in a process of their own, and exit as pytest does."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.modules.pop("tests", None)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    options = ["-q", "-x", "-p", "no:cacheprovider", f"--timeout={TIMEOUT_S}"]
    sys.exit(pytest.main([*options, *tests]))


def is_noticed(change: Mutation, tests: Sequence[str]) -> bool:
    """Return whether a test fails, or takes too long, after a change."""
    with tempfile.TemporaryDirectory() as folder:
        for source in (ROOT / name for name in COPIED if (ROOT / name).exists()):
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, Path(folder) / source.name)
        file = Path(folder) / change.file
        file.write_text(change.apply(file.read_text(encoding="utf-8")), encoding="utf-8")
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=_run_tests, args=(folder, tests))
        process.start()
        process.join(len(tests) * TIMEOUT_S)
        process.kill()
        return process.exitcode != 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, make the changes, print those that no test noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="files and folders to change")
    parser.add_argument("--n", type=int, default=20, help="how many lines to change")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    options = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    multiprocessing.get_context("forkserver").set_forkserver_preload(IMPORTED_ONCE)
    chosen, survivors = choose(options.paths, options.n, random.Random(options.seed)), 0
    everything = sorted({test for _, tests in chosen for test in tests})
    if chosen and is_noticed(Mutation(chosen[0][0].file, 1, 0, 0, ""), everything):
        parser.exit(1, "some of these tests fail before anything is changed\n")
    with ThreadPoolExecutor(options.jobs) as pool:
        noticed = pool.map(lambda pair: is_noticed(*pair), chosen)
        for (change, tests), is_killed in zip(chosen, noticed, strict=True):
            if not is_killed:
                survivors += 1
                text = (ROOT / change.file).read_text(encoding="utf-8")
                print(f"survived {len(tests)} tests:\n{change.diff(text)}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} changes noticed")


if __name__ == "__main__":
    main()
