// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// MegaFace's evaluation on features whose result is known, beside the machine's matrix product:
// oneDNN's sgemm, all threads, before and after each pass, on a square and on a block of the same
// shape as the evaluation's; "share" is the evaluation's part of the faster one. --write leaves
// lists and feature files for `sphereface evaluate megaface`, whose time has reading the files in
// it.
//
//   build/bin/megaface_bench --distractors 1000000 --repetitions 3
//
// Image n of person p is a_n on axis p and the rest on axis people + n: the cosine of two images of
// a person is a_i a_j. One distractor in 4,096 is b on the axis of some person and the rest on axes
// that no probe has: its cosine is a_i b with that person's images and 0 with others. All other
// distractors have cosines below 0.1. So b > a_j decides each search.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/statistics.h"
#include "base/this_process.h"
#include "bench/harness.h"
#include "evaluation/feature_file.h"
#include "evaluation/megaface.h"
#include "kernels/cpu/onednn.h"
#include "kernels/processor.h"

namespace {

using namespace sphereface;

constexpr size_t kPeople = 80;
constexpr uint64_t kOneIn = 4096;  // distractors like somebody

double likeness(size_t image) {
  return 0.5 + static_cast<double>(image) / 128;
}

struct Distractor {
  size_t person = kPeople;  // whom it is like; kPeople: nobody
  double likeness = 0;
};

Distractor distractorAt(size_t index) {
  Random random(1, index);
  if (random.below(kOneIn) != 0) return {};
  // Odd multiples of 1/256: never an image's likeness.
  return {random.below(kPeople), static_cast<double>(2 * random.below(128) + 1) / 256};
}

FeatureSource distractorsOf(size_t count, size_t dim, size_t first_free) {
  FeatureSource source;
  source.dim = dim;
  for (size_t i = 0; i < count; ++i)
    source.names.push_back(concat(i % 1000, "/user/", i, "_0.jpg"));
  source.read = [dim, first_free](size_t first, size_t rows, float* out) {
    for (size_t i = first; i < first + rows; ++i, out += dim) {
      const Distractor distractor = distractorAt(i);
      Random random(2, i);
      std::fill_n(out, first_free, 0.0F);
      double squares = 0;
      if (distractor.person < kPeople) {
        out[distractor.person] = static_cast<float>(distractor.likeness);
        squares = distractor.likeness * distractor.likeness;
      } else {
        for (size_t p = 0; p < kPeople; ++p) {
          out[p] = static_cast<float>(random.uniform(-0.1, 0.1));
          squares += static_cast<double>(out[p]) * static_cast<double>(out[p]);
        }
      }
      const auto rest =
          static_cast<float>(std::sqrt((1 - squares) / static_cast<double>(dim - first_free)));
      uint64_t signs = 0;
      for (size_t k = first_free; k < dim; ++k, signs >>= 1) {
        if ((k - first_free) % 64 == 0) signs = random.next();
        out[k] = (signs & 1) != 0 ? rest : -rest;
      }
    }
  };
  return source;
}

struct Probes {
  MegafaceList list;
  FeatureSet features;
  std::vector<size_t> image;  // number of each image among its person's
};

Probes probesOf(size_t count, size_t dim) {
  Probes probes;
  probes.list.file = "probes.json";
  probes.features.rows = count;
  probes.features.dim = dim;
  probes.features.values.resize(count * dim);
  for (size_t i = 0; i < count; ++i) {
    const size_t person = i % kPeople;
    probes.image.push_back(i / kPeople);
    probes.list.ids.push_back(concat("person", person));
    probes.list.paths.push_back(concat("person", person, "/", i / kPeople, ".png"));
    float* row = probes.features.values.data() + i * dim;
    const double a = likeness(i / kPeople);
    row[person] = static_cast<float>(a);
    row[kPeople + i / kPeople] = static_cast<float>(std::sqrt(1 - a * a));
  }
  probes.features.names = probes.list.paths;
  return probes;
}

/// What must come out, from the likenesses alone.
struct Answer {
  std::vector<uint64_t> rank_counts;
  double tar = 0;  // at FAR 1e-6
};

Answer answerOf(const Probes& probes, size_t distractors) {
  std::vector<std::vector<double>> like(kPeople);
  for (size_t d = 0; d < distractors; ++d) {
    const Distractor distractor = distractorAt(d);
    if (distractor.person < kPeople) like[distractor.person].push_back(distractor.likeness);
  }
  Answer answer;
  answer.rank_counts.resize(distractors + 1);
  std::vector<double> positives;
  std::vector<double> negatives;
  const size_t count = probes.image.size();
  for (size_t i = 0; i < count; ++i) {
    const double a = likeness(probes.image[i]);
    for (const double b : like[i % kPeople])
      negatives.push_back(a * b);
    for (size_t j = i % kPeople; j < count; j += kPeople) {
      if (i == j) continue;
      const double mate = likeness(probes.image[j]);
      const auto above = std::count_if(like[i % kPeople].begin(), like[i % kPeople].end(),
                                       [&](double b) { return b > mate; });
      ++answer.rank_counts[static_cast<size_t>(above)];
      if (i < j) positives.push_back(a * mate);
    }
  }
  std::sort(negatives.begin(), negatives.end(), std::greater<>());
  const auto allowed = static_cast<size_t>(1e-6 * static_cast<double>(count * distractors));
  const double bar = allowed < negatives.size() ? negatives[allowed] : 0;
  answer.tar = static_cast<double>(std::count_if(positives.begin(), positives.end(),
                                                 [&](double s) { return s > bar; })) /
               static_cast<double>(positives.size());
  return answer;
}

/// GFLOP/s of C[m,n] = A[m,k] B[n,k]^T by oneDNN, median of several.
double sgemmRate(size_t m, size_t n, size_t k) {
  AlignedBuffer<float> a(m * k);
  AlignedBuffer<float> b(n * k);
  AlignedBuffer<float> c(m * n);
  std::fill_n(a.data(), a.size(), 0.5F);
  std::fill_n(b.data(), b.size(), 0.5F);
  const auto dim = [](size_t value) { return static_cast<dnnl::memory::dim>(value); };
  std::vector<double> times(7);
  for (double& time : times) {
    time = bench::secondsOf([&] {
      onednn::gemm('N', 'T', dim(m), dim(n), dim(k), a.data(), dim(k), b.data(), dim(k), 0,
                   c.data(), dim(n));
    });
  }
  return 2e-9 * static_cast<double>(m * n) * static_cast<double>(k) / median(times);
}

void writeInputs(const std::string& folder, const Probes& probes, const FeatureSource& source) {
  std::filesystem::create_directories(folder);
  const std::filesystem::path root(folder);
  writeJsonFile(root / "probes.json", {{"path", probes.list.paths}, {"id", probes.list.ids}});
  writeJsonFile(root / "distractors.json", {{"path", source.names}});
  writeFeatures(root / "probes.sff", probes.features);
  FeatureSet features;
  features.names = source.names;
  features.rows = source.names.size();
  features.dim = source.dim;
  features.values.resize(features.rows * features.dim);
  source.read(0, features.rows, features.values.data());
  writeFeatures(root / "distractors.sff", features);
}

void measure(bench::Bench& bench) {
  const size_t probe_count = bench.option("--probes", size_t{3530});
  const size_t distractor_count = bench.option("--distractors", size_t{1000000});
  const size_t dim = bench.option("--dim", size_t{512});
  const int repetitions = bench.option("--repetitions", 3);
  const bool devkit = bench.flag("--devkit");
  const std::string write = bench.option("--write", std::string());
  bench.start();
  const size_t first_free = kPeople + (probe_count + kPeople - 1) / kPeople;
  if (probe_count > 60 * kPeople || dim <= first_free + 64) {
    throw UsageError(
        concat("at most ", 60 * kPeople, " probes, in more than ", first_free + 64, " dimensions"));
  }
  const Probes probes = probesOf(probe_count, dim);
  const FeatureSource source = distractorsOf(distractor_count, dim, first_free);
  if (!write.empty()) return writeInputs(write, probes, source);
  const Answer answer = answerOf(probes, distractor_count);
  const Scorer scorer(devkit ? Similarity::kDevkit : Similarity::kCosine, dim);
  FeatureSource probe_source;
  probe_source.names = probes.list.paths;
  probe_source.dim = dim;
  probe_source.read = [&](size_t first, size_t count, float* out) {
    std::copy_n(probes.features.values.data() + first * dim, count * dim, out);
  };
  const double gflop =
      2e-9 * static_cast<double>(probe_count * distractor_count) * static_cast<double>(dim);
  const auto peak = [&] {
    return std::max(sgemmRate(probe_count, 4096, dim), sgemmRate(2048, 2048, 2048));
  };
  bench.fact({"library", concat(processor().library, ", ", processor().instructions)});
  std::vector<double> times;
  std::vector<double> ratios;
  bool right = true;
  peak();
  for (int r = 0; r < repetitions; ++r) {
    const double before = peak();
    MegafaceResult result;
    RankGroup alone;
    times.push_back(bench::secondsOf([&] {
      const MegafaceProbes prepared = prepareProbes(scorer, probes.list, probe_source);
      result = evaluateMegaface(scorer, prepared, source,
                                {.devkit = devkit, .threads = availableThreads()}, alone);
    }));
    const double sgemm = (before + peak()) / 2;
    ratios.push_back(gflop / times.back() / sgemm);
    const bool same = devkit || (result.rank_counts == answer.rank_counts &&
                                 std::abs(result.tar_at_far[0] - answer.tar) < 1e-12);
    right = right && same;
    bench.row("passes", {{"seconds", times.back(), 2},
                         {"GFLOP/s", gflop / times.back()},
                         {"sgemm GFLOP/s", sgemm},
                         {"share", ratios.back(), 2},
                         {"rank 1 %", 100 * result.rateAtRank(1), 4},
                         {"TAR at FAR 1e-6 %", 100 * result.tar_at_far[0], 4},
                         {"answer", devkit ? "not known" : (same ? "as known" : "WRONG")}});
  }
  bench.row("medians", {{"median s", median(times), 2},
                        {"share of sgemm", median(ratios), 2},
                        {"peak MiB", static_cast<double>(processMemory().peak) / (1 << 20)}});
  if (!right) throw Error("the evaluation's answer is wrong");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, measure);
}
