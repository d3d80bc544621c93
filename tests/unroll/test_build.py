"""The kernel is optional: the package installs where it cannot be compiled."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyrnn.unroll import fused

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="needs the sources")
def test_without_a_compiler_the_build_succeeds(tmp_path):
    missing = {"CC": "no-such-compiler", "CXX": "no-such-compiler"}
    command = [sys.executable, "setup.py", "build_ext", "-f", "-b", tmp_path, "-t", tmp_path]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | missing, capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    assert not list(tmp_path.rglob("_kernel*"))


def test_the_fast_math_flag_is_not_used():
    assert '"-ffast-math"' not in (ROOT / "setup.py").read_text()


def test_a_kernel_that_was_built_is_used():
    """Otherwise all tests of the kernel would be skipped, and nobody would know."""
    was_built = any(Path(fused.__file__).parent.glob("_kernel.*so"))
    assert fused.is_available() == was_built
