#!/usr/bin/env bash
# Builds the GPU's library with its tests and benchmarks, runs them on this machine's card, and
# writes report.md and report.json. Needs an NVIDIA card and driver, CUDA 12 or later, cuDNN 9,
# NCCL, CMake, a C++20 compiler and Python 3; PyTorch for the comparison, which is left out without
# it. Neither root nor network. Takes under nine minutes. With SPHEREFACE_SHARED naming the folder of
# the golden files (docs/architecture.md) the network is also trained beside the published
# implementation's steps.
#
#   scripts/gpu/acceptance.sh OUT_FOLDER     e.g. docs/gpu/h100-2026-11-24
#   scripts/gpu/acceptance.sh --prepare      puts GoogleTest's sources into build/googletest, for a
#                                            machine that has none: copy that folder along
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() { sed -n '2,12s/^# \{0,1\}//p' "$0"; }
case ${1:-} in
  -h | --help) usage; exit 0 ;;
  --prepare)
    [[ -d /usr/src/googletest ]] || { echo "acceptance.sh: error: /usr/src/googletest is missing: apt-get install googletest" >&2; exit 1; }
    mkdir -p build
    cp -rT /usr/src/googletest build/googletest
    exit 0 ;;
  '') usage >&2; exit 2 ;;
esac
out=$1
command -v nvidia-smi >/dev/null || { echo "acceptance.sh: error: no nvidia-smi: this needs a machine with an NVIDIA card" >&2; exit 1; }
nvidia-smi -L >/dev/null || { echo "acceptance.sh: error: nvidia-smi finds no card" >&2; exit 1; }

mkdir -p "$out"
build=build/gpu
log=$out/log
mkdir -p "$log"
begin=$SECONDS
deadline=520  # seconds
failed=()
left_out=()

# step NAME LIMIT COMMAND...: its output to the log; one that fails, or for which no time is left, is
# named in the report.
step() {
  local name=$1 limit=$2 left=$((deadline - SECONDS + begin))
  shift 2
  if [[ $left -lt 20 ]]; then
    echo "acceptance: $name: no time left"
    left_out+=("$name")
    return
  fi
  local from=$SECONDS code=0
  echo "acceptance: $name"
  timeout $((left < limit ? left : limit)) "$@" >"$log/$name.txt" 2>&1 || code=$?
  echo "$code $((SECONDS - from))" >"$log/$name.status"
  if [[ $code -ne 0 ]]; then
    failed+=("$name")
    echo "acceptance: $name failed with exit code $code:" >&2
    tail -n 15 "$log/$name.txt" >&2
  fi
}

gtest=()
if [[ -d build/googletest ]]; then gtest=(-DSPHEREFACE_GTEST_SOURCE="$PWD/build/googletest"); fi
step configure 60 cmake -S scripts/gpu -B "$build" "${gtest[@]}"
step build 240 cmake --build "$build" -j "$(nproc)"
[[ ${#failed[@]} -eq 0 ]] || exit 1

export SPHEREFACE_NEEDS_GPU=1
step tests 180 "$build/bin/gpu_tests" --gtest_brief=1
step step-sphereface-20 60 "$build/bin/gpu_step_bench"
if python3 -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
  step pytorch 200 python3 bench/peer_pytorch.py --gpu --step-bench "$build/bin/gpu_step_bench" --batch 512 --rounds 30 --json "$out/pytorch.json"
  step pytorch-head 60 python3 bench/peer_pytorch.py --gpu-head 1000000
fi
step head 60 "$build/bin/gpu_head_bench"
# The kernels' own tests, where each access counts; the engine's add cuDNN's and cuBLAS's.
if command -v compute-sanitizer >/dev/null; then
  kernels='LayerKernels*:RowKernels*:GpuSumKernels*:GpuHead.*:*EveryGpuHead.AccumulateAdds*:*ScoreCounting*'
  for tool in memcheck racecheck; do
    step $tool 120 compute-sanitizer --tool $tool --error-exitcode 1 "$build/bin/gpu_tests" --gtest_brief=1 --gtest_filter="$kernels"
  done
fi
for batch in 64 512; do
  for graphs in on off; do
    step "step-batch-$batch-graphs-$graphs" 60 "$build/bin/gpu_step_bench" --batch "$batch" --graphs $graphs
  done
done
step scores 60 "$build/bin/gpu_score_bench"
for network in sphereface-36 sphereface-64; do
  step "step-$network" 60 "$build/bin/gpu_step_bench" --network "$network"
done
for precision in tf32 fp32; do
  step "step-$precision" 60 "$build/bin/gpu_step_bench" --precision "$precision" --batch 256
done
python3 scripts/gpu/report.py "$out" --seconds $((SECONDS - begin)) --left-out "${left_out[@]}"
[[ ${#failed[@]} -eq 0 ]] || { echo "acceptance: failed: ${failed[*]}" >&2; exit 1; }
