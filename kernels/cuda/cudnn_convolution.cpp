// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// By cuDNN's graph interface, whose heuristics know each card's best kernels; the older functions
// for convolutions don't reach all of them.

#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "base/positive.h"
#include "kernels/cuda/gpu_convolution.h"
#include "kernels/cuda/gpu_libraries.h"
#include "kernels/cuda/stream_marks.h"

namespace sphereface {
namespace {

void check(cudnnStatus_t status, const char* attempt) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::array<char, 512> detail = {};
  cudnnGetLastErrorString(detail.data(), detail.size());
  throw Error(concat("cuDNN: ", attempt, ": ", cudnnGetErrorString(status), " ", detail.data()));
}

/// One of the library's descriptors.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    check(cudnnBackendCreateDescriptor(type, &descriptor_), "make a descriptor");
  }
  Descriptor(Descriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() {
    if (descriptor_ != nullptr) static_cast<void>(cudnnBackendDestroyDescriptor(descriptor_));
  }

  template <class Value>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
           const std::vector<Value>& values) {
    check(cudnnBackendSetAttribute(descriptor_, name, type, static_cast<int64_t>(values.size()),
                                   values.data()),
          "set an attribute");
  }
  template <class Value>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, Value value) {
    check(cudnnBackendSetAttribute(descriptor_, name, type, 1, &value), "set an attribute");
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, other.descriptor_);
  }
  /// Up to values.size() of them; answers how many there are.
  template <class Value>
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
              std::vector<Value>& values) const {
    int64_t count = 0;
    check(cudnnBackendGetAttribute(descriptor_, name, type, static_cast<int64_t>(values.size()),
                                   &count, values.data()),
          "get an attribute");
    return count;
  }
  cudnnStatus_t tryFinalize() { return cudnnBackendFinalize(descriptor_); }
  void finalize(const char* attempt) { check(tryFinalize(), attempt); }
  cudnnBackendDescriptor_t get() const { return descriptor_; }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

/// Names of a pass's three tensors in its plan.
constexpr int64_t kX = 1;
constexpr int64_t kW = 2;
constexpr int64_t kY = 3;

/// Bytes; a few algorithms want more.
constexpr int64_t kMostWorkspace = int64_t{1} << 30;

cudnnDataType_t typeOf(Precision precision) {
  return precision == Precision::kBf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

/// Dimensions n, c, h, w (or out, in, 3, 3) of memory in which c is innermost.
Descriptor tensor(int64_t name, Precision precision, int64_t n, int64_t c, int64_t h, int64_t w) {
  Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, name);
  d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, typeOf(precision));
  d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, std::vector<int64_t>{n, c, h, w});
  d.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, std::vector<int64_t>{h * w * c, 1, w * c, c});
  d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, int64_t{16});
  d.finalize("describe a tensor");
  return d;
}

Descriptor convolution(int stride) {
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const std::vector<int64_t> ones = {1, 1};
  const std::vector<int64_t> strides = {stride, stride};
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, int64_t{2});
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, ones);
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, ones);
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, ones);
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, strides);
  d.finalize("describe a convolution");
  return d;
}

enum class Pass { kForward, kBackwardData, kBackwardFilter };

/// What the library calls a pass's operation and its parts.
struct PassNames {
  const char* name;
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t x, w, y, convolution, alpha, beta;
};

const PassNames& namesOf(Pass pass) {
  static constexpr std::array<PassNames, 3> kNames = {{
      {"forward", CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
      {"backward data", CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
      {"backward filter", CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
  }};
  return kNames.at(static_cast<size_t>(pass));
}

/// One pass's operation as a graph of its own.
Descriptor passGraph(cudnnHandle_t handle, const GpuConvolutionShape& s, Pass pass) {
  const PassNames& names = namesOf(pass);
  Descriptor operation(names.operation);
  operation.set(names.x, tensor(kX, s.precision, s.batch, s.in_channels, s.in_height, s.in_width));
  operation.set(names.w, tensor(kW, s.precision, s.out_channels, s.in_channels, 3, 3));
  operation.set(names.y,
                tensor(kY, s.precision, s.batch, s.out_channels, s.out_height, s.out_width));
  operation.set(names.convolution, convolution(s.stride));
  operation.set(names.alpha, CUDNN_TYPE_FLOAT, 1.0F);
  operation.set(names.beta, CUDNN_TYPE_FLOAT, 0.0F);
  operation.finalize("describe a pass");
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  graph.finalize("describe a pass");
  return graph;
}

/// Ways to do a pass, likely the fastest first.
std::vector<Descriptor> configurations(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  constexpr size_t kMost = 16;
  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
  if (heuristic.tryFinalize() != CUDNN_STATUS_SUCCESS) return {};
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (size_t i = 0; i < kMost; ++i) {
    found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(found.back().get());
  }
  const int64_t count =
      heuristic.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, raw);
  found.erase(found.begin() + static_cast<ptrdiff_t>(count), found.end());
  return found;
}

/// Whether the arithmetic is what the shape asks for: the same bits in every run, if it does, and
/// of kFp32 products of whole fp32 numbers.
bool fits(const Descriptor& configuration, const GpuConvolutionShape& s) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  std::vector<cudnnBackendDescriptor_t> raw = {engine.get()};
  configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, raw);
  std::vector<cudnnBackendNumericalNote_t> notes(CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  const int64_t count =
      engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, notes);
  notes.resize(static_cast<size_t>(count));
  for (const cudnnBackendNumericalNote_t note : notes) {
    if (s.same_bits && note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) return false;
    if (note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) return false;
    if (s.precision == Precision::kFp32 && note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) {
      return false;
    }
  }
  return true;
}

struct Plan {
  Descriptor plan;
  size_t workspace = 0;
};

