// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/cpu/cpu_head.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/positive.h"
#include "base/target_clones.h"
#include "kernels/cpu/panel_gemm.h"
#include "kernels/cpu/vector_exp.h"
#include "kernels/head_formulas.h"

namespace sphereface {
namespace {

using Type = HeadOptions::Type;
using Gradient = HeadOptions::Gradient;

constexpr int kPanel = PanelGemm::kPanel;
constexpr int kLanes = 16;
// A block's rows of W and of dW, its logits and the transposed images share a core's L2.
constexpr int kBlockFloats = 64 << 10;
constexpr int kBlockLogits = 32 << 10;
constexpr int kLargestBlock = 504;
constexpr int kBlocksOfAStripe = 4;
constexpr int kStripes = 64;
constexpr size_t kKeptBytes = size_t{256} << 20;

// Stands in for the label's z while the other classes are summed: no logit of theirs, and finite
// with any scale.
constexpr float kMasked = -1e30F;
constexpr float kNone = -std::numeric_limits<float>::infinity();

// ------------------------------------------------------------------------- loops over plain arrays

SPHEREFACE_TARGET_CLONES void normalizeRows(float* W, int rows, int dim) {
  for (int j = 0; j < rows; ++j) {
    float* w = W + static_cast<ptrdiff_t>(j) * dim;
    double square = 0;
#pragma omp simd reduction(+ : square)
    for (int k = 0; k < dim; ++k)
      square += static_cast<double>(w[k]) * static_cast<double>(w[k]);
    if (!(square > 0) || std::fabs(square - 1) <= kUnitSquareError) continue;
    const auto factor = static_cast<float>(1 / std::sqrt(square));
    for (int k = 0; k < dim; ++k)
      w[k] *= factor;
  }
}

SPHEREFACE_TARGET_CLONES double sumOfProducts(const float* a, const float* b, int count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int k = 0; k < count; ++k)
    sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return sum;
}

/// top_i = max(top_i, max_j scale z_ji)
SPHEREFACE_TARGET_CLONES void raiseTops(const float* z, int rows, int lanes, float scale,
                                        float* top) {
  for (int j = 0; j < rows; ++j) {
#pragma omp simd
    for (int i = 0; i < lanes; ++i) {
      const float logit = scale * z[j * lanes + i];
      top[i] = logit > top[i] ? logit : top[i];
    }
  }
}

/// sum_i += sum_j exp(scale z_ji - top_i)
SPHEREFACE_TARGET_CLONES void addExponentials(const float* z, int rows, int lanes, float scale,
                                              const float* top, float* sum) {
  for (int j = 0; j < rows; ++j) {
#pragma omp simd
    for (int i = 0; i < lanes; ++i)
      sum[i] += vectorExp(scale * z[j * lanes + i] - top[i]);
  }
}

/// g_ji = factor_i exp(scale z_ji - shift_i)
SPHEREFACE_TARGET_CLONES void logitGradients(const float* z, int rows, int lanes, float scale,
                                             const float* shift, const float* factor, float* g) {
  for (int j = 0; j < rows; ++j) {
#pragma omp simd
    for (int i = 0; i < lanes; ++i) {
      g[j * lanes + i] = factor[i] * vectorExp(scale * z[j * lanes + i] - shift[i]);
    }
  }
}

/// cos(theta/m) of each cosine.
SPHEREFACE_TARGET_CLONES void fractionalCosines(const FractionalCosine& fit, const float* c,
                                                int count, float* values) {
#pragma omp simd
  for (int k = 0; k < count; ++k)
    values[k] = fractionalCosine(fit, c[k]).psi;
}

SPHEREFACE_TARGET_CLONES void timesFractionalSlopes(const FractionalCosine& fit, const float* c,
                                                    int count, float* g) {
#pragma omp simd
  for (int k = 0; k < count; ++k)
    g[k] *= fractionalCosine(fit, c[k]).derivative;
}

/// sum_i g_i z_i
SPHEREFACE_TARGET_CLONES float rowProduct(const float* g, const float* z, int lanes) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < lanes; ++i)
    sum += g[i] * z[i];
  return sum;
}

