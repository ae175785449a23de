#!/usr/bin/env bash
# Submits pack, train and evaluate to Slurm, each to run when the one before has succeeded, and prints
# their job ids. The same command again goes on where a run was left.
#
#   scripts/slurm/submit.sh --site SITE --config CONFIG --run RUN [--seeds 1-5] [--set FIELD=VALUE]...
#
# SITE is an edited copy of scripts/slurm/site.sh. With --seeds (a list as sbatch --array takes it)
# there is a run folder RUN/seed-N for each. The jobs' output is in RUN/slurm. docs/slurm.md says more.
set -euo pipefail

usage() { sed -n '/^#   scripts/s/^# *//p' "$0"; }
wrong() { echo "submit.sh: $*" >&2; exit 2; }

site='' config='' run='' seeds='' settings=()
while [ $# -gt 0 ]; do
  if [ "$1" = --help ]; then
    usage
    exit 0
  fi
  [ $# -gt 1 ] || wrong "$1 needs a value; $(usage)"
  case $1 in
    --site) site=$2 ;;
    --config) config=$2 ;;
    --run) run=$2 ;;
    --seeds) seeds=$2 ;;
    --set) settings+=(--set "$2") ;;
    *) wrong "$1 is no option; $(usage)" ;;
  esac
  shift 2
done
[ -n "$site" ] && [ -n "$config" ] && [ -n "$run" ] || wrong "$(usage)"
[ -r "$site" ] || wrong "--site $site can't be read"
[ -r "$config" ] || wrong "--config $config can't be read"
command -v sbatch >/dev/null || wrong "there is no sbatch here: is this a login node of a Slurm cluster?"

site=$(realpath "$site") config=$(realpath "$config") run=$(realpath -m "$run")
source <(sed $'1s/^\xef\xbb\xbf//' "$site")  # without a byte order mark
[ -x "$programs/sphereface" ] || wrong "$site: programs=$programs has no sphereface"
[ "$gpus_per_node" -eq 0 ] || [ "$workers_per_node" -le "$gpus_per_node" ] ||
  wrong "$site: workers_per_node=$workers_per_node is more than gpus_per_node=$gpus_per_node"
if [ -n "$faces" ]; then
  [ -d "$faces" ] || wrong "$site: faces=$faces is no folder"
else
  [ -d "$dataset" ] || wrong "$site: dataset=$dataset isn't there, and faces, to pack it from, is empty"
fi

SPHEREFACE_SLURM=$(dirname "$(realpath "$0")")
export SPHEREFACE_SLURM
mkdir -p "$run/slurm"

# submit JOB OPTION...: prints the job's id.
submit() {
  local job=$1
  shift
  local common=(--parsable --time="$time_limit" --output="$run/slurm/%x-%j.out" --export=ALL)
  [ -z "$partition" ] || common+=(--partition="$partition")
  [ -z "$account" ] || common+=(--account="$account")
  [ -z "$memory_per_node" ] || common+=(--mem="$memory_per_node")
  sbatch "${common[@]}" "$@" "$SPHEREFACE_SLURM/$job.sbatch" "$site" "$config" "$run" "${settings[@]}" |
    cut -d';' -f1
}

one_node=(--nodes=1 --ntasks=1 --cpus-per-task="$((workers_per_node * cpus_per_worker))")
all_nodes=(--nodes="$nodes" --ntasks-per-node="$workers_per_node" --cpus-per-task="$cpus_per_worker")
gpus=() array=()
[ "$gpus_per_node" -eq 0 ] || gpus=(--gres=gpu:"$gpus_per_node")
[ -z "$seeds" ] || array=(--array="$seeds")

after=()
if [ -n "$faces" ]; then
  pack=$(submit pack "${one_node[@]}")
  echo "pack $pack"
  after=(--dependency=afterok:"$pack" --kill-on-invalid-dep=yes)
fi
train=$(submit train "${all_nodes[@]}" "${gpus[@]}" "${array[@]}" "${after[@]}" \
  --signal=B:USR1@"$checkpoint_ahead")
echo "train $train"
if [ -n "$lfw_pairs$megaface_probes" ]; then
  where=("${one_node[@]}")
  [ -z "$megaface_probes" ] || where=("${all_nodes[@]}")
  kind=afterok
  [ -z "$seeds" ] || kind=aftercorr  # each seed's evaluation waits for that seed alone
  evaluate=$(submit evaluate "${where[@]}" "${gpus[@]}" "${array[@]}" \
    --dependency="$kind:$train" --kill-on-invalid-dep=yes)
  echo "evaluate $evaluate"
else
  echo "no evaluation: $site has neither lfw_pairs nor megaface_probes"
fi
