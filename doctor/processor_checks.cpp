// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/processor_checks.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "base/parallel.h"
#include "kernels/engine.h"
#include "model/network_table.h"
#include "model/train_config.h"
#include "plan/cgroup.h"

namespace sphereface::doctor {

Finding processorFinding(const Processor& processor, const WorkerConfig* worker) {
  const std::string name = "processor";
  const std::string found = concat(processor.instructions, ", ", processor.library, ", bfloat16 ",
                                   processor.fast_bf16 ? "in hardware" : "not in hardware");
  if (!processor.avx2) {
    return warning(name, concat(found, ": training will be very slow"),
                   "a host with AVX2 or AVX-512; where it has them, unset ONEDNN_MAX_CPU_ISA and "
                   "DNNL_MAX_CPU_ISA");
  }
  const bool wants_bf16 = worker != nullptr && worker->device() == WorkerConfig::CPU &&
                          worker->precision() == WorkerConfig::BF16;
  if (wants_bf16 && !processor.fast_bf16) {
    return warning(name, concat(found, ": worker.precision BF16 will compute in fp32"),
                   "worker.precision: FP32, or a host with AVX512-BF16 or AMX");
  }
  return good(name, found);
}

Finding deviceFinding(const WorkerConfig& worker) {
  if (worker.device() == WorkerConfig::CPU) return good("device", "worker.device CPU");
  // As small an engine as there is, which asks for everything that training needs.
  EngineOptions options;
  options.network = buildNetwork(NetworkTable{"custom", 8, 8, 8, {{8, 0}}});
  options.classes = 1;
  options.batch = 1;
  options.precision = precisionOf(worker);
  try {
    const std::vector<std::string> notes = makeEngine(deviceOf(worker), options)->notes();
    return good("device", concat("worker.device CUDA, ", notes.front()));
  } catch (const Error& e) {
    return failure("device", e.what(), "worker.device: CPU");
  }
}

UsableThreads usableThreads() {
  return {availableThreads(), cgroupLimits().processors};
}

std::string threadBinding() {
  for (const char* name : {"OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || std::string(value).empty()) continue;
    const std::string text = value;
    if (text == "false" || text == "FALSE" || text == "disabled") continue;
    return concat(name, "=", text);
  }
  return "";
}

size_t threadLimit() {
  const char* value = std::getenv("OMP_THREAD_LIMIT");
  return value == nullptr ? 0 : std::strtoull(value, nullptr, 10);
}

Finding threadsFinding(const UsableThreads& usable, const JobThreads& job) {
  const std::string name = "threads";
  const auto workers = static_cast<size_t>(job.workers);
  const auto allowed = static_cast<double>(usable.allowed);
  const double whole = std::min(allowed, usable.quota.value_or(allowed));
  std::string found =
      concat(usable.allowed, usable.allowed == 1 ? " processor" : " processors", " to run on");
  if (usable.quota) found += concat(", a quota of ", *usable.quota, " of them");
  found += concat("; ", workers, workers == 1 ? " worker x " : " workers x ", job.each,
                  job.each == 1 ? " thread" : " threads");
  const auto used = static_cast<double>(workers * job.each);
  if (used > std::ceil(whole)) {
    const auto fitting = static_cast<size_t>(std::max(1.0, whole / static_cast<double>(workers)));
    return warning(name, concat(found, " get in each other's way"),
                   static_cast<double>(workers) > std::ceil(whole)
                       ? concat("--workers ", static_cast<size_t>(std::max(1.0, std::floor(whole))))
                       : concat("worker.threads: ", fitting));
  }
  if (job.limit > 0 && job.limit < job.each) {
    return warning(name, concat(found, "; OMP_THREAD_LIMIT=", job.limit, " leaves no more to each"),
                   "unset OMP_THREAD_LIMIT");
  }
  if (!job.binding.empty() && workers > 1) {
    return warning(
        name,
        concat(found, "; ", job.binding, " puts the threads of all workers on the same processors"),
        concat("unset ", job.binding.substr(0, job.binding.find('='))));
  }
  return good(name, found);
}

}  // namespace sphereface::doctor
