#!/usr/bin/env bash
# clang-format (no difference) and clang-tidy (no finding) over the whole tree, or over the files
# named. Needs clang-format and clang-tidy 14, and a configured build folder.
set -euo pipefail
cd "$(dirname "$0")/.."

files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(git ls-files '*.cpp' '*.h' '*.cu' '*.cuh')
clang-format --dry-run --Werror "${files[@]}"
# The compile commands are GCC's, with a flag or two that clang doesn't know; and without the precompiled
# headers, so that each file includes what it uses.
commands=$(mktemp -d)
trap 'rm -r "$commands"' EXIT
sed -E 's/-Winvalid-pch|-include [^ ]*cmake_pch\.hxx//g' build/compile_commands.json \
  >"$commands/compile_commands.json"
printf '%s\n' "${files[@]}" | grep '\.cpp$' |
  xargs -P "$(nproc)" -n 1 clang-tidy -p "$commands" --quiet --extra-arg=-Wno-unknown-warning-option
