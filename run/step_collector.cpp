// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "run/step_collector.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/progress.h"

namespace sphereface {
namespace {

/// Of all workers, by rank.
double overWorkers(const StepFigure& figure, const std::map<int, StepReport>& reports,
                   uint64_t images) {
  const auto workers = static_cast<double>(reports.size());
  double all = figure.over_workers == OverWorkers::kSame ? kNotTold : 0;
  for (const auto& [worker, report] : reports) {
    const double value = figure.of(report);
    switch (figure.over_workers) {
      case OverWorkers::kPerImage:
      case OverWorkers::kSum:
        all += value;
        break;
      case OverWorkers::kMean:
        all += value / workers;
        break;
      case OverWorkers::kLargest:
        all = std::max(all, value);
        break;
      case OverWorkers::kSame:
        if (!std::isnan(value)) all = value;
        break;
    }
  }
  return figure.over_workers == OverWorkers::kPerImage ? all / static_cast<double>(images) : all;
}

}  // namespace

double workSeconds(const StepReport& r) {
  return r.loader_seconds() + r.forward_seconds() + r.head_seconds() + r.backward_seconds() +
         r.optimizer_seconds();
}

double partsOf(const FigureValues& figures) {
  double sum = 0;
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    if (!kStepFigures[row].part.empty()) sum += figures.values[row];
  }
  return sum;
}

double partsOf(const StepReport& report) {
  double sum = 0;
  for (const StepFigure& figure : kStepFigures) {
    if (!figure.part.empty()) sum += figure.of(report);
  }
  return sum;
}

std::string logText(const StepFigure& figure, double value) {
  const double shown = figure.unit == Unit::kShare ? 100 * value : value;
  std::string text(figure.log);
  return text.replace(text.find('#'), 1, fixed(shown, figure.decimals));
}

std::optional<StepSummary> StepCollector::add(int worker, StepReport report) {
  const uint64_t step = report.step();
  std::map<int, StepReport>& of_step = reports_[step];
  if (!of_step.emplace(worker, std::move(report)).second) {
    throw Error(concat("worker ", worker, " reported step ", step, " twice"));
  }
  if (of_step.size() < static_cast<size_t>(workers_)) return std::nullopt;

  StepSummary sum;
  sum.step = step;
  for (const auto& [from, r] : of_step) {
    sum.images += r.images();
    sum.skipped = sum.skipped || r.skipped();
    sum.bad_samples.insert(sum.bad_samples.end(), r.bad_sample().begin(), r.bad_sample().end());
    sum.ranks.push_back({r.images(), workSeconds(r), r.memory_bytes()});
  }
  for (size_t row = 0; row < kStepFigures.size(); ++row) {
    const StepFigure& figure = kStepFigures[row];
    if (figure.of != nullptr) {
      sum.figures.values[row] = overWorkers(figure, of_step, sum.images);
    }
  }
  for (int pass = 0; pass < passes_; ++pass) {
    for (const auto& [from, r] : of_step) {
      const int slice = r.record_size() / passes_;
      const auto begin = r.record().begin() + static_cast<ptrdiff_t>(pass) * slice;
      sum.records.insert(sum.records.end(), begin, begin + slice);
    }
  }
  reports_.erase(step);
  return sum;
}

}  // namespace sphereface
