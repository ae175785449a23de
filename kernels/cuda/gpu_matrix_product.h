// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <memory>

#include "kernels/cuda/gpu_context.h"
#include "kernels/engine.h"

namespace sphereface {

/// C [rows, columns] = op(A) [rows, depth] op(B) [depth, columns], all by row with a pitch. A is
/// stored [rows, depth] or, transposed, [depth, rows]; B [depth, columns] or [columns, depth]. All
/// begin where an allocation does (at a multiple of 256 bytes), or C a multiple of kPack rows
/// after.
struct MatrixProductShape {
  int rows = 0;
  int columns = 0;
  int depth = 0;
  bool transpose_a = false;
  bool transpose_b = false;
  size_t pitch_a = 0;  // elements
  size_t pitch_b = 0;
  size_t pitch_c = 0;
  Precision precision = Precision::kFp32;  // of A and B
  bool fp32_result = true;                 // otherwise C is of A's type
};

/// A matrix product on the GPU (cuBLASLt) with fp32 accumulation, planned once.
class GpuMatrixProduct {
 public:
  /// errors: Error when the library has no algorithm for the shape.
  GpuMatrixProduct(const GpuContext& context, const MatrixProductShape& shape);
  GpuMatrixProduct(GpuMatrixProduct&&) noexcept;
  ~GpuMatrixProduct();

  /// With `add`, C += the product.
  void run(const void* a, const void* b, void* c, bool add = false) const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace sphereface
