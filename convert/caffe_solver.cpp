// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_solver.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <set>

#include "base/error.h"
#include "convert/caffe_file.h"
#include "convert/trained_model.h"
#include "proto/field_ranges.h"
#include "proto/text_format.h"

namespace sphereface {
namespace {

using google::protobuf::Message;
using Places = google::protobuf::TextFormat::ParseInfoTree;

/// The shortest decimal that is this float: 0.1 and not 0.10000000149.
double decimal(float value) {
  char text[64];
  const auto written = std::to_chars(text, text + sizeof text, value);
  double result = value;
  std::from_chars(text, written.ptr, result);
  return result;
}

/// A parsed file: tells the lines of its fields.
class Source {
 public:
  Source(const NamedText& file, Message& message, std::vector<std::string>& ignored)
      : name_(file.name), message_(message), ignored_(ignored) {
    parsePrototxt(file.text, file.name, message, ignored, &places_);
  }

  void ignore(const std::string& field, const std::string& why, int index = -1) const {
    ignored_.push_back(concat(place(field, index), ": ", field, ": ", why));
  }

  [[noreturn]] void refuse(const std::string& field, const std::string& why, int index = -1) const {
    throw UsageError(concat(place(field, index), ": ", field, ": ", why));
  }

 private:
  std::string place(const std::string& field, int index) const {
    const auto* descriptor = message_.GetDescriptor()->FindFieldByName(field);
    if (descriptor->is_repeated() && index < 0) return name_;
    const int line = places_.GetLocation(descriptor, index).line;
    return line < 0 ? name_ : concat(name_, ":", line + 1);
  }

