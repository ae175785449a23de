#!/usr/bin/env bash
# Installs, builds, and runs the tests; with --all first, also those that take long (label nightly).
# Further arguments go to ctest (-R NAME picks tests).
set -euo pipefail
cd "$(dirname "$0")/.."

skip=(-LE nightly)
if [[ ${1:-} == --all ]]; then
  skip=()
  shift
fi
scripts/install_packages.sh
cmake --preset release >/dev/null
cmake --build build
ctest --test-dir build --output-on-failure -j "$(nproc)" "${skip[@]}" "$@"
