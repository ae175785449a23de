// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What the GPU's engine has of cuDNN and cuBLASLt, in plain loops over the layouts that the headers
// in kernels/cuda/ promise; accumulation in double.

#include <vector>

#include "base/positive.h"
#include "kernels/bf16.h"
#include "kernels/cuda/gpu_context.h"
#include "kernels/cuda/gpu_convolution.h"
#include "kernels/cuda/gpu_matrix_product.h"

namespace sphereface {

struct GpuLibraries {};

int countGpus() {
  return 1;
}

GpuContext::GpuContext(int)
    : libraries_(std::make_unique<GpuLibraries>()), name_("none, kernels run on the host") {
  static_cast<void>(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
}
GpuContext::~GpuContext() {
  static_cast<void>(cudaStreamDestroy(stream_));
}

namespace {

double at(const void* data, Precision precision, size_t index) {
  if (precision == Precision::kBf16) {
    return static_cast<double>(toFloat(static_cast<const Bf16*>(data)[index]));
  }
  return static_cast<double>(static_cast<const float*>(data)[index]);
}

void store(void* data, Precision precision, size_t index, double value) {
  const auto rounded = static_cast<float>(value);
  if (precision == Precision::kBf16) {
    storeFloat(static_cast<Bf16*>(data)[index], rounded);
  } else {
    static_cast<float*>(data)[index] = rounded;
  }
}

}  // namespace

// ------------------------------------------------------------------------------------ convolution

struct GpuConvolution::Plans {
  cudaStream_t stream;
  GpuConvolutionShape shape;

  size_t x(int n, int y, int x, int c) const {
    return ((positive(n) * positive(shape.in_height) + positive(y)) * positive(shape.in_width) +
            positive(x)) *
               positive(shape.in_channels) +
           positive(c);
  }
  size_t y(int n, int y, int x, int c) const {
    return ((positive(n) * positive(shape.out_height) + positive(y)) * positive(shape.out_width) +
            positive(x)) *
               positive(shape.out_channels) +
           positive(c);
  }
  size_t w(int out, int row, int column, int in) const {
    return ((positive(out) * 3 + positive(row)) * 3 + positive(column)) *
               positive(shape.in_channels) +
           positive(in);
  }
  size_t inputs() const {
    return positive(shape.batch) * positive(shape.in_height) * positive(shape.in_width) *
           positive(shape.in_channels);
  }
  size_t outputs() const {
    return positive(shape.batch) * positive(shape.out_height) * positive(shape.out_width) *
           positive(shape.out_channels);
  }
  size_t filters() const { return positive(shape.out_channels) * 9 * positive(shape.in_channels); }

  /// use(index in x, in w, in y) of every product of the convolution.
  template <class Use>
  void forEachProduct(const Use& use) const {
    const GpuConvolutionShape& s = shape;
    for (int n = 0; n < s.batch; ++n) {
      for (int oy = 0; oy < s.out_height; ++oy) {
        for (int ox = 0; ox < s.out_width; ++ox) {
          for (int row = 0; row < 3; ++row) {
            for (int column = 0; column < 3; ++column) {
              const int iy = oy * s.stride + row - 1;
              const int ix = ox * s.stride + column - 1;
              if (iy < 0 || iy >= s.in_height || ix < 0 || ix >= s.in_width) continue;
              for (int out = 0; out < s.out_channels; ++out) {
                for (int in = 0; in < s.in_channels; ++in)
                  use(x(n, iy, ix, in), w(out, row, column, in), y(n, oy, ox, out));
              }
            }
          }
        }
      }
    }
  }
  /// to [count] = sums that add(sums, index in x, in w, in y) makes of all products, when the
  /// stream gets there.
  template <class Add>
  void putSums(size_t count, void* to, const Add& add) const {
    cuda_host::submit(stream, [=, this] {
      std::vector<double> sums(count);
      forEachProduct([&](size_t ix, size_t iw, size_t iy) { add(sums, ix, iw, iy); });
      for (size_t k = 0; k < count; ++k)
        store(to, shape.precision, k, sums[k]);
    });
  }
};

GpuConvolution::GpuConvolution(const GpuContext& context, const GpuConvolutionShape& shape)
    : plans_(std::make_shared<Plans>(Plans{context.stream(), shape})) {}

size_t GpuConvolution::workspaceBytes() const {
  return 0;
}

using Sums = std::vector<double>;

void GpuConvolution::forward(const void* x, const void* w, void* y, void*) const {
  const Precision precision = plans_->shape.precision;
  plans_->putSums(plans_->outputs(), y, [=](Sums& sums, size_t ix, size_t iw, size_t iy) {
    sums[iy] += at(x, precision, ix) * at(w, precision, iw);
  });
}

void GpuConvolution::backwardData(const void* dy, const void* w, void* dx, void*) const {
  const Precision precision = plans_->shape.precision;
  plans_->putSums(plans_->inputs(), dx, [=](Sums& sums, size_t ix, size_t iw, size_t iy) {
    sums[ix] += at(dy, precision, iy) * at(w, precision, iw);
  });
}

void GpuConvolution::backwardFilter(const void* x, const void* dy, void* dw, void*) const {
  const Precision precision = plans_->shape.precision;
  plans_->putSums(plans_->filters(), dw, [=](Sums& sums, size_t ix, size_t iw, size_t iy) {
    sums[iw] += at(x, precision, ix) * at(dy, precision, iy);
  });
}

// --------------------------------------------------------------------------------- matrix product

struct GpuMatrixProduct::Plan {
  cudaStream_t stream;
  MatrixProductShape shape;
};

GpuMatrixProduct::GpuMatrixProduct(const GpuContext& context, const MatrixProductShape& shape)
    : plan_(new Plan{context.stream(), shape}) {}
GpuMatrixProduct::GpuMatrixProduct(GpuMatrixProduct&&) noexcept = default;
GpuMatrixProduct::~GpuMatrixProduct() = default;

void GpuMatrixProduct::run(const void* a, const void* b, void* c, bool add) const {
  const MatrixProductShape& s = plan_->shape;
  cuda_host::submit(plan_->stream, [=, &s] {
    const Precision result = s.fp32_result ? Precision::kFp32 : s.precision;
    for (size_t i = 0; i < positive(s.rows); ++i) {
      for (size_t j = 0; j < positive(s.columns); ++j) {
        const size_t ic = i * s.pitch_c + j;
        double sum = add ? at(c, result, ic) : 0;
        for (size_t k = 0; k < positive(s.depth); ++k) {
          const size_t ia = s.transpose_a ? k * s.pitch_a + i : i * s.pitch_a + k;
          const size_t ib = s.transpose_b ? j * s.pitch_b + k : k * s.pitch_b + j;
          sum += at(a, s.precision, ia) * at(b, s.precision, ib);
        }
        store(c, result, ic, sum);
      }
    }
  });
}

}  // namespace sphereface
