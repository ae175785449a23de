#!/usr/bin/env bash
# The paper's main result, SphereFace-20 trained on CASIA-WebFace and tested on LFW, in one command:
# aligns and packs the photographs, trains with the published solver, five seeds, scores each, and writes
# OUT/tables.md with the published figures beside. What is done is skipped: the same command again goes
# on where it was stopped.
#
#   scripts/reproduce.sh --casia FOLDER --lfw FOLDER --pairs pairs.txt --models MTCNN --out OUT \
#     [--seeds 5] [--config CONFIG] [--site SITE] [--programs build/bin] [-- OPTION...]
#
# CASIA and LFW as they come, a folder for each person; with `--models none` they are aligned already.
# With --site (docs/slurm.md) the training runs as Slurm jobs, otherwise here. What stands behind `--` goes
# to `sphereface train` (--workers 8 --device cuda), or to scripts/slurm/submit.sh (--set ...).
set -euo pipefail

usage() { sed -n '/^#   scripts/,/^# *\[/s/^# *//p' "$0"; }
wrong() { echo "reproduce.sh: $*" >&2; exit 2; }
say() { echo "== $*"; }

root=$(realpath "$(dirname "$0")/..")
programs=$root/build/bin
# Installed, there is no build.
[ -d "$programs" ] || programs=$(dirname "$(command -v sphereface || echo "$programs/")")
casia='' lfw='' pairs='' models='' out='' site='' seeds=5
config=$root/configs/sphereface20_casia.textproto
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  if [ "$1" = --help ]; then
    usage
    exit 0
  fi
  [ $# -gt 1 ] || wrong "$1 needs a value; $(usage)"
  case $1 in
    --casia) casia=$2 ;;
    --lfw) lfw=$2 ;;
    --pairs) pairs=$2 ;;
    --models) models=$2 ;;
    --out) out=$2 ;;
    --site) site=$2 ;;
    --seeds) seeds=$2 ;;
    --config) config=$2 ;;
    --programs) programs=$(realpath "$2") ;;
    *) wrong "$1 is no option; $(usage)" ;;
  esac
  shift 2
