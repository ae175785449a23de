#!/usr/bin/env bash
# Installs what building and running need, and the packages named besides, from the distribution; those
# named after --optional where it has them, saying which it hasn't. Does nothing when all of it is
# there. Runs as root or through sudo.
set -euo pipefail

packages=(
  build-essential cmake ninja-build pkg-config
  openmpi-bin libopenmpi-dev
  libdnnl-dev ocl-icd-opencl-dev
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libopencv-dnn-dev
  libopencv-videoio-dev
  libturbojpeg0-dev liblmdb-dev lmdb-utils libarchive-dev
  libprotobuf-dev protobuf-compiler
  prometheus-cpp-dev libjs-chart.js
  nlohmann-json3-dev libcli11-dev libssl-dev libgtest-dev
  curl iproute2
)
optional=()
while [ $# -gt 0 ] && [ "$1" != --optional ]; do
  packages+=("$1")
  shift
done
[ $# -eq 0 ] || optional=("${@:2}")

# Not by a pipe into `grep -q`: grep ends as soon as it has seen enough, the program that still writes to it is
# ended by SIGPIPE, and under pipefail that is a no.
installed() { [[ $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) == *'install ok installed' ]]; }
available() { [[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [^\(] ]]; }
missing=()
for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
wanted=()
for package in "${optional[@]}"; do installed "$package" || wanted+=("$package"); done
[ ${#missing[@]} -gt 0 ] || [ ${#wanted[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "need root or sudo to install: ${missing[*]} ${wanted[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq || [ ${#missing[@]} -eq 0 ]
unknown=()
for package in "${wanted[@]}"; do
  if available "$package"; then missing+=("$package"); else unknown+=("$package"); fi
done
[ ${#unknown[@]} -eq 0 ] || echo "not in this distribution, left out: ${unknown[*]}"
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" \
  >/dev/null