/// Of one of a pass's tensors.
size_t bytesOf(Precision precision, int a, int b, int c, int d) {
  return positive(a) * positive(b) * positive(c) * positive(d) *
         (precision == Precision::kBf16 ? 2 : 4);
}

/// A pass's memory, to try it in.
struct Trial {
  explicit Trial(const GpuConvolutionShape& s)
      : x(bytesOf(s.precision, s.batch, s.in_channels, s.in_height, s.in_width)),
        w(bytesOf(s.precision, s.out_channels, s.in_channels, 3, 3)),
        y(bytesOf(s.precision, s.batch, s.out_channels, s.out_height, s.out_width)) {}

  DeviceBuffer<uint8_t> x, w, y;
  StreamMarks marks{2};
};

/// What can do a pass on this card, likely the fastest first, at most `most`.
std::vector<Plan> candidates(const GpuContext& context, const GpuConvolutionShape& s, Pass pass,
                             size_t most) {
  const cudnnHandle_t handle = context.libraries().cudnn;
  const Descriptor graph = passGraph(handle, s, pass);
  std::vector<Plan> plans;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (const Descriptor& configuration : configurations(graph, mode)) {
      if (plans.size() == most) return plans;
      if (!fits(configuration, s)) continue;
      Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle);
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
      // Heuristics also name what doesn't work here.
      if (plan.tryFinalize() != CUDNN_STATUS_SUCCESS) continue;
      std::vector<int64_t> workspace(1);
      plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, workspace);
      if (workspace[0] > kMostWorkspace) continue;
      plans.push_back({std::move(plan), static_cast<size_t>(workspace[0])});
    }
    if (!plans.empty()) break;
  }
  return plans;
}

cudnnStatus_t execute(const GpuContext& context, const Plan& plan, const void* x, const void* w,
                      const void* y, void* workspace) {
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, std::vector<int64_t>{kX, kW, kY});
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
           std::vector<const void*>{x, w, y});
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  pack.finalize("describe a pass's memory");
  return cudnnBackendExecute(context.libraries().cudnn, plan.plan.get(), pack.get());
}

/// Infinite for what doesn't work.
double secondsOf(const GpuContext& context, const Plan& plan, const Trial& trial) {
  constexpr int kRuns = 3;
  const DeviceBuffer<uint8_t> workspace(plan.workspace);
  const cudaStream_t stream = context.stream();
  for (int run = -1; run < kRuns; ++run) {  // one to warm up
    if (run == 0) trial.marks.set(0, stream);
    const cudnnStatus_t status =
        execute(context, plan, trial.x.data(), trial.w.data(), trial.y.data(), workspace.data());
    if (status != CUDNN_STATUS_SUCCESS) return std::numeric_limits<double>::infinity();
  }
  trial.marks.set(1, stream);
  sphereface::check(cudaStreamSynchronize(stream), "try a convolution");
  return trial.marks.seconds(0, 1);
}

/// The likely fastest, the same in every run; where that doesn't matter, the measured fastest of
/// the first few.
Plan choosePlan(const GpuContext& context, const GpuConvolutionShape& s, Pass pass) {
  constexpr size_t kTried = 8;
  std::vector<Plan> plans = candidates(context, s, pass, s.same_bits ? 1 : kTried);
  if (plans.empty()) {
    throw Error(concat("cuDNN on ", context.name(), " has no ", namesOf(pass).name,
                       " convolution for ", s.batch, " images of ", s.in_channels, "x", s.in_height,
                       "x", s.in_width, " to ", s.out_channels, " channels, stride ", s.stride,
                       s.same_bits ? ", with the same result in every run (worker.convolution "
                                     "FASTEST allows others)"
                                   : ""));
  }
  if (plans.size() == 1) return std::move(plans.front());
  const Trial trial(s);
  size_t fastest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < plans.size(); ++i) {
    const double seconds = secondsOf(context, plans[i], trial);
    if (seconds >= least) continue;
    least = seconds;
    fastest = i;
  }
  return std::move(plans[fastest]);
}

}  // namespace

struct GpuConvolution::Plans {
  const GpuContext& context;
  std::vector<Plan> passes;  // by Pass

  void run(Pass pass, const void* x, const void* w, const void* y, void* workspace) const {
    check(execute(context, passes.at(static_cast<size_t>(pass)), x, w, y, workspace),
          namesOf(pass).name);
  }
};

GpuConvolution::GpuConvolution(const GpuContext& context, const GpuConvolutionShape& shape)
    : plans_(std::make_shared<Plans>(Plans{context, {}})) {
  plans_->passes.push_back(choosePlan(context, shape, Pass::kForward));
  if (!shape.training) return;
  // In the order of Pass; the first layer's has nothing to tell below.
  plans_->passes.push_back(shape.with_backward_data
                               ? choosePlan(context, shape, Pass::kBackwardData)
                               : Plan{Descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR), 0});
  plans_->passes.push_back(choosePlan(context, shape, Pass::kBackwardFilter));
}

size_t GpuConvolution::workspaceBytes() const {
  size_t largest = 0;
  for (const Plan& plan : plans_->passes)
    largest = std::max(largest, plan.workspace);
  return largest;
}

void GpuConvolution::forward(const void* x, const void* w, void* y, void* workspace) const {
  plans_->run(Pass::kForward, x, w, y, workspace);
}

void GpuConvolution::backwardData(const void* dy, const void* w, void* dx, void* workspace) const {
  plans_->run(Pass::kBackwardData, dx, w, dy, workspace);
}

void GpuConvolution::backwardFilter(const void* x, const void* dy, void* dw,
                                    void* workspace) const {
  plans_->run(Pass::kBackwardFilter, x, dw, dy, workspace);
}

}  // namespace sphereface
