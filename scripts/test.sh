#!/usr/bin/env bash
# Lints and tests. Arguments go to pytest (--slow runs the slow tests too); skipped tests are listed with their reasons.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

install_into_venv test
export HF_HUB_OFFLINE=1 # every look-up on a model hub otherwise waits for time-outs
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # sums in another order differ in their last bits, and rows are compared exactly
cd "$root"
"$venv/bin/python" -m ruff check
"$venv/bin/python" -m pytest "$@"
