# What the jobs have in common. A job sources this first, with its own arguments:
# SITE CONFIG RUN [--set FIELD=VALUE]...
set -euo pipefail

site=$1 config=$2 run=$3
shift 3
source <(sed $'1s/^\xef\xbb\xbf//' "$site")  # without a byte order mark
dataset=$(realpath -m "$dataset")

# One run folder for each seed.
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
  run=$run/seed-$SLURM_ARRAY_TASK_ID
  set -- "$@" --set "data.seed=$SLURM_ARRAY_TASK_ID" --set "network.seed=$SLURM_ARRAY_TASK_ID"
fi
settings=("$@")

if [ ${#modules[@]} -gt 0 ]; then
  # A batch shell isn't a login shell, which is where clusters define `module`. Neither what sites write
  # there nor `module` itself is made for -e and -u.
  set +eu
  [ "$(type -t module)" = function ] || source /etc/profile
  module load "${modules[@]}" || { echo "cannot load the modules ${modules[*]}" >&2; exit 1; }
  set -eu
fi

# For gradients over MPI, the daemons of OpenMPI 4 and of OpenMPI 5, and NCCL, which knows no subnets.
if [ -n "$network_interface" ]; then
  export OMPI_MCA_btl_tcp_if_include=$network_interface
  export OMPI_MCA_oob_tcp_if_include=$network_interface
  export PRTE_MCA_prte_if_include=$network_interface
  [[ $network_interface == */* ]] || export NCCL_SOCKET_IFNAME=$network_interface
fi

# OpenMPI 4's jobs of one user on one node have a folder in common, which one that ends may remove under
# one that begins.
export OMPI_MCA_orte_top_session_dir=${TMPDIR:-/tmp}/sphereface-$SLURM_JOB_ID

device=()
[ "$gpus_per_node" -eq 0 ] || device=(--device cuda)

# The job's nodes as --hosts takes them.
hosts() {
  scontrol show hostnames "$SLURM_JOB_NODELIST" | sed "s/\$/:$workers_per_node/" | paste -sd,
}

# What starts the ranks. Slurm's PMIx and OpenMPI's may differ: then each rank believes that it is alone.
# A rank of OpenMPI 5.0.7 under Slurm 24.11's PMIx was seen to crash in MPI_Init.
chosen_launcher() {
  local probe=(srun --mpi=pmix --nodes=1 --ntasks=2 --overcommit --input=none)
  if [ "${launcher:-auto}" != auto ]; then
    echo "$launcher"
  elif timeout 60 "${probe[@]}" "$programs/sphereface-worker" --probe 2>/dev/null |
    grep -E '"library":"Open MPI v4.*"hosts":\["[^"]*","[^"]*"\]' >/dev/null; then
    echo srun
  else
    echo mpirun
  fi
}

say() { echo "$SLURM_JOB_NAME $SLURM_JOB_ID: $*"; }
