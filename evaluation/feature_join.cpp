// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/feature_join.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/sha256.h"
#include "evaluation/scorer.h"

namespace sphereface {
namespace {

/// The row of each of `names` in `part`.
std::vector<size_t> rowsOf(const std::vector<std::string>& names, const FeatureSet& part,
                           const std::string& label) {
  std::unordered_map<std::string, size_t> row_of;
  for (size_t row = 0; row < part.rows; ++row) {
    if (!row_of.emplace(part.names[row], row).second) {
      throw Error(concat(label, ": ", part.names[row], " is there twice"));
    }
  }
  std::vector<size_t> rows;
  rows.reserve(names.size());
  for (const std::string& name : names) {
    const auto found = row_of.find(name);
    if (found == row_of.end()) throw Error(concat(label, ": no feature of ", name));
    rows.push_back(found->second);
  }
  return rows;
}

/// What all parts say, or what each of them says that isn't said before.
std::string joined(const std::vector<FeatureSet>& parts, std::string FeatureSet::*text) {
  std::vector<std::string> different;
  for (const FeatureSet& part : parts) {
    if (std::find(different.begin(), different.end(), part.*text) == different.end()) {
      different.push_back(part.*text);
    }
  }
  std::string all = different.front();
  for (size_t i = 1; i < different.size(); ++i)
    all += " + " + different[i];
  return all;
}

std::string jointChecksum(const std::vector<FeatureSet>& parts) {
  std::string checksums;
  for (const FeatureSet& part : parts) {
    if (part.model_sha256.empty()) return "";
    checksums += part.model_sha256;
  }
  return parts.size() == 1 ? checksums : sha256(checksums);
}

}  // namespace

FeatureSet joinFeatures(const std::vector<FeatureSet>& parts,
                        const std::vector<std::string>& labels, PartLength length) {
  FeatureSet all;
  all.names = parts.front().names;
  all.rows = all.names.size();
  for (size_t p = 0; p < parts.size(); ++p) {
    all.dim += parts[p].dim;
    if (parts[p].rows != all.rows) {
      throw Error(
          concat(labels[p], " has ", parts[p].rows, " features, ", labels.front(), " ", all.rows));
    }
    if (parts[p].mirror != parts.front().mirror) {
      throw Error(concat(labels[p], " was extracted with --mirror ", parts[p].mirror, ", ",
                         labels.front(), " with ", parts.front().mirror));
    }
  }
  all.values.resize(all.rows * all.dim);
  size_t begin = 0;
  for (size_t p = 0; p < parts.size(); ++p) {
    const FeatureSet& part = parts[p];
    const Scorer unit(Similarity::kCosine, part.dim);
    const std::vector<size_t> rows = rowsOf(all.names, part, labels[p]);
    for (size_t i = 0; i < all.rows; ++i) {
      const std::span<const float> feature = part.row(rows[i]);
      float* to = all.values.data() + i * all.dim + begin;
      if (length == PartLength::kUnit) {
        unit.prepare(feature, concat(labels[p], ": ", all.names[i]), to);
      } else {
        std::copy(feature.begin(), feature.end(), to);
      }
    }
    begin += part.dim;
  }
  all.model_sha256 = jointChecksum(parts);
  all.mirror = parts.front().mirror;
  all.alignment_template = joined(parts, &FeatureSet::alignment_template);
  all.color_order = joined(parts, &FeatureSet::color_order);
  return all;
}

}  // namespace sphereface
