// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/disk_checks.h"

#include <sys/vfs.h>
#include <unistd.h>

#include <optional>

#include "base/error.h"
#include "base/file_lock.h"
#include "doctor/host_checks.h"
#include "model/checkpoint.h"

namespace sphereface::doctor {
namespace {

namespace fs = std::filesystem;

struct NamedSystem {
  unsigned long magic;
  const char* name;
};

// Numbers of <linux/magic.h> and of the file systems' own headers.
constexpr NamedSystem kNetworkSystems[] = {
    {0x6969, "NFS"},        {0x517B, "SMB"},       {0xFF534D42, "CIFS"},     {0xFE534D42, "SMB"},
    {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},  {0x00C36400, "Ceph"},     {0x19830326, "BeeGFS"},
    {0x5346414F, "AFS"},    {0x01021997, "9p"},    {0x7461636F, "OCFS2"},    {0x01161970, "GFS2"},
    {0x65735546, "FUSE"},   {0xAAD7AAEA, "PanFS"}, {0x20030528, "OrangeFS"},
};

}  // namespace

std::string networkFileSystemName(long magic) {
  // f_type is signed on some machines: the lower 32 bits count.
  const auto number = static_cast<unsigned long>(magic) & 0xFFFFFFFFUL;
  for (const NamedSystem& system : kNetworkSystems) {
    if (system.magic == number) return system.name;
  }
  return "";
}

std::string networkFileSystem(const fs::path& path) {
  struct statfs information {};
  if (::statfs(path.c_str(), &information) != 0) return "";
  return networkFileSystemName(information.f_type);
}

Finding fileSystemFinding(const fs::path& lmdb, const std::string& network_system) {
  if (network_system.empty())
    return good("file system", concat(lmdb.string(), " is local; it is read without locks"));
  return warning(
      "file system",
      concat(lmdb.string(), " lies on ", network_system, ", where LMDB is slow and can hang"),
      concat("cp -r ", lmdb.string(), " /local/disk/ on every host, data.lmdb: \"",
             (fs::path("/local/disk") / lmdb.filename()).string(), "\""));
}

RunFolder runFolder(const fs::path& path) {
  RunFolder folder;
  folder.path = path;
  std::error_code failed;
  folder.parent = fs::absolute(path);
  while (!fs::exists(folder.parent, failed) && folder.parent.has_relative_path()) {
    folder.parent = folder.parent.parent_path();
  }
  folder.writable =
      fs::is_directory(folder.parent, failed) && ::access(folder.parent.c_str(), W_OK | X_OK) == 0;
  if (folder.writable) folder.system_locks = hasSystemLocks(folder.parent);
  folder.free = spaceOf(folder.parent).value_or(Space()).free;
  folder.checkpoints = listCheckpoints(path).size();
  return folder;
}

uint64_t checkpointSpace(const Forecast& forecast) {
  return forecast.checkpoint_bytes * (forecast.checkpoints + 1);
}

Finding runFolderFinding(const RunFolder& folder, uint64_t needed) {
  const std::string name = "run folder";
  const std::string path = folder.path.string();
  if (!folder.writable) {
    return failure(name, concat(path, ": ", folder.parent.string(), " can't be written to"),
                   "sphereface train --run a folder of yours");
  }
  const std::string found =
      concat(path, ": ", bytesText(folder.free), " free, checkpoints will take ", bytesText(needed),
             " with the one being written; ",
             folder.system_locks ? "its file system has locks"
                                 : "its file system has no locks: a file .lock.held, renewed every "
                                   "few seconds, keeps other jobs out");
  if (needed > folder.free) {
    return failure(name, found,
                   "a lower checkpoint.keep, or sphereface train --run on a larger disk");
  }
  if (folder.checkpoints > 0) {
    return warning(name,
                   concat(found, "; it already holds ", folder.checkpoints,
                          folder.checkpoints == 1 ? " checkpoint" : " checkpoints",
                          ", so training won't start anew there"),
                   "sphereface train --resume auto to go on, --run for another folder");
  }
  return good(name, found);
}

}  // namespace sphereface::doctor
