#!/bin/sh
# A pretix to compare with, in a virtual environment of its own: about 600 MB, a minute or two.
# Kept by its version, so it is made once. The tests find it there, or where GATE_TEST_PRETIX says.
set -eu
version=${PRETIX_VERSION:-2026.8.0}
venv=${GATE_TEST_PRETIX:-${XDG_CACHE_HOME:-$HOME/.cache}/venue-gate/pretix-$version}
if [ ! -f "$venv/ready" ]; then
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install -q --only-binary pretix "pretix==$version"
    touch "$venv/ready"
fi
echo "$venv"
