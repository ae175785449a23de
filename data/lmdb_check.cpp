// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/lmdb_check.h"

#include <array>
#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/random_access_file.h"
#include "data/number_at.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeader = 16;
constexpr size_t kMetaBytes = kHeader + 136;
constexpr size_t kNodeHead = 8;
constexpr uint64_t kNoPage = UINT64_MAX;
enum PageFlags : uint16_t { kBranch = 1, kLeaf = 2, kMeta = 8 };
constexpr uint16_t kDirty = 0x10;  // LMDB's note to itself, of no meaning in a file
enum NodeFlags : uint16_t { kBigData = 1 };

struct Tree {
  uint16_t flags = 0;
  uint16_t depth = 0;
  uint64_t pages = 0;  // branch and leaf
  uint64_t entries = 0;
  uint64_t root = kNoPage;
};

struct Meta {
  uint64_t page_bytes = 0;
  Tree free_pages;
  Tree main;
  uint64_t last_page = 0;
  uint64_t transaction = 0;
};

class Check {
 public:
  explicit Check(const fs::path& file) : file_(file) {}

  void run() {
    const Meta meta = newestMeta();
    pages_ = meta.last_page + 1;
    if (meta.last_page >= file_.size() / page_bytes_) {
      fail(concat("truncated: ", file_.size(), " bytes, but its last page is ", meta.last_page));
    }
    seen_.assign(pages_, false);
    // The keys of the tree of free pages are transaction numbers, which LMDB orders as numbers.
    walkTree(meta.free_pages, false);
    walkTree(meta.main, true);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(concat(file_.path().string(), ": corrupt: ", what));
  }

  static Tree parseTree(const std::string& bytes, size_t at) {
    Tree tree;
    tree.flags = numberAt<uint16_t>(bytes, at + 4);
    tree.depth = numberAt<uint16_t>(bytes, at + 6);
    tree.pages = numberAt<uint64_t>(bytes, at + 8) + numberAt<uint64_t>(bytes, at + 16);
    tree.entries = numberAt<uint64_t>(bytes, at + 32);
    tree.root = numberAt<uint64_t>(bytes, at + 40);
    return tree;
  }

  Meta readMeta(uint64_t offset, uint64_t number) const {
    std::string bytes(kMetaBytes, '\0');
    file_.readAt(offset, bytes.data(), bytes.size());
    if (numberAt<uint32_t>(bytes, kHeader) != 0xBEEFC0DE ||
        (numberAt<uint16_t>(bytes, 10) & kMeta) == 0 || numberAt<uint64_t>(bytes, 0) != number) {
      fail(concat("page ", number, " is no meta page"));
    }
    if (numberAt<uint32_t>(bytes, kHeader + 4) != 1) fail("LMDB format other than version 1");
    Meta meta;
    meta.page_bytes = numberAt<uint32_t>(bytes, kHeader + 24);
    if (!std::has_single_bit(meta.page_bytes) || meta.page_bytes < 512 || meta.page_bytes > 65536) {
      fail(concat("page size ", meta.page_bytes));
    }
    meta.free_pages = parseTree(bytes, kHeader + 24);
    meta.main = parseTree(bytes, kHeader + 72);
    meta.last_page = numberAt<uint64_t>(bytes, kHeader + 120);
    meta.transaction = numberAt<uint64_t>(bytes, kHeader + 128);
    return meta;
  }

  Meta newestMeta() {
    const Meta first = readMeta(0, 0);
    page_bytes_ = first.page_bytes;
    const Meta second = readMeta(page_bytes_, 1);
    if (second.page_bytes != page_bytes_) fail("its two meta pages have different page sizes");
    const bool is_second = second.transaction > first.transaction;
    const Meta& newest = is_second ? second : first;
    // LMDB takes the number for the newer one, and its parity for the page.
    if ((newest.transaction & 1) != (is_second ? 1U : 0U)) {
      fail(concat("transaction ", newest.transaction, " stands on meta page ", is_second ? 1 : 0));
    }
    return newest;
  }

  void walkTree(const Tree& tree, bool ordered) {
    if (tree.root == kNoPage) {
      if (tree.entries != 0) fail(concat("an empty tree of ", tree.entries, " entries"));
      return;
    }
    // Beyond it LMDB has no room to remember its way down.
    constexpr int kDeepest = 32;
    if (tree.depth == 0 || tree.depth > kDeepest) fail(concat("a tree ", tree.depth, " deep"));
    entries_ = 0;
    ordered_ = ordered;
    last_key_.clear();
    walkPage(tree.root, tree.depth);
    if (entries_ != tree.entries) {
      fail(concat("the tree's record tells of ", tree.entries, " entries, there are ", entries_));
    }
  }

