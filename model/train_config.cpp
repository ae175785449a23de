// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/train_config.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <optional>

#include "base/error.h"
#include "base/text_file.h"
#include "model/network_config.h"
#include "proto/field_ranges.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Counted without an error in a double.
constexpr uint64_t kMostImages = 1'000'000'000'000'000;
// A worker's loader has a list of those of a lease.
constexpr uint64_t kMostPassesOfLease = 1 << 22;

/// Clears the field an override names, so that the new value replaces it, and returns the override
/// as text format: "a.b=v" becomes "a { b: v }", with quotes around a bare string.
std::string overrideText(const std::string& text, Message& message) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(concat("--set ", text, ": expected FIELD.FIELD=VALUE"));
  }
  const std::string path = text.substr(0, equals);
  std::string value = text.substr(equals + 1);
  std::string opening;
  std::string closing;
  Message* at = &message;
  size_t begin = 0;
  while (true) {
    const size_t dot = path.find('.', begin);
    const std::string name = path.substr(begin, dot - begin);
    const FieldDescriptor* field = at->GetDescriptor()->FindFieldByName(name);
    if (field == nullptr) {
      throw UsageError(concat("--set ", text, ": ", at->GetDescriptor()->name(), " has no field \"",
                              name, "\""));
    }
    const bool is_message = field->type() == FieldDescriptor::TYPE_MESSAGE && !field->is_repeated();
    if (dot == std::string::npos) {
      at->GetReflection()->ClearField(at, field);
      if (field->type() == FieldDescriptor::TYPE_STRING && !value.starts_with('"')) {
        value = concat('"', value, '"');
      }
      return concat(opening, name, ": ", value, closing);
    }
    if (!is_message) {
      throw UsageError(concat("--set ", text, ": \"", name, "\" has no fields of its own"));
    }
    opening += name + " { ";
    closing += " }";
    at = at->GetReflection()->MutableMessage(at, field);
    begin = dot + 1;
  }
}

/// One rule: when it is broken, what to say about which field.
struct Rule {
  bool broken;
  const char* field;
  std::string message;
};

/// Where a value of the configuration comes from.
struct Origin {
  const std::filesystem::path& file;
  const TextPlaces& places;
  const std::vector<std::string>& overrides;

  /// "--set solver.steps=0" or "train.textproto:7".
  std::string of(const std::string& field) const {
    for (auto item = overrides.rbegin(); item != overrides.rend(); ++item) {
      const std::string set = item->substr(0, item->find('='));
      if (field == set || field.starts_with(set + ".") || field.starts_with(set + "[") ||
          set.starts_with(field + ".")) {
        return "--set " + *item;
      }
    }
    const int line = places.lineOf(field);
    return concat(file.string(), line > 0 ? concat(":", line) : "");
  }
};

using Head = HeadOptions::Type;
using Gradient = HeadOptions::Gradient;

/// A type of head, and what its fields may be.
struct HeadRow {
  HeadConfig::Type name;
  Head type;
  Gradient gradient;    // when it isn't configured
  double margin;        // likewise
  double least_margin;  // where one that rises begins
  double most_margin;
  const char* margins;      // null: it has none
  bool has_lambda = false;  // whose margin is whole, and rises with lambda
};

constexpr HeadRow kHeads[] = {
    {HeadConfig::A_SOFTMAX, Head::kASoftmax, Gradient::kReference, 4, 1, 4, "1, 2, 3 or 4", true},
    {HeadConfig::SOFTMAX, Head::kSoftmax, Gradient::kExact, 1, 1, 1, nullptr},
    {HeadConfig::NORMFACE, Head::kNormFace, Gradient::kExact, 1, 1, 1, nullptr},
    {HeadConfig::COSFACE, Head::kCosFace, Gradient::kExact, 0.35, 0, 1, "in [0, 1]"},
    {HeadConfig::ARCFACE, Head::kArcFace, Gradient::kExact, 0.5, 0, 1.5, "in [0, 1.5] radians"},
    {HeadConfig::SPHEREFACE_R_V1, Head::kSphereFaceR1, Gradient::kDetached, 1.5, 1, 8, "in [1, 8]"},
    {HeadConfig::SPHEREFACE_R_V2, Head::kSphereFaceR2, Gradient::kDetached, 1.5, 1, 8, "in [1, 8]"},
};

const HeadRow& rowOf(const HeadConfig& head) {
  return *std::ranges::find(kHeads, head.type(), &HeadRow::name);
}

Gradient headGradient(const HeadConfig& head) {
  if (!head.has_gradient()) return rowOf(head).gradient;
  switch (head.gradient()) {
    case HeadConfig::EXACT:
      return Gradient::kExact;
    case HeadConfig::DETACHED:
      return Gradient::kDetached;
    case HeadConfig::REFERENCE:
      break;
  }
  return Gradient::kReference;
}

