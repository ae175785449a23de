// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/device_group.h"

#include "worker/all_reduce.h"

namespace sphereface {

DeviceGroup newGroupOfWorkers(const MpiSession& session, Device device) {
  DeviceGroup group;
  if (session.isFirstWorker()) group.id = newDeviceGroup(device);
  broadcast(session.workerComm(), group.id);
  group.ranks = session.workers();
  group.rank = session.rank() - 1;
  return group;
}

}  // namespace sphereface
