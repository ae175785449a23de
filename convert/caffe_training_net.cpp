// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/caffe_training_net.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "base/error.h"
#include "convert/caffe_network.h"
#include "convert/trained_model.h"

namespace sphereface {
namespace {

/// Whether a rule fits a net that is trained, of level 0 and without stages.
bool fits(const caffe::NetStateRule& rule) {
  return (!rule.has_phase() || rule.phase() == caffe::TRAIN) &&
         (!rule.has_min_level() || rule.min_level() <= 0) &&
         (!rule.has_max_level() || rule.max_level() >= 0) && rule.stage().empty();
}

bool isTrained(const caffe::LayerParameter& layer) {
  if (!layer.include().empty()) return std::ranges::any_of(layer.include(), fits);
  return std::ranges::none_of(layer.exclude(), fits);
}

/// Measure or copy, and change no gradient.
bool withoutMeaning(const caffe::LayerParameter& layer) {
  static const std::set<std::string, std::less<>> kTypes = {"Accuracy", "ArgMax", "Silence"};
  return kTypes.contains(layer.type());
}

/// The training net's layers, as far as they aren't the network's own.
class TrainingNet {
 public:
  TrainingNet(const caffe::NetParameter& net, const CaffeText& source)
      : net_(net), source_(source) {}

  /// The layers that are trained. errors: UsageError naming one that has no counterpart, or a field
  /// of one.
  caffe::NetParameter trainedNet() const {
    for (const UnknownField& field : source_.unknown())
      judge(field);
    caffe::NetParameter trained = net_;
    trained.clear_layer();
    for (int i = 0; i < net_.layer_size(); ++i) {
      const caffe::LayerParameter& layer = net_.layer(i);
      if (!isTrained(layer)) continue;
      checkType(i);
      caffe::LayerParameter& copy = *trained.add_layer();
      copy = layer;
      copy.clear_include();
      copy.clear_exclude();
    }
    return trained;
  }

  void take(const Network& network, const TrainingNetOptions& options, TrainConfig& config) {
    const auto makes_batches = [](const auto& layer) { return isTrained(layer) && isData(layer); };
    if (std::ranges::none_of(net_.layer(), makes_batches)) {
      source_.refuse("layer", "none is a data layer with a batch_size");
    }
    const std::string embedding = embeddingLayer(network);
    std::set<std::string> trunk;
    for (const Parameter& parameter : network.parameters)
      trunk.insert(layerOf(parameter));
    for (int i = 0; i < net_.layer_size(); ++i) {
      const caffe::LayerParameter& layer = net_.layer(i);
      if (!isTrained(layer)) {
        ignore(i, "isn't trained");
      } else if (isData(layer)) {
        takeData(i, options.gpus, config);
      } else if (trunk.contains(layer.name())) {
        compareParameters(i, network);
        if (layer.name() == embedding) roles_[layer.top(0)] = Role::kEmbedding;
      } else if (layer.type() == "InterClass") {
        takeEnergy(i, options.mhe_weight, *config.mutable_head());
      } else if (layer.type() == "Split") {
        const Role role = roleOf(layer, 0);
        for (const std::string& top : layer.top())
          roles_[top] = role;
      } else if (!withoutMeaning(layer) && !(layer.type() == "Eltwise" && isOfTrunk(layer))) {
        takeHead(i, *config.mutable_head());
      }
    }
    if (classifier_.empty()) {
      source_.refuse("layer", concat("none is the classifier behind ", embedding));
    }
    if (!has_loss_) source_.refuse("layer", "none is the classifier's SoftmaxWithLoss");
    if (options.mhe_weight > 0 && !has_energy_) {
      throw UsageError("--mhe-weight: the net has no InterClass, whose weight it would be");
    }
  }

 private:
  /// What a blob is to the head. Not of the trunk, whose blobs are kOther.
  enum class Role { kOther, kLabel, kEmbedding, kUnit, kLogits };