done
[ $# -eq 0 ] || shift
[ -n "$casia" ] && [ -n "$lfw" ] && [ -n "$pairs" ] && [ -n "$models" ] && [ -n "$out" ] ||
  wrong "$(usage)"
for folder in "$casia" "$lfw"; do
  [ -d "$folder" ] || wrong "$folder is no folder"
done
[ -r "$pairs" ] || wrong "--pairs $pairs can't be read"
[[ $seeds =~ ^[1-9][0-9]*$ ]] || wrong "--seeds $seeds: how many?"
sphereface=$programs/sphereface
[ -x "$sphereface" ] || wrong "$sphereface isn't there: build first (README.md)"
mkdir -p "$out"
out=$(realpath "$out") pairs=$(realpath "$pairs")

# align NAME FOLDER: faces of the photographs, in OUT/NAME-aligned.
align() {
  if [ "$models" = none ]; then
    ln -sfn "$(realpath "$2")" "$out/$1-aligned"
  elif [ -e "$out/$1-aligned.json" ]; then
    say "$1 is aligned already"
  else
    say "aligning $1"
    "$sphereface" align --input "$2" --output "$out/$1-aligned" --models "$models" \
      --json "$out/$1-aligned.json"
  fi
}

# Three people of CASIA-WebFace are in LFW too; without them 10,572 are left.
pack() {
  if [ -e "$out/train.lmdb" ]; then
    say "CASIA is packed already"
    return
  fi
  say "packing CASIA without the three people that LFW has too"
  "$sphereface" pack --input "$out/casia-aligned" --output "$out/train.lmdb" --exclude-lfw-overlap \
    --alignment sphereface-112x96
}

scores() { ls "$out/runs/seed-$1/evaluations/"step-*-lfw-sphereface.json 2>/dev/null | tail -1; }

train_here() {
  local seed run
  for seed in $(seq "$seeds"); do
    run=$out/runs/seed-$seed
    if [ -n "$(scores "$seed")" ]; then
      say "seed $seed is trained and scored already"
      continue
    fi
    say "training, seed $seed"
    "$sphereface" train --config "$config" --run "$run" --resume auto --set "data.lmdb=$out/train.lmdb" \
      --set "data.seed=$seed" --set "network.seed=$seed" "$@"
    say "scoring, seed $seed"
    "$sphereface" evaluate lfw --run "$run" --pairs "$pairs" --images "$out/lfw-aligned"
  done
}

# The site's settings with this data set and benchmark, and the seeds that have no score yet.
train_by_slurm() {
  local missing=() seed jobs
  for seed in $(seq "$seeds"); do
    [ -n "$(scores "$seed")" ] || missing+=("$seed")
  done
  [ ${#missing[@]} -gt 0 ] || { say "all seeds are trained and scored already"; return; }
  if [ -e "$out/jobs" ] && jobs=$(paste -sd, "$out/jobs") && [ -n "$(squeue -h -j "$jobs" 2>/dev/null)" ]; then
    say "jobs $jobs are still there"
  else
    {
      cat "$site"
      printf '%s=%q\n' programs "$programs" dataset "$out/train.lmdb" lfw_pairs "$pairs" \
        lfw_images "$out/lfw-aligned"
      echo "faces= megaface_probes="
    } > "$out/site.sh"
    say "submitting seeds ${missing[*]}"
    "$root/scripts/slurm/submit.sh" --site "$out/site.sh" --config "$config" --run "$out/runs" \
      --seeds "$(IFS=,; echo "${missing[*]}")" "$@" | tee "$out/submitted"
    awk '{print $2}' "$out/submitted" > "$out/jobs"
    jobs=$(paste -sd, "$out/jobs")
  fi
  say "waiting for jobs $jobs"
  while [ -n "$(squeue -h -j "$jobs" 2>/dev/null)" ]; do sleep 10; done
  for seed in "${missing[@]}"; do
    [ -n "$(scores "$seed")" ] ||
      { echo "reproduce.sh: seed $seed has no score; see $out/runs/slurm" >&2; exit 1; }
  done
}

# percents FIELD FILE: a number or a list of them.
percents() {
  tr -d '\n' < "$2" | sed -n "s/.*\"$1\": *\[\{0,1\}\([-0-9., e]*\).*/\1/p" | tr ',' '\n' |
    awk 'NF {printf "%.6f\n", 100 * $1}'
}

# table HEADING PUBLISHED HERE: of two files, a percentage a line.
table() {
  echo "| $1 | published | here |"
  echo "|---|---|---|"
  paste -d'|' "$2" "$3" | awk -F'|' '
    function cell(x) { return x == "" ? "" : sprintf("%.2f %%", x) }
    function add(k, x) { if (x != "") { sum[k] += x; n[k]++ } }
    { add(1, $1); add(2, $2); print "| " NR " | " cell($1) " | " cell($2) " |" }
    END { print "| mean | " cell(sum[1] / n[1]) " | " cell(sum[2] / n[2]) " |" }'
}

tables() {
  {
    echo "# SphereFace-20 on CASIA-WebFace, tested on LFW"
    echo
    echo "Accuracy, protocol \`sphereface\`. Published: the authors' repository, its released model and its five"
    echo "runs."
    echo
    echo "Fold by fold: the released model, and seed 1."
    echo
    table fold <(printf '%s\n' 99.33 99.17 98.83 99.50 99.17 99.83 99.17 98.83 99.83 99.33) \
      <(percents fold_accuracy "$(scores 1)")
    echo
    echo "Run by run: five of theirs, and one of each seed."
    echo
    table run <(printf '%s\n' 99.24 99.20 99.30 99.27 99.13) \
      <(for seed in $(seq "$seeds"); do percents accuracy_mean "$(scores "$seed")"; done)
  } > "$out/tables.md.part"
  mv "$out/tables.md.part" "$out/tables.md"
  cat "$out/tables.md"
}

align casia "$casia"
align lfw "$lfw"
say "looking whether LFW's pairs are complete"
"$sphereface" evaluate lfw --pairs "$pairs" --images "$out/lfw-aligned" --raw-pixels --check \
  --json "$out/lfw.json"
pack
if [ -n "$site" ]; then train_by_slurm "$@"; else train_here "$@"; fi
tables
