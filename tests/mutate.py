"""Change the code at random, one place at a time, and see whether the tests notice.

``python -m tests.mutate pyrnn/dynamics pyrnn/tasks --n 50 --seed 0`` picks 50 lines that tests
run, makes a small change in each, in a copy of the project, runs the tests of that line, and
prints the changes that no test noticed: each is a missing test, or makes no difference.
The first call runs the whole suite to learn which test runs which line; later ones read that from
``.coverage.lines``. Delete it once the code has changed much. Of the compiled kernel any line may
be changed: the kernel is built again, for the tests that run the Python module which calls it.
"""

from __future__ import annotations

import argparse
import ast
import multiprocessing
import os
import random
import re
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
from functools import cache
from pathlib import Path

import pytest
from coverage import CoverageData

ROOT = Path(__file__).parents[1]
LINES = ROOT / ".coverage.lines"
COPIED = (
    *("pyrnn", "tests", "docs", "examples", "benchmarks", ".ci", "Makefile", "README.md"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "conftest.py", "pyproject.toml", "setup.cfg", "setup.py"),
)
COMPILER = "the compiler"
IMPORTED_ONCE = ["torch", "scipy.optimize", "matplotlib.pyplot"]
CALLERS = defaultdict(lambda: "pyrnn/unroll/fused.py")
CALLERS["newton.h"] = "pyrnn/dynamics/points/_compiled.py"
CALLERS["train.h"] = "pyrnn/training/_kernel.py"
MOST_BYTES = 6 * 2**30
TIMEOUT_S = 60  # of a test
PAIRS = {"+": "-", "*": "/", "&": "|", "<": ">=", "<=": ">", "==": "!=", "and": "or"}
PAIRS |= {"is": "is not", "in": "not in"}
SWAPS = {"@": "*", "**": "*", "//": "/", "%": "+"} | PAIRS | {b: a for a, b in PAIRS.items()}
SYMMETRIC = {"min", "max", "minimum", "maximum", "add", "allclose", "equal", "dot", "isinstance"}
METHODS = {"abs", "clone", "detach", "sqrt", "square", "neg", "exp", "flip", "contiguous"}
VIEWS = {"mT", "mH", "T", "real", "imag"}
COMPILED = re.compile(
    r"""//.* | ^\#.* | template\ <.*?> | constexpr\ Index\ k\w+\ =.*     # left alone
    | (?<=\ )(?P<sign>[-+*/<>=!]= | && | \|\| | [-+*/%&|<>])(?=\ )
    | (?<![\w.])(?P<number>\d+(?:\.\d*)?(?:e-?\d+)?f?)(?![\w.])
    | (?P<test>\bif\ \() | ^\ +(?P<call>[\w.:<>]+\(.*\));$""",
    re.VERBOSE | re.MULTILINE,
)


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


