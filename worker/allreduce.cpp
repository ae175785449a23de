// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/allreduce.h"

#include <algorithm>

namespace sphereface {

void allReduce(MPI_Comm comm, std::span<float> values) {
  constexpr size_t kPiece = (4U << 20) / sizeof(float);
  for (size_t begin = 0; begin < values.size(); begin += kPiece) {
    const size_t count = std::min(kPiece, values.size() - begin);
    MPI_Allreduce(MPI_IN_PLACE, values.data() + begin, static_cast<int>(count), MPI_FLOAT, MPI_SUM,
                  comm);
  }
}

}  // namespace sphereface
