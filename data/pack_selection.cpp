// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack_selection.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_map>

#include "base/error.h"
#include "base/image_folder.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/text_file.h"
#include "data/pack_encoding.h"
#include "data/repeated_images.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

/// Keys the choice of max_images, apart from the order's random numbers.
constexpr uint64_t kChoiceStream = 2;
constexpr size_t kNamedInNote = 5;

/// Keeps the images that `keep` says.
template <class Keep>
void filterImages(PackInput& input, Keep keep) {
  size_t kept = 0;
  for (size_t i = 0; i < input.images.size(); ++i) {
    if (keep(i)) input.images[kept++] = input.images[i];
  }
  input.images.resize(kept);
}

std::vector<std::string> linesOf(const fs::path& file) {
  std::vector<std::string> lines;
  std::istringstream text(readListFile(file));
  for (std::string line; std::getline(text, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
      line.pop_back();
    }
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

std::string withoutSuffix(const std::string& name) {
  return hasImageSuffix(name) ? fs::path(name).replace_extension().string() : name;
}

/// The first few.
std::string someOf(const std::vector<std::string>& names) {
  std::string some;
  for (size_t i = 0; i < std::min(names.size(), kNamedInNote); ++i)
    some += (i == 0 ? "" : ", ") + names[i];
  return some + (names.size() > kNamedInNote ? ", ..." : "");
}

/// Says which of the names were found nowhere.
void noteUnused(const std::string& from, const std::vector<std::string>& names,
                const std::unordered_map<std::string, bool>& used, PackInput& input) {
  std::vector<std::string> unused;
  for (const std::string& name : names) {
    if (!used.at(withoutSuffix(name))) unused.push_back(name);
  }
  if (unused.empty()) return;
  input.notes.push_back(concat(from, ": ", unused.size(), " of ", names.size(),
                               " names are no identity or image of the input: ", someOf(unused)));
}

/// Images and whole identities of these names. Returns how many images.
uint64_t exclude(const std::string& from, const std::vector<std::string>& names, PackInput& input) {
  std::unordered_map<std::string, bool> used;
  for (const std::string& name : names)
    used.emplace(withoutSuffix(name), false);
  std::vector<uint8_t> out(input.identities.size(), 0);
  for (size_t k = 0; k < out.size(); ++k) {
    const auto found = used.find(input.identities[k].name);
    if (found == used.end()) continue;
    out[k] = 1;
    found->second = true;
  }
  const size_t before = input.images.size();
  filterImages(input, [&](size_t i) {
    const auto found = used.find(withoutSuffix(input.name(input.images[i].at)));
    if (found != used.end()) found->second = true;
    return found == used.end() && out[input.images[i].identity] == 0;
  });
  noteUnused(from, names, used, input);
  return before - input.images.size();
}

/// A pass over all images, to know the numbers of records and labels before the first is written.
void examineImages(PackInput& input, const PackSelection& selection, const cv::Size& size,
                   size_t threads, LeftOut& left_out) {
  const size_t count = input.images.size();
  std::vector<std::string> problems(count);
  std::vector<ImageDigest> digests(selection.drop_repeated ? count : 0);
  Progress progress("checking", count, "images");
  parallelFor(count, threads, [&](size_t i) {
    const uint64_t at = input.images[i].at;
    try {
      const StoredImage image = input.load(at);
      if (selection.skip_bad) checkImage(image, size, input.place(at));
      if (selection.drop_repeated) digests[i] = imageDigest(image.bytes);
    } catch (const Error& e) {
      if (!selection.skip_bad) throw;
      problems[i] = e.what();
    }
    progress.add();
  });
  progress.finish();

  std::vector<uint8_t> out(count, 0);
  for (size_t i = 0; i < count; ++i) {
    if (problems[i].empty()) continue;
    out[i] = 1;
    left_out.bad.push_back(problems[i]);
    // Bad images are no copies of each other.
    if (selection.drop_repeated) digests[i] = {i, 0};
  }
  if (selection.drop_repeated) {
    std::vector<uint32_t> identities(count);
    for (size_t i = 0; i < count; ++i)
      identities[i] = input.images[i].identity;
    const RepeatedImages repeated = findRepeated(digests, identities);
    for (const std::vector<uint64_t>* which : {&repeated.within, &repeated.across}) {
      for (const uint64_t i : *which) {
        out[i] = 1;
        left_out.repeated.push_back(input.place(input.images[i].at));
      }
    }
  }
  filterImages(input, [&](size_t i) { return out[i] == 0; });
}

/// Of each identity with more than `most` images a choice that follows from the seed alone. Returns
/// how many images went.
uint64_t keepAtMost(uint64_t most, uint64_t seed, PackInput& input) {
  std::vector<std::vector<size_t>> of_identity(input.identities.size());
  for (size_t i = 0; i < input.images.size(); ++i)
    of_identity[input.images[i].identity].push_back(i);
  std::vector<uint8_t> out(input.images.size(), 0);
  uint64_t gone = 0;
  for (size_t k = 0; k < of_identity.size(); ++k) {
    std::vector<size_t>& images = of_identity[k];
    if (images.size() <= most) continue;
    Random random(seed, kChoiceStream, static_cast<uint64_t>(input.identities[k].label));
    shuffle(images, random);
    for (size_t i = most; i < images.size(); ++i)
      out[images[i]] = 1;
    gone += images.size() - most;
  }
  filterImages(input, [&](size_t i) { return out[i] == 0; });
  return gone;
}

/// The message for labels with a gap: what is missing, and why it matters.
[[noreturn]] void refuseGap(int32_t missing, const PackInput& input,
                            const std::vector<uint64_t>& counts, const std::string& name) {
  const auto was = std::find_if(input.identities.begin(), input.identities.end(),
                                [&](const PackIdentity& id) { return id.label == missing; });
  const char* const rule =
      ": labels must be 0 .. C-1 without a gap (--renumber closes gaps, in their order)";
  if (was != input.identities.end()) {
    throw Error(
        concat(name, ": too few images are left of label ", missing, " (", was->name, ")", rule));
  }
  size_t highest = 0;
  for (size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] > 0) highest = k;
  }
  const auto example = std::find_if(input.images.begin(), input.images.end(),
                                    [&](const PackImage& i) { return i.identity == highest; });
  throw Error(concat(name, ": no image has label ", missing, ", but ", input.name(example->at),
                     " has label ", input.identities[highest].label, rule));
}

