// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What a Caffe training net says beside the network itself: data, classifier and loss.

#pragma once

#include <cstdint>

#include "convert/caffe_text.h"
#include "kernels/network.h"
#include "proto/caffe.pb.h"
#include "proto/config.pb.h"

namespace sphereface {

/// The layers of `net` that are trained (include, exclude), without these rules. `source` is the
/// text that `net` was parsed from.
/// errors: UsageError naming line and layer of one that has no counterpart here, or of its field.
caffe::NetParameter trainedLayers(const caffe::NetParameter& net, const CaffeText& source);

struct TrainingNetOptions {
  uint32_t gpus = 1;      // each takes the net's batch_size
  double mhe_weight = 0;  // of the energy that stands for an InterClass; 0: none is given
};

/// Takes data, head and loss over, of which trainedLayers has had no complaint and `network` is the
/// trunk. errors: UsageError as there.
void takeTrainingNet(const caffe::NetParameter& net, const CaffeText& source,
                     const Network& network, const TrainingNetOptions& options,
                     TrainConfig& config);

}  // namespace sphereface
