// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The published training set-up, a Caffe solver and its training net in text format, as a
// configuration. What doesn't change the trained weights is listed, each with its line; whatever
// else has no counterpart here is an error.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "convert/caffe_network.h"
#include "convert/caffe_text.h"
#include "proto/config.pb.h"

namespace sphereface {

struct SolverImport {
  TrainConfig config;  // without data.lmdb
  // "FILE:LINE: field: why", in the files' order.
  std::vector<std::string> ignored;
};

/// The file that a solver names as its net, as it is written there.
/// errors: UsageError when it isn't a solver, or names none.
std::string netOfSolver(const NamedText& solver);

/// `gpus`: how many the net's batch_size, which is a GPU's, was trained on. `mhe_weight`: of the
/// energy that stands for the net's InterClass; 0: none is given.
/// errors: UsageError or Error naming file, line and what can't be done here.
SolverImport importSolver(const NamedText& solver, const NamedText& net, uint32_t gpus,
                          std::optional<ImageSize> size, double mhe_weight = 0);

/// The configuration as a file, with what was ignored as comments before it.
std::string configText(const SolverImport& imported);

}  // namespace sphereface
