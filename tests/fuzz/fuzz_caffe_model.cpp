// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Any bytes as a .caffemodel: a model, or an Error.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "convert/caffe_file.h"
#include "convert/caffe_import.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sphereface;
  try {
    const caffe::NetParameter net =
        parseCaffeModel({reinterpret_cast<const char*>(data), size}, "input");
    importCaffe({{net, "input"}}, std::nullopt);
  } catch (const Error&) {
  }
  return 0;
}