/// What is wrong with head.margin; empty when nothing is.
std::string marginError(const HeadConfig& head) {
  const HeadRow& row = rowOf(head);
  if (row.margins == nullptr) {
    return head.has_margin() ? concat(HeadConfig::Type_Name(row.name), " has none") : "";
  }
  const double m = headMargin(head);
  const bool within = m >= row.least_margin && m <= row.most_margin;
  if (within && (!row.has_lambda || m == std::floor(m))) return "";
  return concat("must be ", row.margins, ", not ", m);
}

/// What reproducible mode needs and hasn't, or nothing.
std::string shardsError(const TrainConfig& config) {
  const uint32_t shards = config.solver().reproducible_shards();
  if (shards == 0) return "";
  if (!std::has_single_bit(shards)) return concat("must be a power of two, not ", shards);
  if (config.solver().batch_size() % shards != 0) {
    return concat("must divide solver.batch_size ", config.solver().batch_size());
  }
  // Sums over a layer's pixels are split among the threads.
  if (config.worker().device() == WorkerConfig::CPU && config.worker().threads() == 0) {
    return "needs worker.threads, the same in every run";
  }
  if (config.worker().convolution() != WorkerConfig::DIRECT) {
    return "needs worker.convolution DIRECT";
  }
  return "";
}

bool rising(const google::protobuf::RepeatedField<double>& values) {
  return std::ranges::adjacent_find(values, std::ranges::greater_equal()) == values.end();
}

/// The first rule that is broken.
std::optional<Rule> brokenRule(const TrainConfig& config) {
  const SolverConfig& solver = config.solver();
  const HeadConfig& head = config.head();
  const HeadRow& row = rowOf(head);
  const std::string type = HeadConfig::Type_Name(row.name);
  const bool scaled = normalizesEmbedding(row.type);
  const DataConfig& data = config.data();
  const bool on_gpu = config.worker().device() == WorkerConfig::CUDA;
  const double images_of_step = static_cast<double>(solver.batch_size()) * solver.iter_size();
  const uint64_t passes_of_lease = uint64_t{config.coordinator().lease_steps()} *
                                   solver.iter_size() * std::max(1U, solver.reproducible_shards());
  const Rule rules[] = {
      {data.lmdb().empty(), "data.lmdb", "must name the folder of a packed data set"},
      {!marginError(head).empty(), "head.margin", marginError(head)},
      {head.has_lambda() && !row.has_lambda, "head.lambda",
       concat("belongs to A_SOFTMAX; ", type, " has none")},
      {head.gradient() == HeadConfig::REFERENCE && head.has_gradient() &&
           head.type() != HeadConfig::A_SOFTMAX,
       "head.gradient",
       concat("REFERENCE is A_SOFTMAX's; ", type, " takes EXACT", scaled ? " or DETACHED" : "")},
      {head.gradient() == HeadConfig::DETACHED && !scaled, "head.gradient",
       concat("DETACHED needs a type that normalises embeddings, not ", type)},
      {head.has_scale() && !scaled, "head.scale",
       concat("belongs to types that normalise embeddings; ", type, " has none")},
      {head.margin_warmup_steps() > 0 && (row.margins == nullptr || row.has_lambda),
       "head.margin_warmup_steps",
       concat(type, " has no margin that rises (A_SOFTMAX has head.lambda)")},
      {head.mhe_weight() > 0 && !normalizesWeights(row.type), "head.mhe_weight",
       "needs weights of unit length, which SOFTMAX has not"},
      {head.class_parallel() && solver.reproducible_shards() > 0, "head.class_parallel",
       "not in reproducible mode: sums over classes depend on the number of workers"},
      {head.sample_rate() < 1 && !head.class_parallel(), "head.sample_rate",
       "needs head.class_parallel"},
      {head.sample_rate() < 1 && solver.iter_size() > 1, "head.sample_rate",
       "needs solver.iter_size 1: a step trains one sample of the classes"},
      {solver.length_case() == SolverConfig::LENGTH_NOT_SET, "solver.steps",
       "needed, or epochs or images: how long to train"},
      {static_cast<double>(solver.steps()) * images_of_step > kMostImages, "solver.steps",
       concat("times batch_size times iter_size must be at most ", kMostImages, " images")},
      {passes_of_lease > kMostPassesOfLease, "coordinator.lease_steps",
       concat("times solver.iter_size times solver.reproducible_shards must be at most ",
              kMostPassesOfLease, ", not ", passes_of_lease)},
      {!rising(solver.step_value()), "solver.step_value", "must rise"},
      {solver.policy() == SolverConfig::STEP && !solver.has_stepsize(), "solver.stepsize",
       "needed for policy STEP"},
      {!shardsError(config).empty(), "solver.reproducible_shards", shardsError(config)},
      {!on_gpu && config.worker().precision() == WorkerConfig::TF32, "worker.precision",
       "TF32 needs worker.device CUDA; CPUs have FP32 and BF16"},
      {on_gpu && solver.reproducible_shards() > 0 &&
           config.worker().gradient_wire() == WorkerConfig::WIRE_BF16,
       "solver.reproducible_shards", "on GPUs needs worker.gradient_wire WIRE_FP32"},
      {config.name().empty() || config.name().find('/') != std::string::npos, "name",
       "must be a plain file name"},
  };
  const auto* const first = std::ranges::find(rules, true, &Rule::broken);
  return first == std::end(rules) ? std::nullopt : std::optional(*first);
}

}  // namespace

