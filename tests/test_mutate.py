"""The tool that changes the code makes the changes that it should, and sees tests fail."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

from tests import mutate
from tests.mutate import Finder, Mutation, find_compiled, nearest_tests

CODE = '''
def f(a: int | str = 1, é=-2) -> float | None:
    """Return 1 + 1."""
    if a < é and not g(a, 3):
        raise ValueError("got" + str(a))
    h(a.abs(), *é)
    a += 4
    return (a @ é.mT) if True else 0
'''
CHANGED = [
    "def f(a: int | str = (1 * 2), é=-2) -> float | None:",
    "def f(a: int | str = 1, é=-(2 * 2)) -> float | None:",
    "def f(a: int | str = 1, é=2) -> float | None:",
    "if (not (a < é and not g(a, 3))):",
    "if a < é and g(a, 3):",
    "if a < é and not g(3, a):",
    "if a < é and not g(a, (3 * 2)):",
    "if a < é or not g(a, 3):",
    "if a >= é and not g(a, 3):",
    "pass",
    "h(a, *é)",
    "pass",
    "a += (4 * 2)",
    "return (a * é.mT) if True else 0",
    "return (a @ é) if True else 0",
    "return (a @ é.mT) if (not (True)) else 0",
    "return (a @ é.mT) if False else 0",
    "return (a @ é.mT) if True else 1",
]


def test_every_change_is_one_that_was_meant() -> None:
    found = sorted(Finder(Path("f.py"), CODE).found, key=lambda change: change.line)
    lines = [change.apply(CODE).splitlines()[change.line - 1].strip() for change in found]
    assert sorted(lines) == sorted(CHANGED)
    for change in found:
        ast.parse(change.apply(CODE))


COMPILED = """
// 1 + 1
constexpr Index kTile = 16;
  for (Index k = 0; k < n && 2.5f * x[k - 1] != 1e-6; ++k) sum += float32(k);
  if (m) std::copy_n(from, to);
  std::swap(a, b);
"""
COMPILED_CHANGED = [
    "for (Index k = 1; k < n && 2.5f * x[k - 1] != 1e-6; ++k) sum += float32(k);",
    "for (Index k = 0; k >= n && 2.5f * x[k - 1] != 1e-6; ++k) sum += float32(k);",
    "for (Index k = 0; k < n || 2.5f * x[k - 1] != 1e-6; ++k) sum += float32(k);",
    "for (Index k = 0; k < n && (2.5f * 2) * x[k - 1] != 1e-6; ++k) sum += float32(k);",
    "for (Index k = 0; k < n && 2.5f / x[k - 1] != 1e-6; ++k) sum += float32(k);",
    "for (Index k = 0; k < n && 2.5f * x[k + 1] != 1e-6; ++k) sum += float32(k);",
    "for (Index k = 0; k < n && 2.5f * x[k - (1 * 2)] != 1e-6; ++k) sum += float32(k);",
    "for (Index k = 0; k < n && 2.5f * x[k - 1] == 1e-6; ++k) sum += float32(k);",
    "for (Index k = 0; k < n && 2.5f * x[k - 1] != (1e-6 * 2); ++k) sum += float32(k);",
    "for (Index k = 0; k < n && 2.5f * x[k - 1] != 1e-6; ++k) sum -= float32(k);",
    "if (not m) std::copy_n(from, to);",
    ";",
]


def test_every_change_of_the_kernel_is_one_that_was_meant() -> None:
    found = find_compiled(Path("kernel.h"), COMPILED)
    lines = [change.apply(COMPILED).splitlines()[change.line - 1].strip() for change in found]
    assert sorted(lines) == sorted(COMPILED_CHANGED)


def test_the_diff_shows_one_line_before_and_after() -> None:
    change = Mutation(Path("f.py"), 1, 4, 5, "-")
    assert change.diff("a = b + c\n".replace("b ", "")).splitlines()[2:] == [
        "@@ -1 +1 @@",
        "-a = + c",
        "+a = - c",
    ]


def test_tests_of_the_same_folder_come_first() -> None:
    contexts = ["tests/plot/test_b.py::a|run", "tests/dynamics/points/test_p.py::b|run", ""]
    near = nearest_tests(Path("pyrnn/dynamics/points/_p.py"), contexts, random.Random(0))
    assert near == ["tests/dynamics/points/test_p.py::b", "tests/plot/test_b.py::a"]


@pytest.mark.parametrize(("new", "test"), [("-", "test_sum.py::test_total"), ("+ 0 +", None)])
def test_a_change_is_noticed_by_a_test_that_passes_without_it(
    new: str, test: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyrnn").mkdir()
    (tmp_path / "pyrnn" / "__init__.py").touch()
    (tmp_path / "pyrnn" / "sum.py").write_text("def total(a, b):\n    return a + b\n")
    code = "from pyrnn.sum import total\n\ndef test_fails():\n    assert False\n\n"
    code += "def test_total():\n    assert total(1, 2) == 3\n"
    (tmp_path / "test_sum.py").write_text(code)
    monkeypatch.setattr(mutate, "ROOT", tmp_path)
    monkeypatch.setattr(mutate, "COPIED", ("pyrnn", "test_sum.py"))
    mutate.passes.cache_clear()
    change = Mutation(Path("pyrnn/sum.py"), 2, 30, 31, new)
    tests = ["test_sum.py::test_fails", "test_sum.py::test_total"]
    assert mutate.noticed_by(change, tests) == test
