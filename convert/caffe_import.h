// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// SphereFace models in Caffe's form. Layers and blobs lie as in Caffe: convolution out x in x 3 x
// 3, fcN out x in with the input flattened channel, row, column, PReLU a slope per channel; the
// classifier's blob is classes x embedding (rows of unit length as of the last forward pass).

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "convert/caffe_network.h"
#include "convert/trained_model.h"

namespace sphereface {

struct CaffeImport {
  TrainedModel model;
  // What was assumed or left out, a sentence each.
  std::vector<std::string> notes;
  // Layers around the network went into its weights: a .solverstate's momenta aren't theirs.
  bool folded = false;
};

/// `nets` as for recognizeNetwork, the last one with the weights. Without a classifier the model
/// has no classes and no head. errors: Error of recognizeNetwork, or naming file and layer:
/// missing, or shaped otherwise.
CaffeImport importCaffe(const std::vector<NamedNet>& nets, std::optional<ImageSize> size);

/// Puts a .solverstate's momenta and step into a model that came from `net`. It doesn't say how
/// many forward passes a step was of (iter_size): one is assumed. errors: Error when they aren't
/// those of the net's parameters.
void importSolverState(const NamedNet& net, const caffe::SolverState& state,
                       const std::string& state_name, TrainedModel& model);

}  // namespace sphereface
