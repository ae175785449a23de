# The one file to edit: copy it, fill it in, and give the copy to submit.sh with --site. Every job reads
# it as a piece of bash when it starts. Paths are the same on all nodes.

# What Slurm is asked for. An empty setting is not handed on: Slurm's default holds.
partition=
account=
time_limit=24:00:00
nodes=2
workers_per_node=8     # training ranks; the coordinator sits beside those of the first node
cpus_per_worker=4
gpus_per_node=0        # 0: training on CPUs; otherwise one for each worker
memory_per_node=       # such as 120G

# Training is asked for a checkpoint so many seconds before the time limit, and the job goes back into
# the queue, so many times at most.
checkpoint_ahead=600
requeues=20
# A job that fails is started again inside the allocation, from its newest checkpoint.
restarts=3

# The nodes' software. programs: the build's bin folder.
modules=()             # such as (openmpi/4.1.6 cuda/12.4)
programs=$HOME/sphereface/build/bin
launcher=auto          # of ranks: srun or mpirun; auto: srun where Slurm's PMIx works with OpenMPI
network_interface=     # that MPI and NCCL use, such as ib0; empty: they choose

# Training data: faces is the folder of aligned photographs that the pack job turns into dataset; with
# faces empty, dataset is there already. scratch is a disk of each node's own, such as /local/scratch,
# to which dataset is copied; empty: it is read where it is.
faces=$HOME/faces/casia-aligned
dataset=$HOME/faces/casia-112x96.lmdb
pack_options=()        # more for `sphereface pack`
scratch=

# Benchmarks. Without its list one is left out.
lfw_pairs=$HOME/faces/pairs.txt
lfw_images=$HOME/faces/lfw-aligned
megaface_probes=       # facescrub_features_list.json
megaface_probe_images=
megaface_probe_noise=
megaface_distractors=()  # megaface_features_list.json_1000000_1 ...
megaface_distractor_images=
megaface_distractor_noise=
