// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_solver.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/error.h"
#include "convert/caffe_file.h"
#include "convert/caffe_training_net.h"
#include "proto/field_ranges.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

SolverConfig::Policy policyOf(const caffe::SolverParameter& solver, const CaffeText& source) {
  const std::string& name = solver.lr_policy();
  if (name == "fixed") return SolverConfig::FIXED;
  if (name == "step") return SolverConfig::STEP;
  if (name == "multistep") return SolverConfig::MULTISTEP;
  if (name == "poly") return SolverConfig::POLY;
  source.refuse("lr_policy",
                concat("\"", name, "\" isn't there; fixed, step, multistep, poly are"));
}

void takeRates(const caffe::SolverParameter& from, const CaffeText& source, SolverConfig& to) {
  if (!from.has_base_lr()) source.refuse("base_lr", "is missing");
  to.set_base_learning_rate(decimal(from.base_lr()));
  const SolverConfig::Policy policy = policyOf(from, source);
  to.set_policy(policy);
  const std::string other = concat("not of policy ", from.lr_policy());
  if (policy == SolverConfig::STEP || policy == SolverConfig::MULTISTEP) {
    to.set_gamma(decimal(from.gamma()));
  } else if (from.has_gamma()) {
    source.ignore("gamma", other);
  }
  if (policy == SolverConfig::POLY) {
    to.set_power(decimal(from.power()));
  } else if (from.has_power()) {
    source.ignore("power", other);
  }
  if (policy == SolverConfig::STEP) {
    to.set_stepsize(from.stepsize());
  } else if (from.has_stepsize()) {
    source.ignore("stepsize", other);
  }
  for (int i = 0; i < from.stepvalue_size(); ++i) {
    if (i > 0 && from.stepvalue(i) <= from.stepvalue(i - 1)) {
      source.refuse("stepvalue", "isn't later than the one before", i);
    }
    if (policy == SolverConfig::MULTISTEP) {
      to.add_step_value(from.stepvalue(i));
    } else {
      source.ignore("stepvalue", other, i);
    }
  }
}

/// What has no meaning for the weights that come out.
const std::set<std::string, std::less<>> kSolverWithoutMeaning = {
    "average_loss",   "debug_info",        "delta",
    "device_id",      "layer_wise_reduce", "momentum2",
    "random_seed",    "rms_decay",         "snapshot_after_train",
    "snapshot_diff",  "snapshot_format",   "snapshot_prefix",
    "solver_mode",    "test_compute_loss", "test_initialization",
    "test_interval",  "test_iter",         "test_net",
    "test_net_param", "test_state"};

void takeSolver(const caffe::SolverParameter& from, const CaffeText& source, TrainConfig& config) {
  for (const UnknownField& field : source.unknown()) {
    if (!kSolverWithoutMeaning.contains(field.field)) source.refuse(field, "");
    source.ignore(field);
  }
  SolverConfig& to = *config.mutable_solver();
  takeRates(from, source, to);
  if (from.max_iter() < 1) source.refuse("max_iter", "must be at least 1");
  if (from.iter_size() < 1) source.refuse("iter_size", "must be at least 1");
  if (from.type() != "SGD") source.refuse("type", "only SGD is there");
  if (from.solver_type() != caffe::SolverParameter::SGD) {
    source.refuse("solver_type", "only SGD is there");
  }
  if (from.regularization_type() != "L2") source.refuse("regularization_type", "only L2 is there");
  to.set_steps(static_cast<uint64_t>(from.max_iter()));
  to.set_iter_size(static_cast<uint32_t>(from.iter_size()));
  to.set_momentum(decimal(from.momentum()));
  to.set_weight_decay(decimal(from.weight_decay()));
  // Caffe compares the sum of the iter_size gradients, we their average.
  if (from.clip_gradients() >= 0) {
    to.set_clip_gradients(decimal(from.clip_gradients()) / from.iter_size());
  }
  if (from.snapshot() > 0) {
    config.mutable_checkpoint()->set_every_steps(static_cast<uint64_t>(from.snapshot()));
    config.mutable_checkpoint()->set_keep(0);  // Caffe removes none
  }
  if (from.display() > 0) {
    config.mutable_coordinator()->set_log_every_steps(static_cast<uint32_t>(from.display()));
  }
}

/// A plain file name, as TrainConfig.name has to be.
std::string plainName(std::string name) {
  std::ranges::replace(name, '/', '-');
  return name;
}

}  // namespace

std::string netOfSolver(const NamedText& solver) {
  caffe::SolverParameter parameter;
  std::vector<UnknownField> unknown;
  parsePrototxt(solver.text, solver.name, parameter, unknown);
  if (parameter.has_net() && parameter.has_train_net()) {
    throw UsageError(concat(solver.name, ": names two nets, ", parameter.net(), " and train_net ",
                            parameter.train_net(), "; say which with --net"));
  }
  const std::string& net = parameter.has_net() ? parameter.net() : parameter.train_net();
  if (net.empty()) throw UsageError(concat(solver.name, ": names no net; say it with --net"));
  return net;
}

SolverImport importSolver(const NamedText& solver, const NamedText& net, uint32_t gpus,
                          std::optional<ImageSize> size, double mhe_weight) {
  SolverImport result;
  caffe::SolverParameter parameter;
  takeSolver(parameter, CaffeText(solver, parameter, result.ignored), result.config);
  caffe::NetParameter layers;
  const CaffeText source(net, layers, result.ignored);
  checkLayers(layers, net.name);
  const caffe::NetParameter trained = trainedLayers(layers, source);
  checkLayers(trained, net.name);
  CaffeNetwork found = recognizeNetwork({{trained, net.name}}, size);
  if (!found.graph || !found.graph->folded.empty()) {
    throw Error(concat(net.name, ": layer ",
                       found.graph ? found.graph->folded.front() : "conv1_1, which takes nothing",
                       ": training here has no counterpart"));
  }
  if (!layers.name().empty()) result.config.set_name(plainName(layers.name()));
  *result.config.mutable_network() = found.config;
  takeTrainingNet(layers, source, found.network, {gpus, mhe_weight}, result.config);
  if (const std::optional<MisfitNumber> misfit = findMisfit(result.config)) {
    throw Error(concat(solver.name, ": its ", misfit->field, ": ", misfit->message));
  }
  return result;
}

std::string configText(const SolverImport& imported) {
  std::string text = "# Made from a Caffe solver. Of it these were ignored:\n";
  for (const std::string& line : imported.ignored) {
    std::string comment = line;
    std::ranges::replace(comment, '\n', ' ');
    text += "#   " + comment + "\n";
  }
  return text + printText(imported.config);
}

}  // namespace sphereface
