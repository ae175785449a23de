// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A random part of the classes for one pass (Partial FC; An et al., 2021): the labels' own classes,
// always, and as many others as fill the part.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sphereface {

class ClassChoice {
 public:
  /// Of `classes` classes, the first of which is class `first_class`; `share` of them, but at least
  /// as many as `images` labels can name.
  ClassChoice(int first_class, int classes, double share, int images);
  /// Classes of a part; the same for each pass.
  static int sizeFor(int classes, double share, int images);

  int size() const { return static_cast<int>(rows_.size()); }
  size_t bytes() const;
  static size_t bytesFor(int classes, double share, int images);

  /// The same key and labels make the same part.
  void choose(std::span<const int32_t> labels, uint64_t key);

  /// By image: the label's place in the part, -1 where its class isn't among these classes.
  std::span<const int32_t> labels() const { return labels_; }
  /// Classes of the part, counted from first_class, rising.
  std::span<const int32_t> rows() const { return rows_; }

 private:
  int first_class_;
  std::vector<int32_t> rows_;
  std::vector<int32_t> labels_;
  std::vector<char> positive_;  // by class: it is a label's
  std::vector<char> picked_;    // by class that is no label's, counted without the others
};

}  // namespace sphereface
