#!/usr/bin/env bash
# Installs, builds, and runs the tests; with --all first, also those that take long (label nightly), a
# minute of each fuzzing target, and builds the benchmarks. Further arguments go to ctest (-R NAME picks tests).
set -euo pipefail
cd "$(dirname "$0")/.."

skip=(-LE nightly)
all=
if [[ ${1:-} == --all ]]; then
  skip=()
  all=yes
  shift
fi
# Beside what the product needs: a browser that looks at its pages, a Prometheus that scrapes it, what
# its numbers are compared with, a batch system to submit jobs to, hosts of its own, and what packages are
# made with. Ubuntu has the browser in another form; tests that need it skip there.
scripts/install_packages.sh prometheus python3-numpy python3-sklearn slurmctld slurmd slurm-client munge \
  iproute2 file --optional chromium chromium-driver
export SPHEREFACE_PYTHON=${SPHEREFACE_PYTHON:-/usr/bin/python3}
cmake --preset release >/dev/null
cmake --build build
if [ -n "$all" ]; then cmake --build build --target benchmarks; fi
# One more than there are processors, as many wait for processes they have started.
ctest --test-dir build --output-on-failure -j "$(($(nproc) + 1))" "${skip[@]}" "$@"
if [ -n "$all" ]; then scripts/fuzz.sh 60; fi
