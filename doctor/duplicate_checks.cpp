// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/duplicate_checks.h"

#include <algorithm>
#include <iomanip>
#include <map>

#include "base/error.h"

namespace sphereface::doctor {
namespace {

const char* const kRemove =
    "remove one file of each pair from FACES (--json lists them), then sphereface pack --input "
    "FACES --output LMDB --force";

/// Above this share of images, copies within identities are worth a warning.
constexpr double kManyCopies = 0.01;

/// Copies found, and the identity with the most of them.
class Copies {
 public:
  void within(int32_t label, const std::string& example) {
    ++within_[label];
    if (within_examples_.size() < kMostExamples) within_examples_.push_back(example);
  }
  void across(const std::string& example) {
    ++across_;
    if (across_examples_.size() < kMostExamples) across_examples_.push_back(example);
  }

  bool none() const { return across_ == 0 && within_.empty(); }
  uint64_t acrossCount() const { return across_; }
  uint64_t withinCount() const {
    uint64_t sum = 0;
    for (const auto& [label, count] : within_)
      sum += count;
    return sum;
  }
  /// ", most of 07246: 12"
  std::string worst(const DatasetManifest& manifest) const {
    const auto most =
        std::max_element(within_.begin(), within_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == within_.end()) return "";
    const bool named = most->first >= 0 && most->first < manifest.identity_size();
    return concat(", most of ",
                  named ? manifest.identity(most->first).name() : concat("label ", most->first),
                  ": ", most->second);
  }

  Finding finding(const std::string& name, const std::string& found, uint64_t images) const {
    const bool many =
        static_cast<double>(withinCount()) > kManyCopies * static_cast<double>(images);
    if (across_ == 0 && !many) return good(name, found);
    Finding result = warning(name, found, kRemove);
    result.examples = sorted(across_examples_);
    for (const std::string& example : sorted(within_examples_)) {
      if (result.examples.size() < kMostExamples) result.examples.push_back(example);
    }
    return result;
  }

 private:
  static std::vector<std::string> sorted(std::vector<std::string> texts) {
    std::sort(texts.begin(), texts.end());
    return texts;
  }

  std::map<int32_t, uint64_t> within_;
  uint64_t across_ = 0;
  std::vector<std::string> across_examples_;
  std::vector<std::string> within_examples_;
};

/// Splits records of one hash into groups of the same bytes.
std::vector<std::vector<uint64_t>> equalGroups(const std::vector<uint64_t>& records,
                                               const BytesOf& bytes) {
  std::map<std::string, std::vector<uint64_t>> groups;
  for (const uint64_t record : records)
    groups[bytes(record)].push_back(record);
  std::vector<std::vector<uint64_t>> result;
  result.reserve(groups.size());
  for (auto& [content, members] : groups)
    result.push_back(std::move(members));
  return result;
}

}  // namespace

Finding duplicatesFinding(const StoredFacts& facts, const DatasetManifest& manifest,
                          const KeyOf& key, const BytesOf& bytes) {
  std::vector<std::pair<uint64_t, uint64_t>> order;  // hash, record
  for (uint64_t i = 0; i < facts.hash.size(); ++i) {
    if (facts.label[i] != StoredFacts::kUnread) order.emplace_back(facts.hash[i], i);
  }
  std::sort(order.begin(), order.end());
  Copies copies;
  for (size_t begin = 0; begin < order.size();) {
    std::vector<uint64_t> records;
    size_t end = begin;
    for (; end < order.size() && order[end].first == order[begin].first; ++end)
      records.push_back(order[end].second);
    begin = end;
    if (records.size() < 2) continue;
    for (const std::vector<uint64_t>& group : equalGroups(records, bytes)) {
      std::map<int32_t, uint64_t> first;  // of each identity
      for (const uint64_t record : group) {
        const auto [earlier, is_first] = first.emplace(facts.label[record], record);
        if (!is_first) {
          copies.within(facts.label[record],
                        concat(key(earlier->second), " = ", key(record), " (one identity)"));
        }
      }
      for (auto other = first.begin(); other != first.end(); ++other) {
        if (other == first.begin()) continue;
        copies.across(concat(key(first.begin()->second), " = ", key(other->second)));
      }
    }
  }
  const std::string found =
      copies.none() ? concat("no two of ", facts.read, " stored images are equal")
                    : concat("of ", facts.read, " stored images ", copies.withinCount(),
                             " are copies within an identity", copies.worst(manifest), "; ",
                             copies.acrossCount(), " stand under another identity too");
  return copies.finding("duplicates", found, facts.read);
}

Finding nearDuplicatesFinding(const ImageFacts& facts, const DatasetManifest& manifest,
                              const std::vector<LikePair>& pairs, const KeyOf& key) {
  Copies copies;
  for (const LikePair& pair : pairs) {
    const bool in_order = facts.images[pair.first].record < facts.images[pair.second].record;
    const ImageFact& a = facts.images[in_order ? pair.first : pair.second];
    const ImageFact& b = facts.images[in_order ? pair.second : pair.first];
    const std::string pair_text = concat(key(a.record), " ~ ", key(b.record), " (", std::fixed,
                                         std::setprecision(4), pair.likeness);
    if (a.label == b.label) {
      copies.within(a.label, pair_text + ", one identity)");
    } else {
      copies.across(pair_text + ")");
    }
  }
  const size_t images = facts.images.size();
  const std::string found = copies.none()
                                ? concat("no two of ", images, " images look like one photograph")
                                : concat("of ", images, " images ", copies.withinCount(),
                                         " pairs within an identity look like one photograph",
                                         copies.worst(manifest), "; ", copies.acrossCount(),
                                         " pairs of different identities do, equal ones included");
  return copies.finding("near duplicates", found, images);
}

}  // namespace sphereface::doctor