  void ignore(int layer, const std::string& why) const {
    source_.ignore("layer", concat(net_.layer(layer).name(), ": ", why), layer);
  }

  [[noreturn]] void refuse(int layer, const std::string& why) const {
    source_.refuse("layer", concat(net_.layer(layer).name(), ": ", why), layer);
  }

  static std::string typeOf(const caffe::LayerParameter& layer) {
    return concat("a ", layer.type());
  }

  void judge(const UnknownField& field) const {
    static const std::set<std::string, std::less<>> kWithoutMeaning = {
        "NetParameter.force_backward", "NetParameter.debug_info", "DataParameter.rand_skip",
        "DataParameter.backend", "DataParameter.prefetch", "DataParameter.force_encoded_color",
        "ImageDataParameter.rand_skip", "ImageDataParameter.root_folder",
        "InnerProductParameter.engine", "LabelSpecificAddParameter.transform_test",
        // How weights begin: a filler that differs is told.
        "FillerParameter.min", "FillerParameter.max", "FillerParameter.mean",
        "FillerParameter.sparse", "FillerParameter.variance_norm"};
    const bool of_net = field.message == "NetParameter";
    const int holder = of_net ? -1 : source_.holderOf(field, "layer", net_.layer_size());
    const caffe::LayerParameter* layer = holder < 0 ? nullptr : &net_.layer(holder);
    const bool passed_over = layer != nullptr && (!isTrained(*layer) || withoutMeaning(*layer) ||
                                                  layer->type() == "InterClass");
    if (!passed_over && !kWithoutMeaning.contains(concat(field.message, ".", field.field))) {
      source_.refuse(field, layer == nullptr
                                ? std::string()
                                : concat("layer: ", layer->name(), ", a ", layer->type()));
    }
    source_.ignore(field);
  }

  void checkType(int index) const {
    static const std::set<std::string, std::less<>> kTypes = {"Data",
                                                              "ImageData",
                                                              "MemoryData",
                                                              "Convolution",
                                                              "PReLU",
                                                              "InnerProduct",
                                                              "MarginInnerProduct",
                                                              "Eltwise",
                                                              "Split",
                                                              "Normalize",
                                                              "Scale",
                                                              "Power",
                                                              "InterClass",
                                                              "LabelSpecificAdd",
                                                              "SoftmaxWithLoss"};
    const caffe::LayerParameter& layer = net_.layer(index);
    if (withoutMeaning(layer)) return;
    if (!kTypes.contains(layer.type())) {
      refuse(index, concat(typeOf(layer), " has no counterpart here"));
    }
    const float loss_weight = layer.type() == "SoftmaxWithLoss" ? 1 : 0;
    for (const float weight : layer.loss_weight()) {
      if (weight != loss_weight && layer.type() != "InterClass") {
        refuse(index,
               concat("loss_weight ", weight, " of ", typeOf(layer), " has no counterpart here"));
      }
    }
    if (std::ranges::find(layer.propagate_down(), false) != layer.propagate_down().end()) {
      refuse(index, concat("propagate_down: false of ", typeOf(layer), " has no counterpart here"));
    }
    for (const caffe::ParamSpec& spec : layer.param()) {
      if (spec.name().empty() || layer.type() == "InterClass") continue;
      for (const caffe::LayerParameter& other : net_.layer()) {
        const auto same = [&](const caffe::ParamSpec& s) { return s.name() == spec.name(); };
        if (&other != &layer && isTrained(other) && other.type() != "InterClass" &&
            std::ranges::any_of(other.param(), same)) {
          refuse(index, concat("shares its weights \"", spec.name(), "\" with ", other.name()));
        }
      }
    }
  }

  static bool isData(const caffe::LayerParameter& layer) {
    return layer.type() == "Data" || layer.type() == "ImageData" || layer.type() == "MemoryData";
  }