  std::string name_;
  const Message& message_;
  std::vector<std::string>& ignored_;
  Places places_;
};

SolverConfig::Policy policyOf(const caffe::SolverParameter& solver, const Source& source) {
  const std::string& name = solver.lr_policy();
  if (name == "fixed") return SolverConfig::FIXED;
  if (name == "step") return SolverConfig::STEP;
  if (name == "multistep") return SolverConfig::MULTISTEP;
  if (name == "poly") return SolverConfig::POLY;
  source.refuse("lr_policy",
                concat("\"", name, "\" isn't there; fixed, step, multistep, poly are"));
}

void takeRates(const caffe::SolverParameter& from, const Source& source, SolverConfig& to) {
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
    if (policy == SolverConfig::MULTISTEP) {
      to.add_step_value(from.stepvalue(i));
    } else {
      source.ignore("stepvalue", other, i);
    }
  }
}

void takeSolver(const caffe::SolverParameter& from, const Source& source, TrainConfig& config) {
  SolverConfig& to = *config.mutable_solver();
  takeRates(from, source, to);
  if (from.max_iter() < 1) source.refuse("max_iter", "must be at least 1");
  if (from.iter_size() < 1) source.refuse("iter_size", "must be at least 1");
  if (from.type() != "SGD") source.refuse("type", "only SGD is there");
  if (from.regularization_type() != "L2") source.refuse("regularization_type", "only L2 is there");
  to.set_steps(static_cast<uint64_t>(from.max_iter()));
  to.set_iter_size(static_cast<uint32_t>(from.iter_size()));
  to.set_momentum(decimal(from.momentum()));
  to.set_weight_decay(decimal(from.weight_decay()));
  // Caffe compares the sum of the iter_size gradients, we their average.
  if (from.clip_gradients() > 0) {
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

/// The training net's layers, as far as they aren't the network's own.
class NetImport {
 public:
  NetImport(const caffe::NetParameter& net, const Source& source, const Network& network)
      : net_(net), source_(source), network_(network), classifier_(classifierLayer(network)) {
    for (const Parameter& parameter : network.parameters)
      trunk_.insert(layerOf(parameter));
  }

  void take(uint32_t gpus, TrainConfig& config) {
    for (int i = 0; i < net_.layer_size(); ++i) {
      const caffe::LayerParameter& layer = net_.layer(i);
      if (isData(layer)) {
        takeData(i, gpus, config);
      } else if (layer.name() == classifier_) {
        takeHead(i, *config.mutable_head());
      } else if (trunk_.contains(layer.name())) {
        compareParameters(i);
      } else if (layer.type() != "Eltwise" && layer.type() != "Split" &&
                 layer.type() != "SoftmaxWithLoss") {
        ignore(i, concat("a ", layer.type(), " isn't needed here"));
      }
    }
    if (batch_ == 0) source_.refuse("layer", "none is a data layer with a batch_size");
    if (!has_head_) source_.refuse("layer", concat("none is the classifier ", classifier_));
  }

 private:
  void ignore(int layer, const std::string& why) const {
    source_.ignore("layer", concat(net_.layer(layer).name(), ": ", why), layer);
  }

  [[noreturn]] void refuse(int layer, const std::string& why) const {
    source_.refuse("layer", concat(net_.layer(layer).name(), ": ", why), layer);
  }

  static bool isData(const caffe::LayerParameter& layer) {
    return layer.has_data_param() || layer.has_image_data_param() || layer.has_memory_data_param();
  }

  void takeData(int index, uint32_t gpus, TrainConfig& config) {
    const caffe::LayerParameter& layer = net_.layer(index);
    const bool of_test = std::ranges::any_of(
        layer.include(), [](const auto& rule) { return rule.phase() == caffe::TEST; });
    if (of_test) return ignore(index, "data of the test phase");
    if (batch_ > 0) return ignore(index, "a second data layer");
    batch_ = layer.has_data_param()         ? layer.data_param().batch_size()
             : layer.has_image_data_param() ? layer.image_data_param().batch_size()
                                            : layer.memory_data_param().batch_size();
    if (batch_ < 1 || uint64_t{batch_} * gpus > std::numeric_limits<int32_t>::max()) {
      refuse(index, concat("impossible batch_size ", batch_));
    }
    config.mutable_solver()->set_batch_size(batch_ * gpus);
    if (gpus == 1) ignore(index, concat("batch_size ", batch_, " is that of one GPU (--gpus)"));
    config.mutable_data()->set_mirror(layer.transform_param().mirror());
    const std::string& source =
        layer.has_data_param() ? layer.data_param().source() : layer.image_data_param().source();
    ignore(index, concat("source \"", source,
                         "\": data.lmdb names a data set that `sphereface pack` "
                         "made, shuffled anew in every epoch"));
    if (layer.transform_param().crop_size() > 0) {
      ignore(index, "crop_size: images are taken whole, in that size");
    }
  }

  void takeHead(int index, HeadConfig& head) {
    const caffe::LayerParameter& layer = net_.layer(index);
    has_head_ = true;
    uint32_t classes = 0;
    if (layer.type() == "MarginInnerProduct") {
      const caffe::MarginInnerProductParameter& margin = layer.margin_inner_product_param();
      classes = margin.num_output();
      head.set_type(HeadConfig::A_SOFTMAX);
      head.set_margin(margin.type() + 1);
      HeadConfig::Lambda& lambda = *head.mutable_lambda();
      lambda.set_base(decimal(margin.base()));
      lambda.set_gamma(decimal(margin.gamma()));
      lambda.set_power(decimal(margin.power()));
      lambda.set_minimum(decimal(margin.lambda_min()));
      lambda.set_start(static_cast<uint64_t>(std::max(0, margin.iteration())));
    } else if (layer.type() == "InnerProduct") {
      classes = layer.inner_product_param().num_output();
      head.set_type(HeadConfig::SOFTMAX);
      if (layer.inner_product_param().bias_term()) ignore(index, "its bias");
    } else {
      refuse(index,
             concat("a ", layer.type(), "; classifiers are MarginInnerProduct or InnerProduct"));
    }
    ignore(index,
           concat("num_output ", classes, ": there are as many classes as the data set has"));
  }

  /// Multipliers and fillers are the network's own: those that differ are told.
  void compareParameters(int index) const {
    const caffe::LayerParameter& layer = net_.layer(index);
    for (const Parameter& parameter : network_.parameters) {
      if (layerOf(parameter) != layer.name()) continue;
      const int blob = blobIndexOf(parameter);
      const caffe::ParamSpec spec =
          blob < layer.param_size() ? layer.param(blob) : caffe::ParamSpec::default_instance();
      if (spec.lr_mult() != parameter.learning_rate_mult ||
          spec.decay_mult() != parameter.decay_mult) {
        ignore(index,
               concat("lr_mult ", spec.lr_mult(), ", decay_mult ", spec.decay_mult(), " of blob ",
                      blob, ": here ", parameter.learning_rate_mult, ", ", parameter.decay_mult));
      }
      compareFiller(index, parameter, blob);
    }
  }

  void compareFiller(int index, const Parameter& parameter, int blob) const {
    const caffe::LayerParameter& layer = net_.layer(index);
    const bool conv = layer.has_convolution_param();
    if (!conv && !layer.has_inner_product_param()) return;
    const caffe::FillerParameter& filler =
        blob == 0 ? (conv ? layer.convolution_param().weight_filler()
                          : layer.inner_product_param().weight_filler())
                  : (conv ? layer.convolution_param().bias_filler()
                          : layer.inner_product_param().bias_filler());
    const std::string has = describe(filler.type(), filler.value(), filler.std());
    const bool gaussian = parameter.init == Parameter::Init::kGaussian;
    const std::string type = gaussian                                     ? "gaussian"
                             : parameter.init == Parameter::Init::kXavier ? "xavier"
                                                                          : "constant";
    const std::string wanted = describe(type, parameter.init_value, parameter.init_value);
    if (has != wanted) ignore(index, concat("filler ", has, " of blob ", blob, ": here ", wanted));
  }

  static std::string describe(const std::string& type, float value, float deviation) {
    if (type == "gaussian") return concat("gaussian, std ", deviation);
    return type == "constant" ? concat("constant ", value) : type;
  }

  const caffe::NetParameter& net_;
  const Source& source_;
  const Network& network_;
  std::string classifier_;
  std::set<std::string> trunk_;
  uint32_t batch_ = 0;
  bool has_head_ = false;
};

/// A plain file name, as TrainConfig.name has to be.
std::string plainName(std::string name) {
  std::ranges::replace(name, '/', '-');
  return name;
}

}  // namespace

std::string netOfSolver(const NamedText& solver) {
  caffe::SolverParameter parameter;
  std::vector<std::string> ignored;
  parsePrototxt(solver.text, solver.name, parameter, ignored);
  const std::string& net = parameter.has_net() ? parameter.net() : parameter.train_net();
  if (net.empty()) throw UsageError(concat(solver.name, ": names no net; say it with --net"));
  return net;
}

SolverImport importSolver(const NamedText& solver, const NamedText& net, uint32_t gpus,
                          std::optional<ImageSize> size) {
  SolverImport result;
  caffe::SolverParameter parameter;
  takeSolver(parameter, Source(solver, parameter, result.ignored), result.config);
  caffe::NetParameter layers;
  const Source source(net, layers, result.ignored);
  checkLayers(layers, net.name);
  CaffeNetwork found = recognizeNetwork({{layers, net.name}}, size);
  if (!layers.name().empty()) result.config.set_name(plainName(layers.name()));
  *result.config.mutable_network() = found.config;
  NetImport(layers, source, found.network).take(gpus, result.config);
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
