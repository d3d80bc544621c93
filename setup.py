"""Build the optional kernel; everything else is in pyproject.toml."""

import os
import platform
from importlib.machinery import EXTENSION_SUFFIXES

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

# Not -ffast-math: linking with it changes the floating-point mode of the whole process.
FLAGS = ["-std=c++17", "-O2", "-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
V3 = ["-mavx2", "-mfma"]
V4 = [*V3, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]
PARTS = "kernel.cpp", "network.h", "newton.h", "team.h", "train.h", "vector.h"


class BuildKernel(build_ext):
    """Name the kernel without the version of Python: it is plain C behind ctypes."""

    def get_ext_filename(self, fullname):
        """Return the path of a part of the kernel."""
        return os.path.join(*fullname.split(".")) + EXTENSION_SUFFIXES[-1]


class Wheel(bdist_wheel):
    """Mark the wheel as one for every Python on this platform."""

    def get_tag(self):
        """Return Python, ABI and platform."""
        return "py3", "none", super().get_tag()[2]


# One build per instruction set; the package takes the best that the machine has.
builds = {"kernel": []}
if platform.machine() in ("x86_64", "AMD64"):
    builds |= {"kernel_v3": V3, "kernel_v4": V4}

setup(
    ext_modules=[
        Extension(
            f"pyrnn.unroll._{name}",
            sources=[f"pyrnn/unroll/{name}.cpp"],
            depends=[f"pyrnn/unroll/{part}" for part in PARTS],
            extra_compile_args=[*FLAGS, *flags],
            extra_link_args=["-pthread"],
            optional=True,  # without a compiler the package installs all the same
        )
        for name, flags in builds.items()
    ],
    cmdclass={"build_ext": BuildKernel, "bdist_wheel": Wheel},
    options={"build_ext": {"parallel": True}},
)