  Role roleOf(const caffe::LayerParameter& layer, int bottom) const {
    if (bottom >= layer.bottom_size()) return Role::kOther;
    const auto role = roles_.find(layer.bottom(bottom));
    return role == roles_.end() ? Role::kOther : role->second;
  }

  bool isOfTrunk(const caffe::LayerParameter& layer) const {
    for (int i = 0; i < layer.bottom_size(); ++i) {
      if (roleOf(layer, i) != Role::kOther) return false;
    }
    return true;
  }

  void takeData(int index, uint32_t gpus, TrainConfig& config) {
    const caffe::LayerParameter& layer = net_.layer(index);
    if (batch_ > 0) refuse(index, "a second data layer");
    batch_ = layer.type() == "Data"        ? layer.data_param().batch_size()
             : layer.type() == "ImageData" ? layer.image_data_param().batch_size()
                                           : layer.memory_data_param().batch_size();
    if (batch_ < 1 || uint64_t{batch_} * gpus > std::numeric_limits<int32_t>::max()) {
      refuse(index, concat("impossible batch_size ", batch_));
    }
    if (layer.top_size() > 1) roles_[layer.top(1)] = Role::kLabel;
    config.mutable_solver()->set_batch_size(batch_ * gpus);
    if (gpus == 1) ignore(index, concat("batch_size ", batch_, " is that of one GPU (--gpus)"));
    const caffe::TransformationParameter& transform = layer.transform_param();
    config.mutable_data()->set_mirror(transform.mirror());
    if (transform.crop_size() > 0) {
      refuse(index, concat("crop_size ", transform.crop_size(),
                           ": images are trained whole here, none is cropped at random"));
    }
    if (!layer.image_data_param().is_color() || transform.force_gray()) {
      refuse(index, "is_color: false: images have three planes here");
    }
    const std::string& source =
        layer.type() == "Data" ? layer.data_param().source() : layer.image_data_param().source();
    ignore(index, concat("source \"", source,
                         "\": data.lmdb names a data set that `sphereface pack` "
                         "made, shuffled anew in every epoch"));
  }

  /// SphereFace+ as Caffe has it adds to the classifier's gradient; its alpha isn't a weight of the
  /// energy that is minimised here.
  void takeEnergy(int index, double weight, HeadConfig& head) {
    if (has_energy_) refuse(index, "a second InterClass");
    if (weight == 0) {
      refuse(index,
             "an InterClass is SphereFace+'s head.mhe_weight here; its alpha is the factor of "
             "another gradient, so say the weight of the energy: --mhe-weight (published: 0.1)");
    }
    has_energy_ = true;
    head.set_mhe_weight(weight);
    ignore(index, concat("its alpha: head.mhe_weight is ", weight, " (--mhe-weight)"));
  }

  /// A layer behind the embedding, or none that is known.
  void takeHead(int index, HeadConfig& head) {
    const caffe::LayerParameter& layer = net_.layer(index);
    const Role in = roleOf(layer, 0);
    const std::string& type = layer.type();
    if (layer.top().empty() && type != "SoftmaxWithLoss") refuse(index, "makes nothing");
    if (type == "Normalize" && in == Role::kEmbedding) {
      roles_[layer.top(0)] = Role::kUnit;
    } else if (type == "MarginInnerProduct" && in == Role::kEmbedding) {
      takeMargin(index, head);
    } else if (type == "InnerProduct" && (in == Role::kEmbedding || in == Role::kUnit)) {
      takeInnerProduct(index, in == Role::kUnit, head);
    } else if (type == "LabelSpecificAdd" && in == Role::kLogits) {
      takeLabelMargin(index, head);
    } else if ((type == "Scale" || type == "Power") && in == Role::kLogits) {
      takeScale(index, head);
    } else if (type == "SoftmaxWithLoss" && in == Role::kLogits) {
      takeLoss(index);
    } else {
      refuse(index, concat(typeOf(layer), " at that place has no counterpart here"));
    }
  }

