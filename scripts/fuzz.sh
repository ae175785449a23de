#!/usr/bin/env bash
# Builds the fuzzing targets of tests/fuzz with clang and runs each for SECONDS (60), or those named:
#   scripts/fuzz.sh [SECONDS [TARGET...]]
# What they find lies in build-fuzz/found, inputs that reached new code in build-fuzz/corpus, where the
# next run begins. Ends non-zero when any target crashed, hung, or took more than 1 GiB.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# -eq 0 ] || shift
scripts/install_packages.sh clang libomp-dev
version=$(clang -dumpversion)
version=${version%%.*}
scripts/install_packages.sh "libclang-rt-$version-dev"
cmake --preset fuzz >/dev/null
cmake --build build-fuzz --target fuzzers
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cd build-fuzz/fuzz && ls)

failed=()
mkdir -p build-fuzz/found
for target in "${targets[@]}"; do
  corpus=build-fuzz/corpus/$target
  mkdir -p "$corpus"
  SPHEREFACE_FUZZ_SEEDS=$corpus build-fuzz/fuzz/"$target"
  log=build-fuzz/found/$target.log
  if build-fuzz/fuzz/"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=1024 -artifact_prefix="build-fuzz/found/$target-" "$corpus" >"$log" 2>&1; then
    echo "$target: $(grep -E '^Done ' "$log")"
  else
    failed+=("$target")
    echo "$target: FAILED, see $log"
  fi
done
[ ${#failed[@]} -eq 0 ] || { echo "found something: ${failed[*]}" >&2; exit 1; }
