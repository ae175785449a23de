// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "doctor/label_checks.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <unordered_set>

#include "base/error.h"
#include "base/statistics.h"
#include "data/pack_selection.h"
#include "data/sample_order.h"

namespace sphereface::doctor {
namespace {

const char* const kPackAgain = "sphereface pack --input FACES --output LMDB --force";
/// A largest class this many times the median one dominates the batches.
constexpr double kImbalance = 50;

double square(double value) {
  return value * value;
}

/// Images of each class, of the labels in range.
std::vector<uint64_t> countLabels(const std::vector<int32_t>& labels, uint32_t classes) {
  std::vector<uint64_t> counts(classes, 0);
  for (const int32_t label : labels) {
    if (label >= 0 && static_cast<uint32_t>(label) < classes) ++counts[static_cast<size_t>(label)];
  }
  return counts;
}

std::string imagesText(uint64_t count) {
  return concat(count, count == 1 ? " image" : " images");
}

/// Names of the classes that `picked` says yes to.
template <class Picked>
std::vector<std::string> namesOf(const DatasetManifest& manifest, Picked picked) {
  std::vector<std::string> names;
  for (int label = 0; label < manifest.identity_size(); ++label) {
    if (!picked(static_cast<size_t>(label))) continue;
    if (names.size() == kMostExamples) break;
    names.push_back(concat(manifest.identity(label).name(), " (label ", label, ")"));
  }
  return names;
}

/// Distinct classes of a window, averaged over the windows of one epoch (the first hundred of
/// them), and what a shuffled data set would have.
struct WindowClasses {
  double found = 0;
  double shuffled = 0;
};

WindowClasses windowClasses(const std::vector<int32_t>& labels,
                            const std::vector<uint64_t>& counts) {
  constexpr uint64_t kWindow = SampleOrder::kBlockRecords * SampleOrder::kBlocksPerWindow;
  constexpr uint64_t kWindows = 100;
  const uint64_t records = labels.size();
  SampleOrder order(records, 1);
  WindowClasses classes;
  uint64_t windows = 0;
  for (uint64_t begin = 0; begin < records && windows < kWindows; begin += kWindow, ++windows) {
    const uint64_t end = std::min(records, begin + kWindow);
    std::unordered_set<int32_t> distinct;
    for (uint64_t i = begin; i < end; ++i)
      distinct.insert(labels[order.record(i)]);
    classes.found += static_cast<double>(distinct.size());
    const double share = static_cast<double>(end - begin) / static_cast<double>(records);
    for (const uint64_t count : counts) {
      if (count > 0) classes.shuffled += 1 - std::pow(1 - share, static_cast<double>(count));
    }
  }
  classes.found /= static_cast<double>(windows);
  classes.shuffled /= static_cast<double>(windows);
  return classes;
}

}  // namespace

Finding labelsFinding(const StoredFacts& facts, const DatasetManifest& manifest, const KeyOf& key) {
  const std::string name = "labels";
  uint64_t outside = 0;
  std::vector<std::string> examples;
  for (uint64_t i = 0; i < facts.label.size(); ++i) {
    const int32_t label = facts.label[i];
    if (label == StoredFacts::kUnread) continue;
    if (label >= 0 && static_cast<uint32_t>(label) < manifest.classes()) continue;
    if (++outside <= kMostExamples) examples.push_back(concat(key(i), ": label ", label));
  }
  const std::string looked = concat(facts.read, " of ", facts.label.size(), " records read");
  if (outside > 0) {
    Finding finding = failure(
        name, concat(looked, ", ", outside, " have a label outside 0 .. ", manifest.classes() - 1),
        concat(kPackAgain, ", whose labels are 0 .. C-1"));
    finding.examples = std::move(examples);
    return finding;
  }
  return good(name, concat(looked, ", all labels in 0 .. ", manifest.classes() - 1));
}

Finding classesFinding(const StoredFacts& facts, const DatasetManifest& manifest) {
  const std::string name = "classes";
  std::vector<uint64_t> claimed;
  for (const DatasetManifest::Identity& identity : manifest.identity())
    claimed.push_back(identity.images());
  const bool all = facts.read == manifest.records();
  const std::vector<uint64_t> counts = all ? countLabels(facts.label, manifest.classes()) : claimed;
  std::vector<uint64_t> sorted = counts;
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  const double median = medianByMean({sorted.begin(), sorted.end()});
  const auto with = [&](uint64_t images) {
    return std::count(sorted.begin(), sorted.end(), images);
  };
  const std::string found =
      concat(n, n == 1 ? " class" : " classes", " of ", sorted.front(), " to ",
             imagesText(sorted.back()), ", median ", median, all ? "" : " (by the manifest)");
  Finding finding = good(name, found);
  if (with(0) > 0) {
    finding = failure(name, concat(found, "; ", with(0), " have none"),
                      concat(kPackAgain, ", with an image for every identity"));
    finding.examples = namesOf(manifest, [&](size_t label) { return counts[label] == 0; });
  } else if (counts != claimed) {
    finding = failure(name, concat(found, "; the manifest has other counts"), kPackAgain);
    finding.examples =
        namesOf(manifest, [&](size_t label) { return counts[label] != claimed[label]; });
  } else if (n == 1) {
    finding = failure(name, found, "data of two identities or more");
  } else if (with(1) > 0) {
    finding = warning(name,
                      concat(found, "; ", with(1), with(1) == 1 ? " class has" : " classes have",
                             " a single image, which teaches nothing about variation"),
                      concat("remove their folders from FACES, then ", kPackAgain));
    finding.examples = namesOf(manifest, [&](size_t label) { return counts[label] == 1; });
  } else if (static_cast<double>(sorted.back()) > kImbalance * median) {
    finding = warning(name, concat(found, ": the largest fill the batches"),
                      concat("keep some hundred images of each in FACES, then ", kPackAgain));
    finding.examples = namesOf(manifest, [&](size_t label) {
      return static_cast<double>(counts[label]) > kImbalance * median;
    });
  }
  return finding;
}

Finding overlapFinding(const DatasetManifest& manifest) {
  const std::string name = "overlap";
  std::vector<std::string> shared;
  for (const DatasetManifest::Identity& identity : manifest.identity()) {
    if (std::ranges::find(kLfwOverlap, identity.name()) != kLfwOverlap.end()) {
      shared.push_back(identity.name());
    }
  }
  if (shared.empty()) {
    return good(name, "none of the three identities that CASIA-WebFace shares with LFW");
  }
  Finding finding =
      warning(name,
              concat(shared.size(), " of the three identities that CASIA-WebFace shares with LFW: ",
                     "scores on LFW will be of people it was trained on"),
              concat("remove their folders from FACES, then ", kPackAgain));
  finding.examples = std::move(shared);
  return finding;
}

Finding orderFinding(const std::vector<int32_t>& labels, uint32_t classes) {
  const std::string name = "order";
  if (labels.size() < 2) return skipped(name, "fewer than two records");
  const auto pairs = static_cast<double>(labels.size() - 1);
  double alike = 0;
  for (size_t i = 1; i < labels.size(); ++i)
    alike += labels[i] == labels[i - 1] ? 1 : 0;
  const std::vector<uint64_t> counts = countLabels(labels, classes);
  double expected = 0;
  for (const uint64_t count : counts)
    expected += static_cast<double>(count) * (static_cast<double>(count) - 1);
  expected /= pairs + 1;
  const double spread = std::sqrt(std::max(1.0, expected * (1 - expected / pairs)));
  const std::string found =
      concat(std::setprecision(3), 100 * alike / pairs, " % of neighbours are of one identity, ",
             100 * expected / pairs, " % when shuffled");
  // Six standard deviations, and an excess that matters.
  if (square(alike - expected) <= square(6 * spread) || alike <= expected ||
      alike - expected < 0.01 * pairs) {
    return good(name, found);
  }
  const WindowClasses window = windowClasses(labels, counts);
  const std::string fix = concat(kPackAgain, " (shuffles, unless --no-shuffle)");
  const std::string mixed =
      concat("; training mixes ", std::lround(window.found),
             " classes at a time, of shuffled data ", std::lround(window.shuffled));
  if (window.found < 0.5 * window.shuffled) {
    return failure(name, concat(found, mixed, ": the loss will rise and fall inside an epoch"),
                   fix);
  }
  return warning(name, concat(found, mixed), fix);
}

}  // namespace sphereface::doctor
