#!/usr/bin/env bash
# From a fresh machine to a verification score, in minutes, with no face data: installs, builds,
# paints synthetic faces, packs them, trains SphereFace-4 on two workers, and scores it on identities
# it has never seen. Everything lands in runs/quickstart.
set -euo pipefail
cd "$(dirname "$0")/.."

run=runs/quickstart
scripts/install_packages.sh
cmake --preset release >/dev/null
cmake --build build --target sphereface
sphereface=build/bin/sphereface

rm -rf "$run"
mkdir -p "$run"
echo "== synthetic faces: 500 identities to train on, 200 others to be tested on"
$sphereface synth --out "$run/train" --identities 500 --images-per-identity 16 --seed 1
$sphereface synth --out "$run/test" --identities 200 --images-per-identity 10 --seed 1 \
  --first-identity 500 --pairs "$run/pairs.txt"
echo "== pack"
$sphereface pack --input "$run/train" --output "$run/train.lmdb"
echo "== train"
$sphereface train --config configs/quickstart.textproto --workers 2 --run "$run"
echo "== evaluate: before and after training"
newest=$(ls -d "$run"/checkpoints/step-* | tail -1)
$sphereface evaluate lfw --pairs "$run/pairs.txt" --images "$run/test" \
  --checkpoint "$run/checkpoints/step-00000000" --json "$run/lfw-untrained.json" >/dev/null
$sphereface evaluate lfw --pairs "$run/pairs.txt" --images "$run/test" --raw-pixels \
  --json "$run/lfw-pixels.json" >/dev/null
$sphereface evaluate lfw --pairs "$run/pairs.txt" --images "$run/test" \
  --checkpoint "$newest" --json "$run/lfw.json" --plots "$run/plots"

percent() { sed -n 's/^ *"accuracy_mean": \([0-9.]*\).*/\1/p' "$1" | awk '{printf "%.2f %%", 100 * $1}'; }
echo
echo "identities never trained on, ten-fold accuracy:"
echo "  raw pixels         $(percent "$run/lfw-pixels.json")"
echo "  untrained network  $(percent "$run/lfw-untrained.json")"
echo "  trained network    $(percent "$run/lfw.json")"
echo "scores: $run/lfw.json"
echo "pictures: $run/plots"
