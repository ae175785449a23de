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
  PairsReader(const fs::path& path, const std::string& bytes)
      : path_(path), in_(bytes), commas_(hasCommas(bytes.substr(0, bytes.find('\n')))) {}

  /// The fields of the next line; false at the end of the file.
  bool next() {
    std::string line;
    if (!std::getline(in_, line)) return false;
    ++number_;
    fields_.clear();
    std::istringstream words(line);
    if (commas_) {
      for (std::string word; std::getline(words, word, ',');)
        fields_.push_back(bare(word));
      // A person's pairs leave the fourth column empty.
      while (!fields_.empty() && fields_.back().empty())
        fields_.pop_back();
    } else {
      for (std::string word; words >> word;)
        fields_.push_back(word);
    }
    return true;
  }

  bool isCsv() const { return commas_; }

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
  /// Two or more, and no three words, which are paths with commas in them.
  static bool hasCommas(const std::string& line) {
    std::istringstream words(line);
    size_t count = 0;
    for (std::string word; words >> word && !word.ends_with(',');)
      ++count;
    return std::count(line.begin(), line.end(), ',') >= 2 && count < 3;
  }

  /// Without spaces around it, and quotation marks.
  static std::string bare(std::string_view word) {
    const auto is_around = [](char c) {
      return std::string_view(" \t\r\"").find(c) != std::string_view::npos;
    };
    while (!word.empty() && is_around(word.front()))
      word.remove_prefix(1);
    while (!word.empty() && is_around(word.back()))
      word.remove_suffix(1);
    return std::string(word);
  }

  fs::path path_;
  std::istringstream in_;
  bool commas_;
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

/// Folds for a list without: ten of the pairs of a person, and ten of the others.
void cutInTenFolds(const PairsReader& reader, PairList& list) {
  list.folds = kTenFolds;
  for (const bool same : {true, false}) {
    std::vector<Pair*> kind;
    for (Pair& pair : list.pairs) {
      if (pair.same == same) kind.push_back(&pair);
    }
    if (kind.size() < kTenFolds) {
      reader.fail(
          concat(kind.size(), same ? " matched" : " mismatched", " pairs make no ten folds"));
    }
    const std::vector<size_t> folds = tenFolds(kind.size());
    for (size_t i = 0; i < kind.size(); ++i)
      kind[i]->fold = folds[i];
  }
}

/// LFW's View 1. requires: `reader` is at the first line.
PairList readDevelopmentPairs(PairsReader& reader) {
  PairList list;
  const size_t per_kind = reader.count(reader.fields()[0]);
  while (list.pairs.size() < 2 * per_kind) {
    if (!reader.next()) {
      reader.fail(concat("ends after ", list.pairs.size(), " of ", 2 * per_kind, " pairs"));
    }
    list.pairs.push_back(parsePair(reader, 0, list.pairs.size() < per_kind));
  }
  while (reader.next()) {
    if (!reader.fields().empty()) {
      reader.fail(concat("more than the ", list.pairs.size(), " pairs its first line promises"));
    }
  }
  cutInTenFolds(reader, list);
  return list;
}

/// pairs.txt as CSV. requires: `reader` is at the heading.
PairList readCsvPairs(PairsReader& reader) {
  PairList list;
  std::vector<size_t> runs;  // of pairs of one kind
  while (reader.next()) {
    const size_t fields = reader.fields().size();
    if (fields == 0) continue;
    if (fields != 3 && fields != 4) {
      reader.fail(concat("expected NAME,I,J or NAME,I,OTHER,J, found ", fields, " fields"));
    }
    const bool same = fields == 3;
    if (list.pairs.empty() || list.pairs.back().same != same) runs.push_back(0);
    ++runs.back();
    list.pairs.push_back(parsePair(reader, (runs.size() - 1) / 2, same));
  }
  const bool even =
      std::all_of(runs.begin(), runs.end(), [&](size_t run) { return run == runs.front(); });
  if (runs.empty() || runs.size() % 2 != 0 || !even) {
    reader.fail("matched and mismatched pairs must alternate in runs of one length, a fold's each");
  }
  list.folds = runs.size() / 2;
  if (list.folds == 1) cutInTenFolds(reader, list);
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

/// By the first line.
PairList readAs(PairsReader& reader, size_t fields) {
  if (fields == 1) return readDevelopmentPairs(reader);
  if (fields == 2) return readLfwPairs(reader);
  if (reader.isCsv() && !isFlag(reader.fields()[0]) && !isFlag(reader.fields()[2])) {
    if (reader.fields()[1] == "imagenum1") return readCsvPairs(reader);
    const bool has_more = reader.next();  // below a heading of the other form
    if (!has_more || reader.fields().size() != 3) {
      reader.fail("expected A,B,SAME or SAME,A,B below the heading");
    }
  }
  return readPlainPairs(reader);
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
  if (fields < 1 || fields > 3) {
    reader.fail(
        "expected a first line with two numbers, folds and pairs of each kind per fold, with one, "
        "pairs of each kind, a line `A B SAME` or `SAME A B`, or a heading of CSV");
  }
  PairList list = readAs(reader, fields);
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