SPHEREFACE_TARGET_CLONES void addScaled(float factor, const float* from, int count, float* to) {
  for (int k = 0; k < count; ++k)
    to[k] += factor * from[k];
}

// ----------------------------------------------------------------------------- the head's geometry

/// One call's arguments with what follows from them.
struct Call {
  const HeadOptions& options;
  const HeadPass& pass;
  HeadWorkspace& ws;
  const HeadRule& rule;
  const float* features;  // what W is multiplied with: x, or x of unit length
  float scale;            // logit = scale * z, or scale * cos(theta / m)
  bool fractional;        // SphereFace-R v2

  Call(const HeadOptions& o, const HeadPass& p, HeadWorkspace& w)
      : options(o),
        pass(p),
        ws(w),
        rule(w.rule),
        features(normalizesEmbedding(o.type) ? w.features.data() : p.x),
        scale(w.rule.scale),
        fractional(w.rule.isFractional()) {}

  int firstOf(int block) const { return block * ws.block; }
  int rowsOf(int block) const { return std::min(ws.block, pass.classes - firstOf(block)); }
  int blocksBefore(int stripe) const {
    return static_cast<int>(static_cast<int64_t>(ws.blocks) * stripe / ws.stripes);
  }
  float* rowsOfW(int block) const {
    return pass.W + static_cast<ptrdiff_t>(firstOf(block)) * pass.dim;
  }
  size_t blockFloats() const {
    return static_cast<size_t>(ws.block) * static_cast<size_t>(ws.lanes);
  }
  /// The block's z: kept, or a stripe's scratch.
  float* z(int stripe, int block) const {
    if (ws.streaming) {
      return ws.scratch.data() + static_cast<size_t>(stripe) * ws.scratchFloats() + blockFloats();
    }
    return ws.logits.data() + static_cast<ptrdiff_t>(firstOf(block)) * ws.lanes;
  }
  float* gradients(int stripe) const {
    return ws.scratch.data() + static_cast<size_t>(stripe) * ws.scratchFloats();
  }
  /// The label's row in the block, or -1.
  int targetRow(int image, int block) const {
    const int row = pass.labels[image] - pass.first_class - firstOf(block);
    return row >= 0 && row < rowsOf(block) ? row : -1;
  }
  /// action(image, its element of the block) for each label in the block.
  template <class Action>
  void forTargets(int block, const Action& action) const {
    for (int i = 0; i < pass.batch; ++i) {
      const int row = targetRow(i, block);
      if (row >= 0) action(i, row * ws.lanes + i);
    }
  }
  bool ownsTarget(int image) const {
    const int row = pass.labels[image] - pass.first_class;
    return row >= 0 && row < pass.classes;
  }
};

void transposeImages(const Call& call) {
  const HeadPass& p = call.pass;
  for (int i = 0; i < p.batch; ++i) {
    const float* from = call.features + static_cast<ptrdiff_t>(i) * p.dim;
    float* to = call.ws.transposed.data() + static_cast<ptrdiff_t>(i / kPanel) * kPanel * p.dim +
                i % kPanel;
    for (int k = 0; k < p.dim; ++k)
      to[static_cast<ptrdiff_t>(k) * kPanel] = from[k];
  }
}

void prepareImages(const Call& call) {
  const HeadPass& p = call.pass;
  for (int i = 0; i < p.batch; ++i) {
    const float* x = p.x + static_cast<ptrdiff_t>(i) * p.dim;
    const double norm = std::sqrt(sumOfProducts(x, x, p.dim));
    call.ws.norms.data()[i] = static_cast<float>(norm);
    call.ws.target.data()[i] = 0;
    if (!normalizesEmbedding(call.options.type)) continue;
    float* unit = call.ws.features.data() + static_cast<ptrdiff_t>(i) * p.dim;
    for (int k = 0; k < p.dim; ++k)
      unit[k] = norm == 0 ? 0.0F : static_cast<float>(x[k] / norm);
  }
  transposeImages(call);
}

