#!/usr/bin/env bash
# clang-format (no difference) and names (scripts/check_names.py) over the whole tree, which takes seconds, and
# clang-tidy (no finding) over sources and the headers that are named or included:
#
#   scripts/lint.sh                    every source
#   scripts/lint.sh FILE...            those
#   scripts/lint.sh --changed [BASE]   what has changed since BASE, the 8 sources changed last at most: for CI
#
# Without BASE that is what this branch has beyond origin/main; and on origin/main itself, as in a clone of it,
# what the last ten commits have changed. Changes not yet committed count too.
# clang-format and clang-tidy are those of Debian 12, 14: others lay out otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

most=8
changed=
base=
if [ "${1:-}" = --changed ]; then
  changed=yes
  [ $# -eq 1 ] || base=$(git rev-parse --verify "$2^{commit}")
  set --
fi

scripts/install_packages.sh clang-format clang-tidy
for tool in clang-format clang-tidy; do
  [[ $("$tool" --version) == *'version 14.'* ]] || { echo "lint.sh: $tool isn't version 14" >&2; exit 1; }
done
# What sources include is configured and, of messages, generated.
[ -e build/compile_commands.json ] || cmake --preset release >/dev/null
cmake --build build --target sphereface_messages >/dev/null

there() { while read -r file; do [ ! -e "$file" ] || echo "$file"; done; }
# What has changed, the newest first.
changes() {
  local range=(-10)
  git diff --name-only HEAD
  git ls-files --others --exclude-standard
  [ -n "$base" ] || base=$(git merge-base HEAD origin/main 2>/dev/null) || true
  if [ -n "$base" ] && [ "$base" != "$(git rev-parse HEAD)" ]; then range=("$base..HEAD"); fi
  git log --first-parent -m --format= --name-only "${range[@]}"
}

mapfile -t all < <(git ls-files --cached --others --exclude-standard '*.cpp' '*.h' '*.cu' '*.cuh' | there)
if [ -n "$changed" ]; then
  mapfile -t files < <(changes | awk '!seen[$0]++' | there)
elif [ $# -eq 0 ]; then
  files=("${all[@]}")
else
  files=("$@")
fi
sources=()
headers=()
for file in "${files[@]}"; do
  case $file in
    tests/kernels/cuda_host/*.h) ;;  # these stand for CUDA's own and have its names
    *.cpp) sources+=("$file") ;;
    # Not those that need cuDNN, cuBLAS or NCCL.
    *.h) grep -qE '^#include <(cudnn|cublas|nccl)' "$file" || headers+=("$file") ;;
  esac
done
left=$((${#sources[@]} - most))
if [ -n "$changed" ] && [ $left -gt 0 ]; then
  echo "lint: clang-tidy looks at the $most sources changed last, and leaves $left to scripts/lint.sh without --changed"
  sources=("${sources[@]:0:$most}")
fi

code=0
clang-format --dry-run --Werror "${all[@]}" || code=1
scripts/check_names.py || code=1

# The compile commands are GCC's, with a flag or two that clang doesn't know; and without the precompiled
# headers, so that each file includes what it uses.
mkdir -p build/lint
sed -E 's/-Winvalid-pch|-include [^ ]*cmake_pch\.hxx//g' build/compile_commands.json >build/lint/compile_commands.json
# tidy COMMAND...: what it finds, without the count of what is in others' headers.
tidy() { "$@" 2>&1 | { grep -vE '^[0-9]+ warnings? .*generated' || true; }; }
# Headers together, in a source that finds all that any source finds, and for CUDA what stands for it in tests;
# beside the sources, as they take as long as several of these.
beside=
if [ ${#headers[@]} -gt 0 ]; then
  printf '#include "%s"\n' "${headers[@]}" >build/lint/headers.cpp
  mapfile -t places < <(grep -oE -- '-(I ?|isystem )[^ "\]+' build/lint/compile_commands.json |
    grep -v /cuda/include | sed 's/ //' | sort -u)
  tidy clang-tidy --quiet build/lint/headers.cpp -- -std=c++20 "${places[@]}" &
  beside=$!
fi
if [ ${#sources[@]} -gt 0 ]; then
  tidy xargs -a <(printf '%s\n' "${sources[@]}") -P "$(nproc)" -n 1 clang-tidy -p build/lint --quiet \
    --extra-arg=-Wno-unknown-warning-option || code=1
fi
[ -z "$beside" ] || wait "$beside" || code=1
exit $code
