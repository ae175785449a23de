#!/usr/bin/env bash
# stage.sh DATASET COPY SPHEREFACE: copies a packed data set to this node's disk, once, and checks the
# copy against the data set's checksum. Where it doesn't fit or the copy is damaged, COPY becomes a link
# to DATASET, so that the path is good on every node. Several at a time wait for the first.
set -euo pipefail
dataset=$1 copy=$2 sphereface=$3
host=${SLURMD_NODENAME:-$(hostname -s)}

read_from_shared() {
  echo "stage $host: $1; reading $dataset where it is" >&2
  rm -rf "$copy.part"
  ln -sfn "$dataset" "$copy"
  exit 0
}

mkdir -p "$(dirname "$copy")"
exec {lock}> "$copy.lock"
locked=true
flock "$lock" || locked=false
if [ -d "$copy" ] && [ ! -L "$copy" ]; then
  echo "stage $host: $copy is there already"
  exit 0
fi
$locked || read_from_shared "files in $(dirname "$copy") can't be locked"
rm -rf "$copy.part"
needed=$(du -sk --apparent-size "$dataset" | cut -f1)
free=$(df -k --output=avail "$(dirname "$copy")" | tail -1)
[ "$needed" -lt "$free" ] ||
  read_from_shared "$((needed / 1024)) MB don't fit into $((free / 1024)) MB of $(dirname "$copy")"
cp -r "$dataset" "$copy.part" || read_from_shared "copying failed"
"$sphereface" inspect "$copy.part" --verify >/dev/null || read_from_shared "the copy is damaged"
rm -f "$copy"
mv "$copy.part" "$copy"
echo "stage $host: $((needed / 1024)) MB copied to $copy"
