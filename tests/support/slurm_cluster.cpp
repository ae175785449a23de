// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/support/slurm_cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stdexcept>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/random.h"
#include "base/this_process.h"
#include "tests/support/wait_until.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

constexpr double kSeconds = 20;  // for anything that takes Slurm one or two

/// Ports that were free when they were asked for.
std::vector<int> freePorts(int count) {
  std::vector<int> sockets;
  std::vector<int> ports;
  for (int i = 0; i < count; ++i) {
    sockets.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(sockets.back(), generic, length) != 0 ||
        ::getsockname(sockets.back(), generic, &length) != 0) {
      throw std::runtime_error("no free port on the loopback interface");
    }
    ports.push_back(ntohs(address.sin_port));
  }
  for (const int socket : sockets)
    ::close(socket);
  return ports;
}

std::string randomKey() {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  Random random(static_cast<uint64_t>(now), static_cast<uint64_t>(::getpid()));
  std::string key(1024, '\0');
  for (char& byte : key)
    byte = static_cast<char>(random.below(256));
  return key;
}

/// Of "slurm-wlm 22.05.8" the 22.
int slurmVersion() {
  const std::string text = runCommand({"slurmd", "-V"}, kSeconds).output;
  const size_t digit = text.find_first_of("0123456789");
  return digit == std::string::npos ? 0 : std::stoi(text.substr(digit));
}

}  // namespace

std::string SlurmCluster::missing() {
  if (::geteuid() != 0) return "starting munged, slurmctld and slurmd needs root";
  for (const char* program : {"munged", "slurmctld", "slurmd", "sbatch"}) {
    if (runCommand({program, "--version"}, kSeconds).code == 127) {
      return concat("there is no program `", program,
                    "` (packages slurmctld, slurmd, slurm-client, munge)");
    }
  }
  return "";
}

SlurmCluster::SlurmCluster(int nodes, int cpus) {
  const fs::path key = folder_ / "munge.key";
  writeFileAtomically(key, randomKey());
  fs::permissions(key, fs::perms::owner_read);
  writeConfiguration(nodes, cpus);
  ::setenv("SLURM_CONF", (folder_ / "slurm.conf").c_str(), 1);
  start({"munged", "--foreground", "--force", "--socket=" + (folder_ / "munge.sock").string(),
         "--key-file=" + key.string(), "--log-file=" + (folder_ / "munged.log").string(),
         "--pid-file=" + (folder_ / "munged.pid").string(),
         "--seed-file=" + (folder_ / "munge.seed").string()});
  if (!waitUntil([&] { return fs::exists(folder_ / "munge.sock"); })) {
    throw std::runtime_error("munged: " + daemons_.back()->output());
  }
  // In the foreground, so that each is this process's child and is ended by its id.
  start({"slurmctld", "-D", "-c"});
  for (int node = 1; node <= nodes; ++node)
    start({"slurmd", "-D", "-N", concat("node", node)});
  waitForNodes(nodes);
}

SlurmCluster::~SlurmCluster() {
  runCommand({"scancel", "--user=root"}, kSeconds);
  waitUntil([] { return runCommand({"squeue", "--noheader"}, kSeconds).output.empty(); });
  // The nodes first, munged last.
  for (auto daemon = daemons_.rbegin(); daemon != daemons_.rend(); ++daemon) {
    (*daemon)->signal(SIGTERM);
    (*daemon)->wait(kSeconds);
  }
  ::unsetenv("SLURM_CONF");
}

bool SlurmCluster::srunIsChosen() {
  return runCommand({"mpirun", "--version"}).output.find("(Open MPI) 4.") != std::string::npos;
}

std::string SlurmCluster::jobField(const std::string& job, const std::string& field) {
  const std::string text = " " + runCommand({"scontrol", "show", "job", job}, kSeconds).output;
  const std::string key = field + "=";
  for (size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
    if (at > 0 && std::isspace(static_cast<unsigned char>(text[at - 1])) == 0) continue;
    const size_t begin = at + key.size();
    return text.substr(begin, text.find_first_of(" \n", begin) - begin);
  }
  return "";
}

void SlurmCluster::writeConfiguration(int nodes, int cpus) const {
  const std::vector<int> ports = freePorts(nodes + 1);
  const std::string host = hostName().substr(0, hostName().find('.'));
  const std::string here = folder_.path().string();
  // No control groups, no accounting. Each slurmd has a TmpFS of its own: steps keep their
  // sockets there.
  std::string text =
      concat("ClusterName=test\nSlurmctldHost=", host, "(127.0.0.1)\nSlurmctldPort=", ports[0],
             "\nSlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\n"
             "CredType=cred/munge\nAuthInfo=socket=",
             here, "/munge.sock\nStateSaveLocation=", here, "/state\nSlurmdSpoolDir=", here,
             "/spool.%n\nSlurmctldPidFile=", here, "/slurmctld.pid\nSlurmdPidFile=", here,
             "/slurmd.%n.pid\nTmpFS=", here, "/tmp.%n\nTaskProlog=", here, R"(/task_prolog
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
MailProg=/bin/true
KillWait=5
MinJobAge=300
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
)");
  for (int node = 1; node <= nodes; ++node) {
    text += concat("NodeName=node", node, " NodeHostname=", host,
                   " NodeAddr=127.0.0.1 Port=", ports[static_cast<size_t>(node)], " CPUs=", cpus,
                   " State=UNKNOWN\n");
    fs::create_directory(folder_ / concat("spool.node", node));
    fs::create_directory(folder_ / concat("tmp.node", node));
  }
  text += concat("PartitionName=all Nodes=node[1-", nodes, "] Default=YES MaxTime=INFINITE\n");
  // Slurm 24 wants control groups for itself unless it is told otherwise, which Slurm 22 doesn't
  // know.
  if (slurmVersion() >= 24) writeFileAtomically(folder_ / "cgroup.conf", "CgroupPlugin=disabled\n");
  // For OpenMPI 4, whose daemons on one machine would make the same folder at the same moment.
  const fs::path prolog = folder_ / "task_prolog";
  writeFileAtomically(prolog, concat("#!/bin/sh\necho export OMPI_MCA_orte_top_session_dir=", here,
                                     "/session.$SLURM_JOB_ID.$SLURMD_NODENAME\n"));
  fs::permissions(prolog, fs::perms::owner_exec, fs::perm_options::add);
  fs::create_directory(folder_ / "state");
  writeFileAtomically(folder_ / "slurm.conf", text);
}

void SlurmCluster::start(const std::vector<std::string>& daemon) {
  daemons_.push_back(std::make_unique<Process>(daemon));
}

void SlurmCluster::waitForNodes(int nodes) const {
  const bool ready = waitUntil([&] {
    const Finished idle = runCommand({"sinfo", "-h", "-N", "-t", "idle", "-o", "%N"}, kSeconds);
    return idle.code == 0 && std::ranges::count(idle.output, '\n') == nodes;
  });
  if (ready) return;
  std::string said;
  for (const std::unique_ptr<Process>& daemon : daemons_)
    said += daemon->output();
  throw std::runtime_error("Slurm's nodes don't come up: " + said);
}

}  // namespace sphereface::testing