  std::string readPage(uint64_t number) {
    if (number < 2 || number >= pages_) fail(concat("a tree leads to page ", number));
    if (seen_[number]) fail(concat("page ", number, " is in the trees twice"));
    seen_[number] = true;
    std::string page(page_bytes_, '\0');
    file_.readAt(number * page_bytes_, page.data(), page.size());
    return page;
  }

  void walkPage(uint64_t number, int depth) {
    const std::string page = readPage(number);
    const auto bad = [&](const std::string& what) { fail(concat("page ", number, ": ", what)); };
    if (numberAt<uint64_t>(page, 0) != number) bad("it bears another number");
    const uint16_t wanted = depth == 1 ? kLeaf : kBranch;
    const auto flags = static_cast<uint16_t>(numberAt<uint16_t>(page, 10) & ~kDirty);
    if (flags != wanted) bad(concat("its flags are ", flags, " instead of ", wanted));
    const size_t lower = numberAt<uint16_t>(page, 12);
    const size_t upper = numberAt<uint16_t>(page, 14);
    if (lower < kHeader || lower > upper || upper > page_bytes_ || lower % 2 != 0) {
      bad(concat("its free space is ", lower, " .. ", upper));
    }
    const size_t nodes = (lower - kHeader) / 2;
    if (nodes < (depth == 1 ? 1U : 2U)) bad(concat(nodes, " nodes"));
    for (size_t i = 0; i < nodes; ++i) {
      const size_t at = numberAt<uint16_t>(page, kHeader + 2 * i);
      if (at < upper || at % 2 != 0 || at + kNodeHead > page_bytes_) {
        bad(concat("node ", i, " stands at ", at));
      }
      const size_t key_bytes = numberAt<uint16_t>(page, at + 6);
      if (at + kNodeHead + key_bytes > page_bytes_)
        bad(concat("node ", i, ": its key ends outside"));
      if (depth == 1) {
        checkLeafNode(page, number, i, at, key_bytes);
      } else {
        const uint64_t child = numberAt<uint16_t>(page, at) |
                               uint64_t{numberAt<uint16_t>(page, at + 2)} << 16 |
                               uint64_t{numberAt<uint16_t>(page, at + 4)} << 32;
        walkPage(child, depth - 1);
      }
    }
  }

  void checkLeafNode(const std::string& page, uint64_t number, size_t i, size_t at,
                     size_t key_bytes) {
    const auto bad = [&](const std::string& what) {
      fail(concat("page ", number, ": node ", i, ": ", what));
    };
    ++entries_;
    const size_t value_at = at + kNodeHead + key_bytes;
    const uint64_t value_bytes =
        numberAt<uint16_t>(page, at) | uint64_t{numberAt<uint16_t>(page, at + 2)} << 16;
    const auto flags = numberAt<uint16_t>(page, at + 4);
    if (flags == kBigData) {
      if (value_at + sizeof(uint64_t) > page_bytes_) bad("its page number ends outside");
      const auto first = numberAt<uint64_t>(page, value_at);
      const uint64_t count = (kHeader + value_bytes + page_bytes_ - 1) / page_bytes_;
      if (first < 2 || first >= pages_ || count > pages_ - first) {
        bad(concat("its value lies in pages ", first, " and on, outside the file"));
      }
    } else if (flags != 0) {
      bad(concat("its flags are ", flags));
    } else if (value_at + value_bytes > page_bytes_) {
      bad("its value ends outside the page");
    }
    const std::string_view key(page.data() + at + kNodeHead, key_bytes);
    if (ordered_ && key <= last_key_) bad("its key doesn't follow the one before");
    if (ordered_) last_key_ = key;
  }

  RandomAccessFile file_;
  uint64_t page_bytes_ = 0;
  uint64_t pages_ = 0;
  std::vector<bool> seen_;
  uint64_t entries_ = 0;
  bool ordered_ = false;
  std::string last_key_;
};

}  // namespace

void checkLmdb(const fs::path& file) {
  Check(file).run();
}

}  // namespace sphereface
