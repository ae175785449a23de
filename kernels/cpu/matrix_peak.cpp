// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/matrix_peak.h"

#include <cstring>

#include "kernels/cpu/onednn.h"

namespace sphereface {
namespace {

dnnl::memory filled(const dnnl::memory::desc& desc, const dnnl::engine& engine) {
  const dnnl::memory memory(desc, engine);
  const std::vector<uint32_t> factors = matrixPeakFactors(desc.get_size() / sizeof(uint32_t));
  std::memcpy(memory.get_data_handle(), factors.data(), factors.size() * sizeof(uint32_t));
  return memory;
}

}  // namespace

double cpuMatrixPeak(bool bf16) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::stream stream(engine);
  return matrixPeak([&](dnnl::memory::dim n) {
    using Type = dnnl::memory::data_type;
    const Type type = bf16 ? Type::bf16 : Type::f32;
    const dnnl::memory::desc plain({n, n}, type, dnnl::memory::format_tag::ab);
    const dnnl::memory::desc any({n, n}, type, dnnl::memory::format_tag::any);
    // As the weights of a layer are, one factor is in whatever layout is best.
    const auto product = onednn::matrixProduct(engine, plain, any, plain);
    const onednn::Call call(dnnl::matmul(product),
                            {{DNNL_ARG_SRC, filled(plain, engine)},
                             {DNNL_ARG_WEIGHTS, filled(product.weights_desc(), engine)},
                             {DNNL_ARG_DST, dnnl::memory(plain, engine)}});
    return [call, &stream] { call(stream); };
  });
}

}  // namespace sphereface
