#!/usr/bin/env bash
# Installs, builds, and runs the tests:
#
#   scripts/test.sh [--all] [--only SOURCE]... [OPTION_OF_CTEST...]
#
# With --all also those that take long (label nightly), a minute of each fuzzing target, the benchmarks' build,
# and PyTorch's step beside ours. With --only the tests of one source, tests/run/run_log_test.cpp or
# run_log_test for short: builds their program alone, and installs nothing where a build is configured.
# ctest's options pick tests by name (-R NAME, -E NAME) or label (-L slurm).
# The last thing said is which tests were skipped and why. With CI=true in the environment a skip for want of
# what such a machine must have is a failure (scripts/skipped_tests.py).
set -euo pipefail
cd "$(dirname "$0")/.."

all=
only=()
while [ $# -gt 0 ]; do
  case $1 in
    --all) all=yes; shift ;;
    --only) only+=("${2:?--only needs a source}"); shift 2 ;;
    *) break ;;
  esac
done

# Beside what the product needs: a browser that looks at its pages, a Prometheus that scrapes it, what
# its numbers are compared with, a batch system to submit jobs to, hosts of its own, and what packages are
# made with. Ubuntu has the browser in another form; tests that need it skip there.
install() {
  scripts/install_packages.sh prometheus python3-numpy python3-pil python3-sklearn python3-venv slurmctld slurmd \
    slurm-client munge iproute2 file --optional chromium chromium-driver
}

# Modules that the distribution hasn't, from where pip gets them, in an environment below build/. NumPy stays
# the distribution's, for which its scikit-learn was compiled.
make_python() {
  local environment=build/venv modules=(onnx onnxruntime safetensors) missing=() module numpy
  local python=$environment/bin/python
  [ -z "$all" ] || modules+=(torch)
  for module in "${modules[@]}"; do
    "$python" -c "import $module" 2>/dev/null || missing+=("$module")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "getting ${missing[*]} for the tests' Python in $environment"
    numpy=$("$SPHEREFACE_PYTHON" -c 'import numpy; print(numpy.__version__)') &&
      "$SPHEREFACE_PYTHON" -m venv --system-site-packages "$environment" &&
      "$python" -m pip install --quiet --retries 2 "numpy==$numpy" "${missing[@]}" ||
      echo "they can't be had: tests that need them skip"
  fi
  if "$python" -c 'import onnx, onnxruntime, safetensors' 2>/dev/null; then
    export SPHEREFACE_ONNX_PYTHON=$PWD/$python
  fi
}

# The detector's weights, kept in build/.
get_detector() {
  if PYTHON=$SPHEREFACE_PYTHON scripts/get_detector.sh build/mtcnn >/dev/null; then
    export SPHEREFACE_DETECTOR=$PWD/build/mtcnn
  else
    echo "the detector's weights can't be had: tests that need them skip"
  fi
}

# choose SOURCE: adds the program that it is compiled into and the names of its suites and tests.
choose() {
  local source=${1##*/} found program named
  mapfile -t found < <(find tests -name "${source%.cpp}.cpp" -path "*${1%.cpp}.cpp")
  [ ${#found[@]} -eq 1 ] || { echo "test.sh: $1 names ${#found[@]} sources in tests/" >&2; exit 1; }
  program=$(sed -nE "s|.*-o tests/CMakeFiles/(\S+)\.dir/${found[0]#tests/}\.o .*|\1|; T; p; q" \
    build/compile_commands.json)
  named=$(tr '\n' ' ' <"${found[0]}" | grep -oE '\bT(YPED_T)?EST(_[FP])?\( *\w+, *\w+' || true)
  [ -n "$program" ] && [ -n "$named" ] || { echo "test.sh: ${found[0]} has no tests" >&2; exit 1; }
  programs+=(--target "$program")
  mapfile -t -O ${#suites[@]} suites < <(sed -E 's/.*\( *(\w+).*/\1/' <<<"$named" | sort -u)
  mapfile -t -O ${#tests[@]} tests < <(sed -E 's/.*, *//' <<<"$named" | sort -u)
}
any() { local IFS='|'; echo "$*"; }

export SPHEREFACE_PYTHON=${SPHEREFACE_PYTHON:-/usr/bin/python3}
if [ ${#only[@]} -eq 0 ] || [ ! -e build/CMakeCache.txt ]; then install; fi
[ -n "${SPHEREFACE_ONNX_PYTHON:-}" ] || make_python
[ -n "${SPHEREFACE_DETECTOR:-}" ] || get_detector
cmake --preset release >/dev/null
chosen=()
[ -n "$all" ] || chosen=(-LE nightly)
programs=() suites=() tests=()
for source in "${only[@]}"; do choose "$source"; done
# As in Sizes/Trunk.Runs/3 and Trunk/float.Runs.
[ ${#only[@]} -eq 0 ] || chosen+=(-R "(^|/)($(any "${suites[@]}"))(/[^.]*)?[.]($(any "${tests[@]}"))(/|$)")
cmake --build build "${programs[@]}"
[ ${#only[@]} -eq 0 ] || all=
if [ -n "$all" ]; then cmake --build build --target benchmarks; fi

code=0
report=$PWD/build/tests.xml
rm -f "$report"
# Two more than there are processors, as many wait for processes they have started.
ctest --test-dir build --output-on-failure --no-tests=error --output-junit "$report" \
  -j "$(($(nproc) + 2))" "${chosen[@]}" "$@" || code=$?
if [ -n "$all" ]; then
  if "${SPHEREFACE_ONNX_PYTHON:-false}" -c 'import torch' 2>/dev/null; then
    "$SPHEREFACE_ONNX_PYTHON" bench/peer_pytorch.py --batch 4 --rounds 2 || code=$?
  fi
  scripts/fuzz.sh 60 || code=$?
fi
[ ! -e "$report" ] || scripts/skipped_tests.py "$report" || code=$?
exit "$code"
