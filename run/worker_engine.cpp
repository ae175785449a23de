// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/worker_engine.h"

#include <algorithm>

#include "model/network_config.h"
#include "model/network_table.h"
#include "model/train_config.h"

namespace sphereface {

int threadsOfWorker(const WorkerConfig& config, size_t host_threads, int workers_on_host) {
  if (config.threads() > 0) return static_cast<int>(config.threads());
  return static_cast<int>(std::max<size_t>(1, host_threads / static_cast<size_t>(workers_on_host)));
}

Share classesOfWorker(const TrainConfig& config, uint32_t classes, const WorkerPlace& place) {
  if (!config.head().class_parallel()) return {0, classes};
  return shareOf(classes, place.workers, place.worker);
}

EngineOptions engineOfWorker(const TrainConfig& config, uint32_t classes,
                             const WorkerPlace& place) {
  const Share held = classesOfWorker(config, classes, place);
  const uint32_t images = shareOf(config.solver().batch_size(), place.workers, place.worker).size();
  EngineOptions options;
  options.network = buildNetwork(config.network());
  options.first_class = static_cast<int>(held.begin);
  options.classes = static_cast<int>(held.size());
  options.head = headOptions(config.head());
  options.batch = static_cast<int>(images / shardsOfWorker(config.solver(), place.workers));
  options.precision = precisionOf(config.worker());
  options.convolution = convolutionOf(config.worker());
  options.threads = threadsOfWorker(config.worker(), place.host_threads, place.workers_on_host);
  options.device_index = place.place_on_host;
  options.cuda_graphs = config.worker().cuda_graphs();
  return options;
}

double flopsPerImage(const TrainConfig& config, const Network& network, uint64_t classes) {
  const double head =
      static_cast<double>(classes) * network.embedding * config.head().sample_rate();
  return 6 * (static_cast<double>(multiplyAdds(network)) + head);
}

}  // namespace sphereface
