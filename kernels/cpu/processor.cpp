// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "kernels/processor.h"

#include "base/error.h"
#include "kernels/cpu/onednn.h"

namespace sphereface {
namespace {

struct NamedIsa {
  dnnl::cpu_isa isa;
  const char* name;
};

// From the best down.
constexpr NamedIsa kInstructionSets[] = {
    {dnnl::cpu_isa::avx512_core_amx, "AVX-512 with AMX"},
    {dnnl::cpu_isa::avx512_core_bf16, "AVX-512 with bfloat16"},
    {dnnl::cpu_isa::avx512_core_vnni, "AVX-512 with VNNI"},
    {dnnl::cpu_isa::avx512_core, "AVX-512"},
    {dnnl::cpu_isa::avx2, "AVX2"},
    {dnnl::cpu_isa::avx, "AVX"},
    {dnnl::cpu_isa::sse41, "SSE4.1"},
};

const char* runtimeName(unsigned runtime) {
  switch (runtime) {
    case DNNL_RUNTIME_SEQ:
      return "one thread";
    case DNNL_RUNTIME_OMP:
      return "OpenMP";
    case DNNL_RUNTIME_TBB:
      return "TBB";
    default:
      return "its own threads";
  }
}

}  // namespace

Processor processor() {
  Processor result;
  result.instructions = "no vector instructions known to oneDNN";
  for (const NamedIsa& set : kInstructionSets) {
    if (!onednn::hasIsa(set.isa)) continue;
    result.instructions = set.name;
    break;
  }
  result.avx2 = onednn::hasIsa(dnnl::cpu_isa::avx2);
  result.fast_bf16 = onednn::hasFastBf16();
  const dnnl::version_t* version = dnnl::version();
  result.library = concat("oneDNN ", version->major, ".", version->minor, ".", version->patch, " (",
                          runtimeName(version->cpu_runtime), ")");
  return result;
}

}  // namespace sphereface