/// z of a block.
void multiplyBlock(const Call& call, int block, float* z) {
  const HeadPass& p = call.pass;
  const int lanes = call.ws.lanes;
  PanelGemm gemm;
  gemm.rows = call.rowsOf(block);
  gemm.columns = lanes;
  gemm.depth = p.dim;
  gemm.a = call.rowsOfW(block);
  gemm.a_row = p.dim;
  gemm.a_depth = 1;
  gemm.b = call.ws.transposed.data();
  gemm.b_panel = static_cast<ptrdiff_t>(kPanel) * p.dim;
  gemm.b_depth = kPanel;
  gemm.c = z;
  gemm.c_row = lanes;
  gemm.prefetch = gemm.a + static_cast<ptrdiff_t>(gemm.rows) * p.dim;
  gemm.prefetch_row = p.dim;
  panelGemm(gemm);
}

/// The block's logits without the scale: z itself, or, in `values`, cosines of parts of the angles.
const float* unscaledLogits(const Call& call, int block, const float* z, float* values) {
  if (!call.fractional) return z;
  fractionalCosines(call.rule.fractional, z, call.rowsOf(block) * call.ws.lanes, values);
  call.forTargets(block, [&](int, int at) { values[at] = kMasked; });
  return values;
}

/// The label's logit from its z, by the margin.
void setTarget(const Call& call, int image, int weights_row, float z) {
  HeadWorkspace& ws = call.ws;
  const HeadPass& p = call.pass;
  double weights_norm = 1;
  if (call.options.type == Type::kSoftmax) {
    const float* w = p.W + static_cast<ptrdiff_t>(weights_row) * p.dim;
    weights_norm = std::sqrt(sumOfProducts(w, w, p.dim));
  }
  const HeadTarget target = headTarget(call.rule, z, ws.norms.data()[image], weights_norm);
  ws.target_product.data()[image] = target.product;
  ws.target_cosine.data()[image] = target.cosine;
  ws.target.data()[image] = target.logit;
}

// ----------------------------------------------------------------------------------------- forward

void forwardStripe(const Call& call, int stripe) {
  HeadWorkspace& ws = call.ws;
  const int lanes = ws.lanes;
  float* top = ws.stripe_top.data() + static_cast<ptrdiff_t>(stripe) * lanes;
  double* sum = ws.stripe_sum.data() + static_cast<ptrdiff_t>(stripe) * lanes;
  std::fill_n(top, lanes, kNone);
  std::fill_n(sum, lanes, 0.0);
  // The lanes of one block's tops and sums, after the block's gradients (or fractional cosines).
  float* block_top = call.gradients(stripe) + ws.scratchFloats() - 2 * lanes;
  float* block_sum = block_top + lanes;

  for (int block = call.blocksBefore(stripe); block < call.blocksBefore(stripe + 1); ++block) {
    const int rows = call.rowsOf(block);
    float* z = call.z(stripe, block);
    if (normalizesWeights(call.options.type)) {
      normalizeRows(call.rowsOfW(block), rows, call.pass.dim);
    }
    multiplyBlock(call, block, z);
    call.forTargets(block, [&](int i, int at) {
      setTarget(call, i, call.firstOf(block) + at / lanes, z[at]);
      z[at] = kMasked;
    });
    const float* logits = unscaledLogits(call, block, z, call.gradients(stripe));
    std::copy_n(top, lanes, block_top);
    raiseTops(logits, rows, lanes, call.scale, block_top);
    std::fill_n(block_sum, lanes, 0.0F);
    addExponentials(logits, rows, lanes, call.scale, block_top, block_sum);
    for (int i = 0; i < lanes; ++i) {
      // A block of nothing but the label says nothing of the others.
      if (rows == 1 && i < call.pass.batch && call.targetRow(i, block) == 0) continue;
      if (block_top[i] > top[i]) {
        sum[i] *= vectorExp(top[i] - block_top[i]);
        top[i] = block_top[i];
      }
      sum[i] += block_sum[i];
    }
  }
}

