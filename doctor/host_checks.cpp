// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/host_checks.h"

#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/error.h"
#include "doctor/disk_checks.h"

namespace sphereface::doctor {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kSharedMemoryPerRank = 64 * kMiB;
constexpr uint64_t kSessionBytes = 16 * kMiB;
constexpr uint64_t kLockedForInfiniband = 64 * kMiB;

std::optional<uint64_t> softLimit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return std::nullopt;
  if (limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

std::string limitText(const std::optional<uint64_t>& limit) {
  return limit ? bytesText(*limit) : "unlimited";
}

}  // namespace

std::optional<Space> spaceOf(const fs::path& folder) {
  std::error_code failed;
  const fs::space_info space = fs::space(folder, failed);
  if (failed) return std::nullopt;
  return Space{space.capacity, space.available};
}

Finding sharedMemoryFinding(const std::optional<Space>& space, int ranks) {
  const std::string name = "shared memory";
  const std::string fix =
      "docker run --shm-size=2g or --ipc=host, or mount -o remount,size=2g /dev/shm";
  if (!space) {
    return warning(name, "there is no /dev/shm: OpenMPI's ranks will exchange gradients by files",
                   fix);
  }
  const uint64_t wanted = kSharedMemoryPerRank * static_cast<uint64_t>(ranks);
  const std::string found =
      concat("/dev/shm has ", bytesText(space->size), ", ", bytesText(space->free), " free");
  if (space->free >= wanted) return good(name, found);
  return warning(name,
                 concat(found, "; OpenMPI's ", ranks, " ranks may want ", bytesText(wanted),
                        " of it, and die of SIGBUS when it is full"),
                 fix);
}

ProcessLimits processLimits() {
  ProcessLimits limits;
  limits.open_files = softLimit(RLIMIT_NOFILE);
  limits.locked_memory = softLimit(RLIMIT_MEMLOCK);
  limits.file_size = softLimit(RLIMIT_FSIZE);
  limits.address_space = softLimit(RLIMIT_AS);
  std::error_code ignored;
  limits.has_infiniband = fs::is_directory("/sys/class/infiniband", ignored) &&
                          !fs::is_empty("/sys/class/infiniband", ignored);
  return limits;
}

Finding limitsFinding(const ProcessLimits& limits, const LimitNeed& need) {
  const std::string name = "limits";
  const std::string found =
      concat("open files ", limits.open_files ? std::to_string(*limits.open_files) : "unlimited",
             ", file size ", limitText(limits.file_size), ", address space ",
             limitText(limits.address_space), ", locked memory ", limitText(limits.locked_memory));
  if (limits.file_size && *limits.file_size < need.largest_file) {
    return failure(name,
                   concat(found, ": a checkpoint has a file of ", bytesText(need.largest_file)),
                   "ulimit -f unlimited");
  }
  if (limits.address_space && *limits.address_space < need.address_space) {
    return failure(
        name,
        concat(found, ": a worker maps ", bytesText(need.address_space), ", the data set included"),
        "ulimit -v unlimited");
  }
  // mpirun holds a handful for each rank; a rank one for each other, and its own.
  const uint64_t files = 128 + 8 * static_cast<uint64_t>(need.ranks);
  if (limits.open_files && *limits.open_files < files) {
    return warning(name, concat(found, ": ", need.ranks, " ranks may need ", files, " open files"),
                   "ulimit -n 4096");
  }
  if (limits.has_infiniband && limits.locked_memory &&
      *limits.locked_memory < kLockedForInfiniband) {
    return warning(name, concat(found, ": InfiniBand's transport locks more memory than that"),
                   "ulimit -l unlimited (memlock in /etc/security/limits.conf, LimitMEMLOCK of a "
                   "service, docker run --ulimit memlock=-1)");
  }
  return good(name, found);
}

SessionFolder sessionFolder() {
  SessionFolder folder;
  folder.base = "/tmp";
  // In the order in which OpenMPI looks.
  for (const char* name : {"OMPI_MCA_orte_tmpdir_base", "TMPDIR", "TEMP", "TMP"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    folder.base = value;
    break;
  }
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) folder.host = host.data();
  folder.user = ::geteuid();
  std::error_code ignored;
  folder.writable =
      fs::is_directory(folder.base, ignored) && ::access(folder.base.c_str(), W_OK | X_OK) == 0;
  folder.space = spaceOf(folder.base);
  folder.network_system = networkFileSystem(folder.base);
  return folder;
}

Finding sessionFinding(const SessionFolder& folder) {
  const std::string name = "session folder";
  const std::string fix = "export TMPDIR=/tmp (a short path on a local disk)";
  const std::string base = folder.base.string();
  if (!folder.writable) {
    return failure(name, concat(base, " is no folder that mpirun could write to"), fix);
  }
  if (folder.space && folder.space->free < kSessionBytes) {
    return failure(name, concat(base, " has ", bytesText(folder.space->free), " free"), fix);
  }
  // OpenMPI's and PMIx's sockets lie in ompi.HOST.UID/pid.PID/: a socket's path has its limit.
  const std::string longest =
      concat(base, "/ompi.", folder.host, ".", folder.user, "/pid.4194304/pmix-server.4194304");
  const std::string found = concat(base, " (mpirun's temporary files)");
  if (longest.size() >= sizeof(sockaddr_un::sun_path)) {
    return warning(name,
                   concat(found, ": with ", base.size(), " letters, paths of sockets in it reach ",
                          longest.size(), "; ", sizeof(sockaddr_un::sun_path) - 1, " are allowed"),
                   fix);
  }
  if (!folder.network_system.empty()) {
    return warning(name, concat(found, ": it lies on ", folder.network_system), fix);
  }
  return good(name, found);
}

}  // namespace sphereface::doctor
