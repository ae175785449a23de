#!/usr/bin/env bash
# Installs, builds, and runs all tests. Further arguments go to ctest (-R NAME picks tests).
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_packages.sh
cmake --preset release >/dev/null
cmake --build build
ctest --test-dir build --output-on-failure -j "$(nproc)" "$@"