void mergeStripes(const Call& call) {
  HeadWorkspace& ws = call.ws;
  for (int i = 0; i < call.pass.batch; ++i) {
    float top = kNone;
    double sum = 0;
    for (int stripe = 0; stripe < ws.stripes; ++stripe) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(stripe) * ws.lanes + i;
      const float other = ws.stripe_top.data()[at];
      // NaN must not be passed over.
      if (other == kNone && ws.stripe_sum.data()[at] == 0) continue;
      if (other > top) {
        sum *= std::exp(static_cast<double>(top) - static_cast<double>(other));
        top = other;
      }
      sum += ws.stripe_sum.data()[at] *
             std::exp(static_cast<double>(other) - static_cast<double>(top));
    }
    ws.top.data()[i] = top;
    ws.sum.data()[i] = sum;
  }
}

// ---------------------------------------------------------------------------------------- backward

/// The softmax of one image: its loss, and the factors its gradients are made with.
void finishSoftmax(const Call& call, int image, HeadStats& stats) {
  HeadWorkspace& ws = call.ws;
  const SoftmaxOthers others = {ws.top.data()[image], ws.sum.data()[image]};
  const HeadTarget target = {ws.target_product.data()[image], ws.target_cosine.data()[image],
                             ws.target.data()[image]};
  const ImageSoftmax softmax = imageSoftmax(others, target.logit);
  const SoftmaxShift shift = softmaxShift(call.rule, softmax);
  ws.shift.data()[image] = shift.shift;
  ws.factor.data()[image] = shift.factor;
  if (!call.ownsTarget(image)) return;

  const float norm = ws.norms.data()[image];
  const ImageStats own = imageStats(call.rule, softmax, others, target, norm);
  stats.loss_sum += own.loss;
  stats.target_cosine_sum += own.cosine;
  stats.zero_norm += own.zero_norm ? 1 : 0;
  stats.correct += own.correct ? 1 : 0;
  stats.past_margin += own.past_margin ? 1 : 0;

  const TargetGradient gradient = targetGradient(call.rule, softmax, target, norm);
  ws.target_gradient_w.data()[image] = gradient.for_w;
  ws.target_gradient_x.data()[image] = gradient.for_x;
  ws.embedding_factor.data()[image] = gradient.for_embedding;
}

/// g of a block's classes, 0 for the labels.
void blockGradients(const Call& call, int block, const float* z, float* g) {
  HeadWorkspace& ws = call.ws;
  const int lanes = ws.lanes;
  const int rows = call.rowsOf(block);
  const float* logits = unscaledLogits(call, block, z, g);
  logitGradients(logits, rows, lanes, call.scale, ws.shift.data(), ws.factor.data(), g);
  if (call.fractional && call.options.gradient == Gradient::kExact) {
    timesFractionalSlopes(call.rule.fractional, z, rows * lanes, g);
  }
}

