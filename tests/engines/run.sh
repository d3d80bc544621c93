#!/bin/sh
# Test populations on the workers of Dask and of Ray, in an environment of their own: both are large,
# and the rest of the project does not need them.
#   PYTHON=python3.11 tests/engines/run.sh [pytest options]
set -eu
cd "$(dirname "$0")/../.."
venv=.venv-engines
test -x $venv/bin/python || "${PYTHON:-python3}" -m venv $venv
$venv/bin/python -m pip install --quiet --constraint constraints.txt --editable . \
    pytest pytest-timeout hypothesis "distributed>=2026.8,<2027" "ray>=2.60,<3"
$venv/bin/python -m pytest tests/engines "$@"