TrainConfig loadTrainConfig(const std::filesystem::path& file,
                            const std::vector<std::string>& overrides) {
  TrainConfig config;
  TextPlaces places;
  std::string text;
  try {
    text = readTextFile(file);
  } catch (const Error& e) {
    throw UsageError(e.what());
  }
  parseText(text, file.string(), config, &places);
  for (const std::string& item : overrides) {
    TrainConfig change;
    const std::string as_text = overrideText(item, config);
    parseText(as_text, "--set " + item, change);
    config.MergeFrom(change);
  }
  const Origin origin = {file, places, overrides};
  if (const std::optional<MisfitNumber> misfit = findMisfit(config)) {
    throw UsageError(concat(origin.of(misfit->field), ": ", misfit->field, ": ", misfit->message));
  }
  if (const std::optional<Rule> rule = brokenRule(config)) {
    throw UsageError(concat(origin.of(rule->field), ": ", rule->field, ": ", rule->message));
  }
  try {
    buildNetwork(config.network());
  } catch (const UsageError& e) {
    throw UsageError(concat(origin.of("network.name"), ": ", e.what()));
  }
  return config;
}

void checkDataset(const DatasetManifest& data, const TrainConfig& config) {
  if (data.height() != config.network().height() || data.width() != config.network().width()) {
    throw UsageError(concat(config.data().lmdb(), " holds ", data.height(), "x", data.width(),
                            " images, the network wants ", config.network().height(), "x",
                            config.network().width()));
  }
  if (data.channels() != 3 || data.color_order() != DatasetManifest::BGR) {
    throw UsageError(concat(config.data().lmdb(), ": only 3-channel BGR data is trained on"));
  }
  if (data.classes() < 2) {
    throw UsageError(
        concat(config.data().lmdb(), " holds one class: there is nothing to tell apart"));
  }
}

void checkClasses(const TrainConfig& config, int workers, uint64_t classes) {
  if (config.head().class_parallel() && classes < static_cast<uint64_t>(workers)) {
    throw UsageError(concat("head.class_parallel: ", classes, " classes give some of the ", workers,
                            " workers none"));
  }
}

uint32_t shardsOfWorker(const SolverConfig& solver, int workers) {
  return std::max(1U, solver.reproducible_shards() / static_cast<uint32_t>(workers));
}

void checkWorkers(const TrainConfig& config, int workers) {
  if (config.solver().batch_size() < static_cast<uint32_t>(workers)) {
    throw UsageError(concat("solver.batch_size ", config.solver().batch_size(),
                            " gives some of the ", workers, " workers no image"));
  }
  const uint32_t shards = config.solver().reproducible_shards();
  if (shards > 0 && shards % static_cast<uint32_t>(workers) != 0) {
    throw UsageError(concat("solver.reproducible_shards ", shards, " can't be shared by ", workers,
                            " workers: take 1, 2, 4, ... up to ", shards));
  }
}

HeadOptions headOptions(const HeadConfig& config) {
  HeadOptions options;
  options.type = rowOf(config).type;
  options.gradient = headGradient(config);
  options.scale = config.scale();
  options.mhe_weight = config.mhe_weight();
  if (config.has_streaming()) options.streaming = config.streaming();
  options.sample_rate = config.sample_rate();
  return options;
}

double headMargin(const HeadConfig& config) {
  return config.has_margin() ? config.margin() : rowOf(config).margin;
}

double leastMargin(const HeadConfig& config) {
  return rowOf(config).least_margin;
}

Precision precisionOf(const WorkerConfig& config) {
  switch (config.precision()) {
    case WorkerConfig::BF16:
      return Precision::kBf16;
    case WorkerConfig::TF32:
      return Precision::kTf32;
    case WorkerConfig::FP32:
      break;
  }
  return Precision::kFp32;
}

Convolution convolutionOf(const WorkerConfig& config) {
  return config.convolution() == WorkerConfig::FASTEST ? Convolution::kFastest
                                                       : Convolution::kDirect;
}

Device deviceOf(const WorkerConfig& config) {
  return config.device() == WorkerConfig::CUDA ? Device::kCuda : Device::kCpu;
}

}  // namespace sphereface