void backwardStripe(const Call& call, int stripe) {
  HeadWorkspace& ws = call.ws;
  const HeadPass& p = call.pass;
  const int lanes = ws.lanes;
  const int dim = p.dim;
  float* g = call.gradients(stripe);
  for (int block = call.blocksBefore(stripe); block < call.blocksBefore(stripe + 1); ++block) {
    const int rows = call.rowsOf(block);
    const float* W = call.rowsOfW(block);
    float* dW = p.dW + static_cast<ptrdiff_t>(call.firstOf(block)) * dim;
    float* z = call.z(stripe, block);
    if (ws.streaming) {
      multiplyBlock(call, block, z);
      call.forTargets(block, [&](int, int at) { z[at] = kMasked; });
    }
    blockGradients(call, block, z, g);
    call.forTargets(block, [&](int i, int at) {
      g[at] = ws.target_gradient_w.data()[i];
      z[at] = ws.target_product.data()[i];
    });

    PanelGemm gemm;
    gemm.rows = rows;
    gemm.columns = dim;
    gemm.depth = p.batch;
    gemm.a = g;
    gemm.a_row = lanes;
    gemm.a_depth = 1;
    gemm.b = call.features;
    gemm.b_panel = kPanel;
    gemm.b_depth = dim;
    gemm.c = dW;
    gemm.c_row = dim;
    gemm.accumulate = p.accumulate;
    gemm.prefetch = W;
    gemm.prefetch_row = dim;
    panelGemm(gemm);
    if (projectsGradient(call.options)) {
      // w_j . (sum_i g_ij x_i) = sum_i g_ij z_ij
      for (int j = 0; j < rows; ++j) {
        const float along = rowProduct(g + j * lanes, z + j * lanes, lanes);
        addScaled(-along, W + static_cast<ptrdiff_t>(j) * dim, dim,
                  dW + static_cast<ptrdiff_t>(j) * dim);
      }
    }

    call.forTargets(block, [&](int i, int at) { g[at] = ws.target_gradient_x.data()[i]; });
    gemm.prefetch = nullptr;
    gemm.rows = p.batch;
    gemm.depth = rows;
    gemm.a_row = 1;
    gemm.a_depth = lanes;
    gemm.b = W;
    gemm.c = ws.stripe_dx.data() + static_cast<ptrdiff_t>(stripe) * p.batch * dim;
    gemm.accumulate = block > call.blocksBefore(stripe);
    panelGemm(gemm);
  }
}

/// dx_i from the stripes' sums of g w.
void finishEmbedding(const Call& call, int image) {
  HeadWorkspace& ws = call.ws;
  const HeadPass& p = call.pass;
  const ptrdiff_t at = static_cast<ptrdiff_t>(image) * p.dim;
  const ptrdiff_t stripe_floats = static_cast<ptrdiff_t>(p.batch) * p.dim;
  float* dx = p.dx + at;
  std::copy_n(ws.stripe_dx.data() + at, p.dim, dx);
  for (int stripe = 1; stripe < ws.stripes; ++stripe) {
    addScaled(1, ws.stripe_dx.data() + stripe * stripe_floats + at, p.dim, dx);
  }
  if (!normalizesEmbedding(call.options.type)) {
    if (call.ownsTarget(image)) addScaled(ws.embedding_factor.data()[image], p.x + at, p.dim, dx);
    return;
  }
  const float norm = ws.norms.data()[image];
  const float inverse = norm == 0 ? 0 : 1 / norm;
  const float* unit = call.features + at;
  const auto along = static_cast<float>(sumOfProducts(unit, dx, p.dim));
  for (int k = 0; k < p.dim; ++k)
    dx[k] = (dx[k] - along * unit[k]) * inverse;
}

}  // namespace

HeadWorkspace::HeadWorkspace(const HeadOptions& options, int batch, int dim, int classes) {
  bytes_ = layOut(options, batch, dim, classes, true);
}

size_t HeadWorkspace::bytesFor(const HeadOptions& options, int batch, int dim, int classes) {
  return HeadWorkspace().layOut(options, batch, dim, classes, false);
}

