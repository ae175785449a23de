// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/pairs.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <sstream>
#include <unordered_map>

#include "base/error.h"
#include "base/image_folder.h"
#include "base/sha256.h"
#include "base/text_file.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNamedInMessage = 5;

/// Reads a pairs file line by line; its errors say where it stands.
class PairsReader {
 public:
  PairsReader(const fs::path& path, const std::string& bytes) : path_(path), in_(bytes) {}

  /// The fields of the next line; false at the end of the file.
  bool next() {
    std::string line;
    if (!std::getline(in_, line)) return false;
    ++number_;
    std::istringstream words(line);
    fields_.clear();
    for (std::string word; words >> word;)
      fields_.push_back(word);
    return true;
  }

  const std::vector<std::string>& fields() const { return fields_; }

  size_t count(const std::string& field) const {
    size_t value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size() || value == 0 ||
        value > 1'000'000) {
      fail(concat("'", field, "' is no number from 1 to 1000000"));
    }
    return value;
  }

  std::string image(const std::string& name, const std::string& number) const {
    if (name.find('/') != std::string::npos || name == "." || name == "..") {
      fail(concat("'", name, "' is no name"));
    }
    char digits[24];
    std::snprintf(digits, sizeof digits, "%04zu", count(number));
    return concat(name, "/", name, "_", digits);
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(concat(path_.string(), ":", number_, ": ", what));
  }

 private:
  fs::path path_;
  std::istringstream in_;
  size_t number_ = 0;
  std::vector<std::string> fields_;
};

Pair parsePair(const PairsReader& reader, size_t fold, bool same) {
  const std::vector<std::string>& f = reader.fields();
  if (f.size() != (same ? 3 : 4)) {
    reader.fail(concat("expected ", same ? "NAME I J" : "NAME I OTHER J", " for a ",
                       same ? "matched" : "mismatched", " pair of fold ", fold + 1, ", found ",
                       f.size(), " fields"));
  }
  if (same) return {reader.image(f[0], f[1]), reader.image(f[0], f[2]), fold, true};
  if (f[0] == f[2]) reader.fail(concat("a mismatched pair of one person, ", f[0]));
  return {reader.image(f[0], f[1]), reader.image(f[2], f[3]), fold, false};
}

/// requires: `reader` is at the first line.
PairList readLfwPairs(PairsReader& reader) {
  PairList list;
  list.folds = reader.count(reader.fields()[0]);
  const size_t per_kind = reader.count(reader.fields()[1]);
  for (size_t fold = 0; fold < list.folds; ++fold) {
    for (size_t i = 0; i < 2 * per_kind; ++i) {
      if (!reader.next()) {
        reader.fail(
            concat("ends after ", list.pairs.size(), " of ", list.folds * 2 * per_kind, " pairs"));
      }
      list.pairs.push_back(parsePair(reader, fold, i < per_kind));
    }
  }
  while (reader.next()) {
    if (!reader.fields().empty()) {
      reader.fail(concat("more than the ", list.pairs.size(), " pairs its first line promises"));
    }
  }
  return list;
}

bool isFlag(const std::string& field) {
  return field == "0" || field == "1";
}

std::string plainName(const std::string& field) {
  return withoutImageSuffix(fs::path(field).lexically_normal().string());
}

/// requires: `reader` is at the first line.
PairList readPlainPairs(PairsReader& reader) {
  const bool flag_first = !isFlag(reader.fields()[2]);
  PairList list;
  do {
    const std::vector<std::string>& f = reader.fields();
    if (f.empty()) continue;
    const std::string form = flag_first ? "SAME A B" : "A B SAME";
    if (f.size() != 3) reader.fail(concat("expected `", form, "`, found ", f.size(), " fields"));
    const std::string& flag = f[flag_first ? 0 : 2];
    if (!isFlag(flag))
      reader.fail(concat("'", flag, "', SAME of `", form, "`, is neither 0 nor 1"));
    const size_t left = flag_first ? 1 : 0;
    list.pairs.push_back({plainName(f[left]), plainName(f[left + 1]), 0, flag == "1"});
  } while (reader.next());
  if (list.pairs.size() < kTenFolds) {
    reader.fail(concat(list.pairs.size(), " pairs make no ten folds"));
  }
  list.folds = kTenFolds;
  const std::vector<size_t> folds = tenFolds(list.pairs.size());
  for (size_t k = 0; k < folds.size(); ++k)
    list.pairs[k].fold = folds[k];
  return list;
}

}  // namespace

std::string withoutImageSuffix(const std::string& name) {
  const fs::path path(name);
  return hasImageSuffix(path) ? fs::path(path).replace_extension().string() : name;
}

std::vector<size_t> tenFolds(size_t count) {
  std::vector<size_t> folds;
  folds.reserve(count);
  for (size_t fold = 0; fold < kTenFolds; ++fold)
    folds.insert(folds.end(), count / kTenFolds + (fold < count % kTenFolds ? 1 : 0), fold);
  return folds;
}

PairList readPairs(const fs::path& path) {
  const std::string bytes = readListFile(path);
  PairsReader reader(path, bytes);
  const size_t fields = reader.next() ? reader.fields().size() : 0;
  if (fields != 2 && fields != 3) {
    reader.fail(
        "expected a first line with two numbers, folds and pairs of each kind per fold, or a line "
        "`A B SAME` or `SAME A B`");
  }
  PairList list = fields == 2 ? readLfwPairs(reader) : readPlainPairs(reader);
  list.sha256 = sha256File(path);
  return list;
}

std::vector<std::string> distinctImages(const PairList& list) {
  std::vector<std::string> images;
  for (const Pair& pair : list.pairs) {
    images.push_back(pair.left);
    images.push_back(pair.right);
  }
  std::sort(images.begin(), images.end());
  images.erase(std::unique(images.begin(), images.end()), images.end());
  return images;
}

std::vector<size_t> locateImages(std::span<const std::string> images,
                                 std::span<const std::string> names, const std::string& where) {
  std::unordered_multimap<std::string, size_t> index;
  for (size_t i = 0; i < names.size(); ++i)
    index.emplace(withoutImageSuffix(names[i]), i);
  std::vector<size_t> found;
  size_t missing = 0;
  size_t ambiguous = 0;
  std::string examples;
  for (const std::string& image : images) {
    const auto [first, last] = index.equal_range(image);
    const auto matches = std::distance(first, last);
    if (matches == 1) {
      found.push_back(first->second);
      continue;
    }
    ++(matches == 0 ? missing : ambiguous);
    const size_t bad = missing + ambiguous;
    if (bad <= kNamedInMessage) examples += (bad > 1 ? ", " : "") + image;
    if (bad == kNamedInMessage + 1) examples += ", ...";
  }
  if (missing + ambiguous > 0) {
    throw Error(concat(where, ": of ", images.size(), " images ", missing, " are missing and ",
                       ambiguous, " are there more than once: ", examples));
  }
  return found;
}

}  // namespace sphereface
