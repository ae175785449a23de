// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

// insightface's .bin sets, which are pickles.

#include "evaluation/verification_set.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {
namespace {

std::string lengthOf(const std::string& bytes, size_t width) {
  const uint64_t length = bytes.size();
  return {reinterpret_cast<const char*>(&length), width};
}

/// Twenty images, each by `one`, and ten booleans.
template <class One>
std::string pickleOf(const std::string& head, One one) {
  std::string text = head + "](";
  for (int i = 0; i < 20; ++i)
    text += one();
  text += "e](";
  for (int i = 0; i < 10; ++i)
    text += i % 2 == 0 ? '\x88' : '\x89';
  return text + "e\x86.";
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string picture = smallPicture(1, 2, 2);
  const std::string array =
      "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01"
      "b\x87R";
  return {pickleOf("\x80\x02", [&] { return "T" + lengthOf(picture, 4) + picture; }),
          pickleOf("\x80\x03", [&] { return "C" + lengthOf(picture, 1) + picture; }),
          pickleOf("\x80\x04", [&] { return "\x8e" + lengthOf(picture, 8) + picture + "\x94"; }),
          pickleOf("\x80\x02",
                   [&] {
                     return std::string("c_codecs\nencode\nX\x05\x00\x00\x00hello", 26) +
                            std::string("X\x06\x00\x00\x00latin1\x86R", 13);
                   }),
          pickleOf("\x80\x03", [&] {
            return array + "(K\x01K\x05\x85" + "cnumpy\ndtype\nU\x02u1\x89\x88\x87R\x89U\x05" +
                   "abcdetb";
          })};
}

void fuzzOne(std::string_view bytes) {
  const VerificationSet set = readVerificationSet(fileOf(bytes, "set.bin"));
  set.images.load(0);
}

}  // namespace sphereface::fuzz