size_t HeadWorkspace::layOut(const HeadOptions& options, int batch, int dim, int classes,
                             bool allocate) {
  lanes = (batch + kLanes - 1) / kLanes * kLanes;
  const int fitting = std::min({kBlockFloats / dim, kBlockLogits / lanes, kLargestBlock});
  // Whole tiles of PanelGemm.
  block = std::max(6, fitting / 6 * 6);
  blocks = (classes + block - 1) / block;
  stripes = std::clamp(blocks / kBlocksOfAStripe, 1, kStripes);
  const size_t kept_floats = positive(lanes) * positive(classes);
  streaming =
      options.streaming.value_or(positive(batch) * positive(classes) * sizeof(float) > kKeptBytes);

  size_t bytes = 0;
  auto take = [&]<class T>(AlignedBuffer<T>& buffer, size_t count) {
    bytes += count * sizeof(T);
    if (allocate) buffer = AlignedBuffer<T>(count);
  };
  const size_t images = positive(lanes);
  take(top, images);
  take(sum, images);
  take(target, images);
  const size_t embedding_floats = positive(batch) * positive(dim);
  if (normalizesEmbedding(options.type)) take(features, embedding_floats);
  take(transposed, (images + kPanel - 1) / kPanel * kPanel * positive(dim));
  take(norms, images);
  take(target_product, images);
  take(target_cosine, images);
  take(shift, images);
  take(factor, images);
  take(target_gradient_w, images);
  take(target_gradient_x, images);
  take(embedding_factor, images);
  take(stripe_top, positive(stripes) * images);
  take(stripe_sum, positive(stripes) * images);
  take(stripe_dx, positive(stripes) * embedding_floats);
  take(scratch, positive(stripes) * scratchFloats());
  if (!streaming) take(logits, kept_floats);
  if (options.mhe_weight > 0) {
    bytes += CpuEnergy::bytesFor(batch);
    if (allocate) energy = CpuEnergy(batch, dim, options.mhe_weight);
  }
  return bytes;
}

/// Gradients of a block, its z when streaming, and two rows.
size_t HeadWorkspace::scratchFloats() const {
  return (positive(block) * (streaming ? 2 : 1) + 2) * positive(lanes);
}

void headForward(const HeadOptions& options, const HeadPass& pass, HeadWorkspace& workspace) {
  workspace.rule = headRule(options, pass.step, pass.loss_scale);
  const Call call(options, pass, workspace);
  prepareImages(call);
#pragma omp parallel for schedule(dynamic)
  for (int stripe = 0; stripe < workspace.stripes; ++stripe)
    forwardStripe(call, stripe);
  mergeStripes(call);
}

HeadStats headBackward(const HeadOptions& options, const HeadPass& pass, HeadWorkspace& workspace) {
  const Call call(options, pass, workspace);
  HeadStats stats;
  for (int i = 0; i < pass.batch; ++i)
    finishSoftmax(call, i, stats);
#pragma omp parallel for schedule(dynamic)
  for (int stripe = 0; stripe < workspace.stripes; ++stripe)
    backwardStripe(call, stripe);
#pragma omp parallel for schedule(static)
  for (int i = 0; i < pass.batch; ++i)
    finishEmbedding(call, i);
  return stats;
}

HeadStats headForwardBackward(const HeadOptions& options, const HeadPass& pass,
                              HeadWorkspace& workspace, const CombineSoftmax& combine) {
  headForward(options, pass, workspace);
  if (combine) combine(workspace);
  HeadStats stats = headBackward(options, pass, workspace);
  if (options.mhe_weight > 0) {
    workspace.energy.add(pass.labels, pass.labels,
                         {{pass.first_class, pass.classes}, pass.W, pass.dW}, &workspace.rule,
                         &stats);
  }
  return stats;
}

CpuHead::CpuHead(const EngineOptions& options, const Arena& arena)
    : options_(options.head),
      workspace_(options.head, options.batch, options.network.embedding, options.classes) {
  pass_.batch = options.batch;
  pass_.dim = options.network.embedding;
  pass_.classes = options.classes;
  pass_.first_class = options.first_class;
  pass_.W = arena.parameters.data();
  pass_.dW = arena.gradients.data();
}

void CpuHead::setRule(const HeadStep& step, float loss_scale) {
  pass_.step = step;
  pass_.loss_scale = loss_scale;
}

void CpuHead::run(const float* x, const int32_t* labels, bool accumulate, float* dx,
                  HeadStats* stats, const CombineSoftmax& combine) {
  pass_.x = x;
  pass_.labels = labels;
  pass_.dx = dx;
  pass_.accumulate = accumulate;
  *stats = headForwardBackward(options_, pass_, workspace_, combine);
}

}  // namespace sphereface