/// Leaves out identities with fewer images than `least` and gives the others their final labels.
void settleIdentities(PackInput& input, const PackSelection& selection, const std::string& name,
                      LeftOut& left_out) {
  std::vector<uint64_t> counts(input.identities.size(), 0);
  for (const PackImage& image : input.images)
    ++counts[image.identity];
  for (uint64_t& count : counts) {
    if (count < std::max<uint64_t>(1, selection.min_images)) count = 0;
  }
  filterImages(input, [&](size_t i) { return counts[input.images[i].identity] > 0; });
  if (input.images.empty()) throw Error(name + ": no usable image is left");

  std::vector<PackIdentity> kept;
  std::vector<uint32_t> index_of(counts.size(), 0);
  for (size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] == 0) {
      left_out.identities.push_back(input.identities[k].name);
      continue;
    }
    const auto label = static_cast<int32_t>(kept.size());
    if (input.labels_given && !selection.renumber && input.identities[k].label != label) {
      refuseGap(label, input, counts, name);
    }
    index_of[k] = static_cast<uint32_t>(kept.size());
    kept.push_back({input.identities[k].name, label});
  }
  if (kept.size() == 1) {
    throw Error(concat(name, ": all ", input.images.size(), " images are of one identity, ",
                       kept.front().name, ": there is nothing to tell apart"));
  }
  for (PackImage& image : input.images)
    image.identity = index_of[image.identity];
  input.identities = std::move(kept);
}

}  // namespace

LeftOut selectImages(PackInput& input, const PackSelection& selection, const cv::Size& size,
                     uint64_t seed, size_t threads, const fs::path& name) {
  LeftOut left_out;
  if (!input.nested_identities.empty() && !selection.subfolders) {
    throw Error(
        concat(name.string(), ": ", input.nested_identities.size(), " of ", input.identities.size(),
               " identities have all their images in subfolders: ", someOf(input.nested_identities),
               ". If the subfolders are the identities, pack the folder they lie in; if "
               "not, add --subfolders"));
  }
  if (!input.empty_identities.empty() && !selection.skip_bad) {
    throw Error(concat("identity folder ", (name / input.empty_identities.front()).string(),
                       " holds no image; remove it, or leave such out with --skip-bad"));
  }
  left_out.identities = input.empty_identities;
  for (const fs::path& file : selection.exclude)
    left_out.excluded += exclude(file.string(), linesOf(file), input);
  if (selection.exclude_lfw_overlap) {
    left_out.excluded +=
        exclude("--exclude-lfw-overlap", {kLfwOverlap.begin(), kLfwOverlap.end()}, input);
  }
  if (selection.skip_bad || selection.drop_repeated) {
    examineImages(input, selection, size, threads, left_out);
  }
  // Identities are counted before the largest are cut.
  settleIdentities(input, selection, name.string(), left_out);
  if (selection.max_images > 0) {
    left_out.beyond_most = keepAtMost(selection.max_images, seed, input);
  }
  return left_out;
}

}  // namespace sphereface