def find_compiled(file: Path, text: str) -> list[Mutation]:
    """Return all changes of a file of the kernel that this tool knows."""
    found = []
    for match in COMPILED.finditer(text):
        if (kind := match.lastgroup) is None:
            continue
        (start, stop), old = match.span(kind), match[kind]
        swaps = SWAPS | {"&&": "||", "||": "&&", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*="}
        new = {
            "sign": swaps.get(old, old),
            "number": f"({old} * 2)" if old.strip("0.f") else "1",
            "test": f"{old}not ",
            "call": "",
        }[kind]
        found += [Mutation(file, text.count("\n", 0, start) + 1, start, stop, new)] * (new != old)
    return found


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
        subprocess.run(command, cwd=ROOT, env=environment, check=False)
    data = CoverageData(str(LINES))
    data.read()
    return data


def nearest_tests(file: Path, contexts: Iterable[str], rng: random.Random) -> list[str]:
    """Return the tests that run a line, those first whose path is like the file's."""
    names = sorted({name.split("|")[0] for name in contexts if name})
    rng.shuffle(names)
    parts = {part.strip("_") for part in file.with_suffix("").parts}

    def nearness(name: str) -> int:
        return len(parts & set(name.replace("test_", "").split(".py")[0].split("/")))

    return sorted(names, key=nearness, reverse=True)


def choose(paths: Sequence[Path], n: int, rng: random.Random) -> list[tuple[Mutation, list[str]]]:
    """Return changes of ``n`` lines of some files and folders, each with its tests."""
    data, by_line = learn_lines(), defaultdict[tuple[Path, int], list[Mutation]](list)
    tests = {}
    for file in sorted({f for path in paths for f in ([path], path.rglob("*.*"))[path.is_dir()]}):
        is_python = file.suffix == ".py"
        if not is_python and file.suffix not in {".cpp", ".h"}:
            continue
        caller = file if is_python else Path(CALLERS[file.name])
        if (ROOT / caller).stat().st_mtime > LINES.stat().st_mtime:
            print(f"left out {file}: {caller} is newer than {LINES.name}")
            continue
        contexts, text = (
            data.contexts_by_lineno(str(ROOT / caller)),
            (ROOT / file).read_text("utf-8"),
        )
        everywhere = sorted({name for names in contexts.values() for name in names})
        for change in Finder(file, text).found if is_python else find_compiled(file, text):
            names = contexts.get(change.line, []) if is_python else everywhere
            if any(names):
                by_line[file, change.line].append(change)
                tests[file, change.line] = caller, names
    chosen = rng.sample(sorted(by_line), min(n, len(by_line)))
    return [(rng.choice(by_line[line]), nearest_tests(*tests[line], rng)) for line in chosen]


class Outcomes:
    """A plugin of pytest that writes down which test is running and which has passed."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write the name of a test that starts."""
        self.file.write_text(nodeid, encoding="utf-8")


def _run_tests(folder: str, tests: Sequence[str]) -> None:
    """Run tests in a folder, in a process of their own, and exit as pytest does."""
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.modules.pop("tests", None)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    # from another thread, which can end a test that is in compiled code
    options = ["-q", "-x", "-p", "no:cacheprovider", f"--timeout={TIMEOUT_S}"]
    options += ["--timeout-method=thread"]
    sys.exit(pytest.main([*options, *tests], plugins=[Outcomes(Path(folder, "running"))]))


def _is_built(folder: Path) -> bool:
    for old in folder.glob("pyrnn/unroll/*.so"):
        old.unlink()
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=folder, check=False, capture_output=True)
    return any(folder.glob("pyrnn/unroll/*.so"))


def first_failure(tests: Sequence[str], change: Mutation | None = None) -> str | None:
    """Return the first test that fails or takes too long, after a change if one is given."""
    with tempfile.TemporaryDirectory() as folder:
        for source in (ROOT / name for name in COPIED if (ROOT / name).exists()):
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, Path(folder) / source.name)
        if change:
            file = Path(folder) / change.file
            file.write_text(change.apply(file.read_text("utf-8")), encoding="utf-8")
            if file.suffix != ".py" and not _is_built(Path(folder)):
                return COMPILER
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=_run_tests, args=(folder, tests))
        process.start()
        process.join(len(tests) * TIMEOUT_S)
        process.kill()
        process.join()
        running = Path(folder, "running")
        if process.exitcode == 0:
            return None
        return running.read_text("utf-8") if running.exists() else tests[0]


@cache
def passes(test: str) -> bool:
    """Return whether a test passes before anything is changed."""
    return first_failure([test]) is None


def noticed_by(change: Mutation, tests: Sequence[str]) -> str | None:
    """Return the test that fails, or takes too long, because of a change; None if none does."""
    while tests and (name := first_failure(tests, change)):
        if name == COMPILER or passes(name):
            return name
        tests = [test for test in tests if test != name]
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, make the changes, print those that no test noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="files and folders to change")
    parser.add_argument("--n", type=int, default=20, help="how many lines to change")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--tests", type=int, default=60, help="most tests for a line")
    options = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    multiprocessing.get_context("forkserver").set_forkserver_preload(IMPORTED_ONCE)
    chosen = choose(options.paths, options.n, random.Random(options.seed))
    chosen = [(change, tests[: options.tests]) for change, tests in chosen]
    n_survivors, n_noticed = 0, 0
    with ThreadPoolExecutor(options.jobs) as pool:
        noticed = pool.map(lambda pair: noticed_by(*pair), chosen)
        for (change, tests), name in zip(chosen, noticed, strict=True):
            n_survivors += name is None
            n_noticed += name not in {None, COMPILER}
            if name is None:
                text = (ROOT / change.file).read_text("utf-8")
                print(f"survived {len(tests)} tests:\n{change.diff(text)}", flush=True)
    print(f"{n_noticed} of {n_noticed + n_survivors} changes noticed")


if __name__ == "__main__":
    main()
