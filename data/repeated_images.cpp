// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/repeated_images.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <tuple>

namespace sphereface {

ImageDigest imageDigest(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sum.data());
  ImageDigest digest{};
  std::memcpy(digest.data(), sum.data(), sizeof digest);
  return digest;
}

RepeatedImages findRepeated(const std::vector<ImageDigest>& digests,
                            const std::vector<uint32_t>& identities) {
  std::vector<uint64_t> order(digests.size());
  std::iota(order.begin(), order.end(), uint64_t{0});
  std::sort(order.begin(), order.end(), [&](uint64_t a, uint64_t b) {
    return std::tie(digests[a], identities[a], a) < std::tie(digests[b], identities[b], b);
  });
  RepeatedImages repeated;
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && digests[order[end]] == digests[order[begin]])
      ++end;
    const bool shared = identities[order[begin]] != identities[order[end - 1]];
    for (size_t i = begin; i < end; ++i) {
      if (shared) {
        repeated.across.push_back(order[i]);
      } else if (i > begin) {
        repeated.within.push_back(order[i]);
      }
    }
  }
  std::sort(repeated.within.begin(), repeated.within.end());
  std::sort(repeated.across.begin(), repeated.across.end());
  return repeated;
}

}  // namespace sphereface
