// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/memory_checks.h"

#include <algorithm>

#include "base/error.h"
#include "model/network_config.h"

namespace sphereface::doctor {
namespace {

/// What a worker occupies besides its engine and batches, as measured.
constexpr size_t kProgramBytes = size_t{64} << 20;

}  // namespace

MemoryNeed memoryNeed(const PlannedRun& run, const Forecast& forecast) {
  const size_t wanted = static_cast<size_t>(run.config.data().cache_megabytes()) << 20;
  MemoryNeed need;
  need.workers = run.workers;
  need.engine = forecast.memory.ofHost();
  need.cache = std::min(wanted, run.records * buildNetwork(run.config.network()).imageBytes());
  need.program = kProgramBytes;
  return need;
}

Finding memoryFinding(const MemoryNeed& need, size_t available) {
  const std::string name = "memory";
  std::string found = concat(need.workers, need.workers == 1 ? " worker needs " : " workers need ",
                             bytesText(need.total()), " (each ", bytesText(need.engine));
  if (need.cache > 0) found += concat(", decoded images ", bytesText(need.cache));
  found += concat("), ", bytesText(available), " are available");
  if (need.total() <= available / 10 * 9) return good(name, found);
  const bool cache = need.cache > need.engine;
  const std::string fix =
      cache ? "a lower data.cache_megabytes"
            : "lower solver.batch_size and raise solver.iter_size alike, or use fewer --workers";
  if (need.total() > available) return failure(name, found, fix);
  return warning(name, concat(found, ": little is left for the data"), fix);
}

Finding pageCacheFinding(uint64_t data_bytes, size_t left) {
  const std::string found = concat("data.mdb has ", bytesText(data_bytes), ", ", bytesText(left),
                                   " of memory are left for it");
  if (data_bytes <= left) return good("page cache", found);
  return warning("page cache", concat(found, ": it will be read from the disk in every epoch"),
                 "keep it on a local SSD (cp -r LMDB there, data.lmdb: the copy), or keep a part "
                 "decoded with data.cache_megabytes");
}

}  // namespace sphereface::doctor
