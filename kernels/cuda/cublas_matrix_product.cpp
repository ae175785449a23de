// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <numeric>

#include "kernels/cuda/channel_pack.h"
#include "kernels/cuda/gpu_libraries.h"
#include "kernels/cuda/gpu_matrix_product.h"

namespace sphereface {
namespace {

void check(cublasStatus_t status, const char* attempt) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(concat("cuBLASLt: ", attempt, ": ", cublasLtGetStatusString(status)));
}

cudaDataType_t typeOf(Precision precision) {
  return precision == Precision::kBf16 ? CUDA_R_16BF : CUDA_R_32F;
}

/// A matrix by row is its transpose by column, which is what the library takes.
cublasLtMatrixLayout_t layoutOf(cudaDataType_t type, int rows, int columns, size_t pitch) {
  cublasLtMatrixLayout_t layout = nullptr;
  check(cublasLtMatrixLayoutCreate(&layout, type, static_cast<uint64_t>(columns),
                                   static_cast<uint64_t>(rows), static_cast<int64_t>(pitch)),
        "describe a matrix");
  return layout;
}

template <class Value>
void set(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute, Value value) {
  check(cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof(value)),
        "describe a product");
}

template <class Value>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute,
         Value value) {
  check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)),
        "state a preference");
}

}  // namespace

/// C^T = op(B)^T op(A)^T by column: the library's first matrix is B, its second A.
struct GpuMatrixProduct::Plan {
  Plan(const GpuContext& gpu, const MatrixProductShape& s) : context(gpu) {
    check(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describe a product");
    set(product, CUBLASLT_MATMUL_DESC_TRANSA, s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(product, CUBLASLT_MATMUL_DESC_TRANSB, s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    const cudaDataType_t type = typeOf(s.precision);
    a = s.transpose_a ? layoutOf(type, s.depth, s.rows, s.pitch_a)
                      : layoutOf(type, s.rows, s.depth, s.pitch_a);
    b = s.transpose_b ? layoutOf(type, s.columns, s.depth, s.pitch_b)
                      : layoutOf(type, s.depth, s.columns, s.pitch_b);
    c = layoutOf(s.fp32_result ? CUDA_R_32F : type, s.rows, s.columns, s.pitch_c);
    chooseAlgorithm(s);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    for (const cublasLtMatrixLayout_t layout : {a, b, c}) {
      if (layout != nullptr) static_cast<void>(cublasLtMatrixLayoutDestroy(layout));
    }
    if (product != nullptr) static_cast<void>(cublasLtMatmulDescDestroy(product));
  }

  void chooseAlgorithm(const MatrixProductShape& s) {
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), "state a preference");
    set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
        static_cast<uint64_t>(context.libraries().matrix_workspace.bytes()));
    // Matrices begin where allocations do, or a multiple of kPack rows after.
    const size_t row =
        s.pitch_c *
        (s.fp32_result || s.precision == Precision::kFp32 ? sizeof(float) : sizeof(uint16_t));
    const auto alignment = static_cast<uint32_t>(std::gcd(kPack * row, size_t{256}));
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment);
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment);
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        context.libraries().cublas, product, b, a, c, c, preference, 1, &algorithm, &found);
    static_cast<void>(cublasLtMatmulPreferenceDestroy(preference));
    if (status != CUBLAS_STATUS_SUCCESS || found == 0) {
      throw Error(concat("cuBLASLt on ", context.name(), " has no algorithm for a product of ",
                         s.rows, "x", s.depth, " and ", s.depth, "x", s.columns, ": ",
                         cublasLtGetStatusString(status)));
    }
  }

  const GpuContext& context;
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t a = nullptr;
  cublasLtMatrixLayout_t b = nullptr;
  cublasLtMatrixLayout_t c = nullptr;
  cublasLtMatmulHeuristicResult_t algorithm = {};
};

GpuMatrixProduct::GpuMatrixProduct(const GpuContext& context, const MatrixProductShape& shape)
    : plan_(std::make_unique<Plan>(context, shape)) {}
GpuMatrixProduct::GpuMatrixProduct(GpuMatrixProduct&&) noexcept = default;
GpuMatrixProduct::~GpuMatrixProduct() = default;

void GpuMatrixProduct::run(const void* a, const void* b, void* c, bool add) const {
  const Plan& p = *plan_;
  const float one = 1;
  const float before = add ? 1 : 0;
  const DeviceBuffer<uint8_t>& workspace = p.context.libraries().matrix_workspace;
  check(cublasLtMatmul(p.context.libraries().cublas, p.product, &one, b, p.b, a, p.a, &before, c,
                       p.c, c, p.c, &p.algorithm.algo, workspace.data(), workspace.bytes(),
                       p.context.stream()),
        "multiply matrices");
}

}  // namespace sphereface
