// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>

namespace sphereface {

/// `count` zeroed elements of a trivial type, on a cache-line boundary, never resized. Large ones
/// ask for huge pages: the tables of small ones cost a memory-bound pass a few percent.
template <class T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t count) : count_(count) {
    if (count == 0) return;
    const size_t bytes = count * sizeof(T);
    const bool large = bytes >= 2 * kHugePage;
    const std::align_val_t alignment{large ? kHugePage : kCacheLine};
    data_ = {static_cast<T*>(::operator new(bytes, alignment)), Free{alignment}};
    // Only a request: without huge pages everything works as well.
    if (large) ::madvise(data_.get(), bytes, MADV_HUGEPAGE);
    std::memset(static_cast<void*>(data_.get()), 0, bytes);
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  size_t size() const { return count_; }
  std::span<T> span() { return {data_.get(), count_}; }
  std::span<const T> span() const { return {data_.get(), count_}; }

 private:
  static constexpr size_t kCacheLine = 64;
  static constexpr size_t kHugePage = size_t{2} << 20;
  struct Free {
    std::align_val_t alignment{kCacheLine};
    void operator()(T* p) const { ::operator delete(p, alignment); }
  };
  size_t count_ = 0;
  std::unique_ptr<T, Free> data_;
};

}  // namespace sphereface