  void checkLabel(int index) const {
    if (net_.layer(index).bottom_size() != 2 || roleOf(net_.layer(index), 1) != Role::kLabel) {
      refuse(index, "doesn't take the labels of the data layer");
    }
  }

  void beginClassifier(int index, uint32_t classes) {
    const caffe::LayerParameter& layer = net_.layer(index);
    if (!classifier_.empty()) refuse(index, concat("a second classifier, beside ", classifier_));
    classifier_ = layer.name();
    for (const caffe::ParamSpec& spec : layer.param()) {
      if (spec.lr_mult() != 1 || spec.decay_mult() != 1) {
        refuse(index, concat("lr_mult ", spec.lr_mult(), ", decay_mult ", spec.decay_mult(),
                             " of the classifier: here 1, 1"));
      }
    }
    logits_ = layer.top(0);
    roles_[logits_] = Role::kLogits;
    ignore(index,
           concat("num_output ", classes, ": there are as many classes as the data set has"));
  }

  void takeMargin(int index, HeadConfig& head) {
    const caffe::MarginInnerProductParameter& margin =
        net_.layer(index).margin_inner_product_param();
    checkLabel(index);
    if (margin.iteration() < 0)
      refuse(index, concat("iteration ", margin.iteration(), " is before 0"));
    beginClassifier(index, margin.num_output());
    head.set_type(HeadConfig::A_SOFTMAX);
    head.set_margin(margin.type() + 1);
    HeadConfig::Lambda& lambda = *head.mutable_lambda();
    lambda.set_base(decimal(margin.base()));
    lambda.set_gamma(decimal(margin.gamma()));
    lambda.set_power(decimal(margin.power()));
    lambda.set_minimum(decimal(margin.lambda_min()));
    lambda.set_start(static_cast<uint64_t>(margin.iteration()));
  }

  /// Of features of length 1 and weights that are normalised, cosines; otherwise plain softmax.
  void takeInnerProduct(int index, bool of_unit, HeadConfig& head) {
    const caffe::InnerProductParameter& parameter = net_.layer(index).inner_product_param();
    if (parameter.bias_term()) {
      refuse(index, "a bias of the classifier has no counterpart here (bias_term: false)");
    }
    if (parameter.normalize() != of_unit) {
      refuse(index, of_unit ? "takes features of length 1 with weights of any length (normalize: "
                              "true is AM-Softmax's)"
                            : "normalises its weights, but the features aren't of length 1");
    }
    beginClassifier(index, parameter.num_output());
    head.set_type(of_unit ? HeadConfig::NORMFACE : HeadConfig::SOFTMAX);
    if (of_unit) head.set_scale(1);
  }

  static bool ofCosines(const HeadConfig& head) {
    return head.type() == HeadConfig::NORMFACE || head.type() == HeadConfig::COSFACE;
  }

  /// scale * cosine + bias, of the label, is scale * (cosine - margin).
  void takeLabelMargin(int index, HeadConfig& head) {
    const float bias = net_.layer(index).label_specific_add_param().bias();
    checkLabel(index);
    if (!ofCosines(head) || head.type() == HeadConfig::COSFACE || bias > 0) {
      refuse(index, concat("adds ", bias,
                           " to the label's number; CosFace's margin is one negative addition to "
                           "its cosine"));
    }
    head.set_type(HeadConfig::COSFACE);
    head.set_margin(-decimal(bias) / head.scale());
    continueLogits(index);
  }

