"""Build the optional kernel; everything else is in pyproject.toml."""

import platform

from setuptools import Extension, setup

# Not -ffast-math: linking with it changes the floating-point mode of the whole process.
FLAGS = ["-std=c++17", "-O2", "-g0", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
V3 = ["-mavx2", "-mfma"]
V4 = [*V3, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]
PARTS = "kernel.cpp", "network.h", "newton.h", "team.h", "train.h", "vector.h"

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
    options={"build_ext": {"parallel": True}},
)
