// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "model/train_config.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cctype>
#include <functional>

#include "base/atomic_file.h"
#include "base/error.h"
#include "model/network_table.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

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

/// Where the whole word `name` next stands in `text`.
size_t findWord(const std::string& text, const std::string& name, size_t from) {
  auto in_word = [&](size_t at) {
    return at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_');
  };
  size_t at = text.find(name, from);
  while (at != std::string::npos && ((at > 0 && in_word(at - 1)) || in_word(at + name.size()))) {
    at = text.find(name, at + 1);
  }
  return at;
}

/// Line, counted from 1, on which the file sets "block.field"; 0 when it doesn't.
size_t lineOf(const std::string& text, const std::string& path) {
  size_t at = 0;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    at = findWord(text, path.substr(begin, dot - begin), at);
    if (at == std::string::npos) return 0;
    begin = dot + 1;
  }
  return 1 + static_cast<size_t>(
                 std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n'));
}

bool isProbability(double value) {
  return value >= 0 && value <= 1;
}

void check(const TrainConfig& config, const std::function<void(const Rule&)>& broken) {
  const SolverConfig& solver = config.solver();
  const HeadConfig& head = config.head();
  const DataConfig& data = config.data();
  const Rule rules[] = {
      {data.lmdb().empty(), "data.lmdb", "must name the folder of a packed data set"},
      {data.rotation() < 0, "data.rotation", "must not be negative"},
      {data.scale() < 0, "data.scale", "must not be negative"},
      {data.shift() < 0, "data.shift", "must not be negative"},
      {!isProbability(data.low_resolution()), "data.low_resolution", "must be in [0, 1]"},
      {!isProbability(data.grayscale()), "data.grayscale", "must be in [0, 1]"},
      {!isProbability(data.cutout()), "data.cutout", "must be in [0, 1]"},
      {data.color_gain() < 0, "data.color_gain", "must not be negative"},
      {data.contrast() < 0, "data.contrast", "must not be negative"},
      {data.brightness() < 0, "data.brightness", "must not be negative"},
      {data.threads() == 0, "data.threads", "must be at least 1"},
      {head.margin() < 1 || head.margin() > 4, "head.margin",
       concat("must be 1, 2, 3 or 4, not ", head.margin())},
      {head.lambda().base() < 0, "head.lambda.base", "must not be negative"},
      {head.lambda().gamma() < 0, "head.lambda.gamma", "must not be negative"},
      {head.lambda().minimum() < 0, "head.lambda.minimum", "must not be negative"},
      {solver.batch_size() == 0, "solver.batch_size", "must be at least 1"},
      {solver.iter_size() == 0, "solver.iter_size", "must be at least 1"},
      {solver.steps() == 0, "solver.steps", "must be at least 1"},
      {!(solver.base_learning_rate() > 0), "solver.base_learning_rate", "must be positive"},
      {solver.momentum() < 0 || solver.momentum() >= 1, "solver.momentum",
       concat("must be in [0, 1), not ", solver.momentum())},
      {solver.weight_decay() < 0, "solver.weight_decay", "must not be negative"},
      {config.coordinator().log_every_steps() == 0, "coordinator.log_every_steps",
       "must be at least 1"},
      {config.coordinator().lease_steps() == 0, "coordinator.lease_steps", "must be at least 1"},
      {config.name().empty() || config.name().find('/') != std::string::npos, "name",
       "must be a plain file name"},
  };
  for (const Rule& rule : rules) {
    if (rule.broken) broken(rule);
  }
  buildNetwork(config.network());
}

}  // namespace

TrainConfig loadTrainConfig(const std::filesystem::path& file,
                            const std::vector<std::string>& overrides) {
  TrainConfig config;
  std::string text;
  try {
    text = readFile(file);
  } catch (const Error& e) {
    throw UsageError(e.what());
  }
  parseText(text, file.string(), config);
  for (const std::string& item : overrides) {
    TrainConfig change;
    const std::string as_text = overrideText(item, config);
    parseText(as_text, "--set " + item, change);
    config.MergeFrom(change);
  }
  auto fail = [&](const std::string& field, const std::string& message) {
    const size_t line = lineOf(text, field);
    throw UsageError(
        concat(file.string(), line > 0 ? concat(":", line) : "", ": ", field, ": ", message));
  };
  try {
    check(config, [&](const Rule& rule) { fail(rule.field, rule.message); });
  } catch (const UsageError& e) {
    const std::string what = e.what();
    if (what.starts_with("network")) throw UsageError(concat(file.string(), ": ", what));
    throw;
  }
  return config;
}

HeadOptions headOptions(const HeadConfig& config) {
  HeadOptions options;
  options.margin = static_cast<int>(config.margin());
  options.gradient = config.gradient() == HeadConfig::EXACT ? HeadOptions::Gradient::kExact
                                                            : HeadOptions::Gradient::kReference;
  return options;
}

Precision precisionOf(const WorkerConfig& config) {
  return config.precision() == WorkerConfig::BF16 ? Precision::kBf16 : Precision::kFp32;
}

Convolution convolutionOf(const WorkerConfig& config) {
  return config.convolution() == WorkerConfig::FASTEST ? Convolution::kFastest
                                                       : Convolution::kDirect;
}

Device deviceOf(const WorkerConfig& config) {
  return config.device() == WorkerConfig::CUDA ? Device::kCuda : Device::kCpu;
}

}  // namespace sphereface
