// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/allreduce.h"

#include <algorithm>
#include <cstdint>

namespace sphereface {

void allReduce(MPI_Comm comm, std::span<float> values) {
  constexpr size_t kPiece = (4U << 20) / sizeof(float);
  for (size_t begin = 0; begin < values.size(); begin += kPiece) {
    const size_t count = std::min(kPiece, values.size() - begin);
    MPI_Allreduce(MPI_IN_PLACE, values.data() + begin, static_cast<int>(count), MPI_FLOAT, MPI_SUM,
                  comm);
  }
}

void broadcast(MPI_Comm comm, std::string& text) {
  auto size = static_cast<uint64_t>(text.size());
  MPI_Bcast(&size, 1, MPI_UINT64_T, 0, comm);
  text.resize(size);
  MPI_Bcast(text.data(), static_cast<int>(size), MPI_CHAR, 0, comm);
}

}  // namespace sphereface