  void takeScale(int index, HeadConfig& head) {
    const caffe::LayerParameter& layer = net_.layer(index);
    double factor = decimal(layer.power_param().scale());
    bool fixed = layer.power_param().power() == 1 && layer.power_param().shift() == 0;
    if (layer.type() == "Scale") {
      const caffe::FillerParameter& filler = layer.scale_param().filler();
      factor = layer.scale_param().has_filler() ? decimal(filler.value()) : 1;
      fixed = filler.type() == "constant" && !layer.scale_param().bias_term() &&
              layer.param_size() == 1 && layer.param(0).lr_mult() == 0 && layer.bottom_size() == 1;
    }
    if (!ofCosines(head) || !fixed || factor <= 0) {
      refuse(index, concat(typeOf(layer),
                           " behind the classifier: only the factor of cosines, constant and "
                           "learnt by nothing (lr_mult: 0), is there"));
    }
    head.set_scale(head.scale() * factor);
    continueLogits(index);
  }

  void checkLogits(int index) const {
    if (net_.layer(index).bottom(0) != logits_) {
      refuse(index, concat("doesn't take ", logits_, ", the last of the classifier's blobs"));
    }
  }

  void continueLogits(int index) {
    checkLogits(index);
    logits_ = net_.layer(index).top(0);
    roles_[logits_] = Role::kLogits;
  }

  void takeLoss(int index) {
    const caffe::LayerParameter& layer = net_.layer(index);
    if (has_loss_) refuse(index, "a second loss");
    checkLabel(index);
    checkLogits(index);
    const caffe::LossParameter& loss = layer.loss_param();
    if (loss.has_ignore_label() || loss.normalization() == caffe::LossParameter::NONE) {
      refuse(index, "ignore_label and normalization: NONE have no counterpart here");
    }
    has_loss_ = true;
  }

  /// Multipliers are the network's own. Fillers that differ are told: they are where training
  /// begins, not how.
  void compareParameters(int index, const Network& network) const {
    const caffe::LayerParameter& layer = net_.layer(index);
    for (const Parameter& parameter : network.parameters) {
      if (layerOf(parameter) != layer.name()) continue;
      const int blob = blobIndexOf(parameter);
      const caffe::ParamSpec spec =
          blob < layer.param_size() ? layer.param(blob) : caffe::ParamSpec::default_instance();
      if (spec.lr_mult() != parameter.learning_rate_mult ||
          spec.decay_mult() != parameter.decay_mult) {
        refuse(index,
               concat("lr_mult ", spec.lr_mult(), ", decay_mult ", spec.decay_mult(), " of blob ",
                      blob, ": here ", parameter.learning_rate_mult, ", ", parameter.decay_mult));
      }
      compareFiller(index, parameter, blob);
    }
  }

  void compareFiller(int index, const Parameter& parameter, int blob) const {
    const caffe::LayerParameter& layer = net_.layer(index);
    static const caffe::FillerParameter kSlopes = [] {
      caffe::FillerParameter quarter;
      quarter.set_value(0.25F);
      return quarter;
    }();
    const caffe::ConvolutionParameter& conv = layer.convolution_param();
    const caffe::InnerProductParameter& fc = layer.inner_product_param();
    const bool of_conv = layer.type() == "Convolution";
    const caffe::FillerParameter& filler =
        layer.type() == "PReLU"
            ? (layer.prelu_param().has_filler() ? layer.prelu_param().filler() : kSlopes)
        : blob == 0 ? (of_conv ? conv.weight_filler() : fc.weight_filler())
                    : (of_conv ? conv.bias_filler() : fc.bias_filler());
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
  const CaffeText& source_;
  std::map<std::string, Role, std::less<>> roles_;
  std::string classifier_;
  std::string logits_;  // the blob that the next layer of the head takes
  uint32_t batch_ = 0;
  bool has_loss_ = false;
  bool has_energy_ = false;
};

}  // namespace

caffe::NetParameter trainedLayers(const caffe::NetParameter& net, const CaffeText& source) {
  return TrainingNet(net, source).trainedNet();
}

void takeTrainingNet(const caffe::NetParameter& net, const CaffeText& source,
                     const Network& network, const TrainingNetOptions& options,
                     TrainConfig& config) {
  TrainingNet(net, source).take(network, options, config);
}

}  // namespace sphereface
