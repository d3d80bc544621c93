#!/bin/sh
# Test the NeuroGym adapter against NeuroGym itself, in an environment of its own: NeuroGym pins
# NumPy and Gymnasium to versions that the rest of the project does not want.
#   PYTHON=python3.11 tests/neurogym/run.sh [pytest options]
set -eu
cd "$(dirname "$0")/../.."
venv=.venv-neurogym
test -x $venv/bin/python || "${PYTHON:-python3}" -m venv $venv
$venv/bin/python -m pip install --quiet --constraint constraints.txt --editable . \
    pytest pytest-timeout hypothesis "neurogym==2.3.1"
$venv/bin/python -m pytest tests/neurogym "$@"
