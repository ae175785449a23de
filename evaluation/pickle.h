// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Reads the part of Python's pickle format that lists of byte strings, NumPy byte arrays, booleans
// and integers are written in, protocols 1 to 5. A pickle is a program that may call anything; here
// it is read as data and nothing is called. The names it may contain are those of what it takes to
// write such values (_codecs.encode, NumPy's array and dtype); any other is refused.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sphereface {

struct PickleValue {
  enum class Kind { kNone, kNumber, kBytes, kList, kName };

  Kind kind = Kind::kNone;
  int64_t number = 0;  // booleans are 0 and 1
  // Of byte strings, texts and one-dimensional arrays of bytes; of kName the name. Points into the
  // pickle or to `own_bytes`.
  std::string_view bytes;
  std::string own_bytes;
  // Of lists and tuples; all of a pickle's values live as long as the one that was read.
  std::vector<PickleValue*> items;
  int depth = 0;  // of lists in each other
};

/// `bytes` must outlive the result. `name` stands for them in messages.
/// errors: Error naming the place when it is truncated, isn't a pickle of such values, contains
/// another name, would decode to more bytes than it has, or has more than 2^20 values.
std::shared_ptr<const PickleValue> readPickle(std::string_view bytes, const std::string& name);

}  // namespace sphereface
