// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "worker/step_runner.h"

#include <chrono>

#include "base/clock.h"
#include "model/train_config.h"
#include "worker/device_gradient_sum.h"
#include "worker/gradient_reducer.h"
#include "worker/worker_model.h"

namespace sphereface {
namespace {

// Steps before the first that is recorded.
constexpr uint64_t kUntracedSteps = 3;

double secondsOf(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double now() {
  return secondsOf(std::chrono::steady_clock::now());
}

/// From times of now() to unix time, which other ranks' times can be compared with.
double unixOffset() {
  return unixTime() - now();
}

std::unique_ptr<GradientSum> makeGradientSum(const MpiSession& session,
                                             const TrainConfig& train_config, Engine& engine,
                                             Heartbeat* heartbeat) {
  const WorkerConfig& config = train_config.worker();
  ReducerOptions options;
  options.wire = wireOf(config);
  options.bucket_bytes = size_t{1024} * config.bucket_kilobytes();
  options.waits =
      waitOptions(session, config, heartbeat == nullptr ? nullptr : &heartbeat->lastCollective());
  options.threaded = config.overlap() && session.threadsMayCallMpi();
  const DeviceGroup group = newGroupOfWorkers(session, deviceOf(config));
  if (group.id.empty()) {
    return std::make_unique<GradientReducer>(session.gradientLevels(), options);
  }
  DeviceSum sum;
  sum.as_bf16 = options.wire == Wire::kBf16;
  sum.in_tree = train_config.solver().reproducible_shards() > 0;
  return std::make_unique<DeviceGradientSum>(engine.join(group, sum), session.gradientLevels(),
                                             options);
}

}  // namespace

Wire wireOf(const WorkerConfig& config) {
  return config.gradient_wire() == WorkerConfig::WIRE_BF16 ? Wire::kBf16 : Wire::kFp32;
}

StepRunner::StepRunner(const MpiSession& session, const TrainConfig& config,
                       const RunLength& length, Engine& engine, Loader& loader,
                       DivergenceGuard& guard, Heartbeat* heartbeat)
    : session_(session),
      config_(config),
      length_(length),
      engine_(engine),
      loader_(loader),
      guard_(guard),
      heartbeat_(heartbeat),
      shards_(shardsOfWorker(config.solver(), session.workers())),
      records_(config.solver().iter_size()) {
  if (shards_ > 1) tree_ = engine.makeShardTree(shards_);
  if (session.workers() > 1) reducer_ = makeGradientSum(session, config, engine, heartbeat);
}

StepRunner::Outcome StepRunner::run(uint64_t step, uint64_t forward_passes, const Wishes& wishes,
                                    StepReport& report) {
  report.set_step(step);
  if (heartbeat_ != nullptr) heartbeat_->doing(step, WorkerHeartbeat::COMPUTING);
  step_ = step;
  const uint64_t traced = steps_run_++ - kUntracedSteps;  // wraps around before the first
  tracing_ = traced < config_.worker().trace_steps();
  for (uint32_t shard = 0; shard < shards_; ++shard) {
    for (uint32_t pass = 0; pass < config_.solver().iter_size(); ++pass)
      runPass(step, forward_passes, shard, pass, report);
  }
  for (std::vector<uint64_t>& ids : records_) {
    report.mutable_record()->Add(ids.begin(), ids.end());
    ids.clear();
  }
  report.set_learning_rate(learningRate(config_.solver(), length_, step));
  report.set_cache_bytes(loader_.cacheBytes());
  const double computed = now();
  if (heartbeat_ != nullptr) heartbeat_->doing(step, WorkerHeartbeat::REDUCING);
  const Outcome outcome = agree(wishes, report);
  if (reducer_) {
    double busy = 0;
    for (const GradientSum::Span& span : reducer_->spans())
      busy += secondsOf(span.end) - secondsOf(span.begin);
    for (const GradientSum::Span& span : reducer_->spans()) {
      record("bucket", Timeline::REDUCTION, secondsOf(span.begin), secondsOf(span.end), span.bytes);
    }
    record("wait", Timeline::COMPUTE, computed, now());
    report.set_reduction_seconds(busy);
  }
  report.set_communication_seconds(report.communication_seconds() + now() - computed);
  if (outcome.diverged) {
    report.set_skipped(true);
  } else {
    guard_.add(outcome.loss);
    update(report);
  }
  return outcome;
}

/// Ends the reduction, the votes being its last part.
StepRunner::Outcome StepRunner::agree(const Wishes& wishes, const StepReport& report) {
  votes_ = {wishes.stop ? 1.0F : 0.0F, wishes.checkpoint ? 1.0F : 0.0F,
            static_cast<float>(report.loss_sum())};
  if (reducer_) reducer_->finish(votes_);
  const double loss = votes_[2] / static_cast<double>(length_.images_per_step);
  return {{votes_[0] > 0, votes_[1] > 0}, loss, guard_.diverged(loss)};
}

/// The next batch, and to a GPU the one after it, if that is there.
void StepRunner::takeBatch() {
  if (ahead_) {
    std::swap(batch_, ahead_batch_);
  } else {
    loader_.next(batch_);
  }
  ahead_ = config_.worker().device() == WorkerConfig::CUDA && loader_.isReady();
  if (!ahead_) return;
  loader_.next(ahead_batch_);
  engine_.announce(ahead_batch_.images);
}

void StepRunner::runPass(uint64_t step, uint64_t forward_passes, uint32_t shard, uint32_t pass,
                         StepReport& report) {
  const SolverConfig& solver = config_.solver();
  if (heartbeat_ != nullptr) heartbeat_->progressed();
  const double start = now();
  takeBatch();
  const double loaded = now();
  report.set_loader_seconds(report.loader_seconds() + loaded - start);
  const uint64_t images =
      length_.images(step) + (pass + 1) * static_cast<uint64_t>(solver.batch_size());
  HeadStep head_step = headStepAt(config_.head(), step, forward_passes + pass + 1, images);
  head_step.sample_key = forward_passes + pass;
  GradientsReady ready;
  // Without anything to add to, the gradients simply stay where they are.
  if (pass + 1 == solver.iter_size() && (tree_ || reducer_)) {
    ready = [this, shard](const GradientRange& range) { shardReady(shard, range); };
  }
  const PassStats stats =
      engine_.forwardBackward(batch_.images, batch_.labels, head_step,
                              1.0F / static_cast<float>(length_.images_per_step), pass > 0, ready);
  const double forwarded = loaded + stats.forward_seconds;
  const double classified = forwarded + stats.head_seconds + stats.exchange_seconds;
  record("load", Timeline::COMPUTE, start, loaded);
  record("forward", Timeline::COMPUTE, loaded, forwarded);
  record("head", Timeline::COMPUTE, forwarded, classified);
  record("backward", Timeline::COMPUTE, classified, classified + stats.backward_seconds);
  report.set_images(report.images() + batch_.labels.size());
  report.set_loss_sum(report.loss_sum() + stats.head.loss_sum);
  report.set_correct(report.correct() + static_cast<uint64_t>(stats.head.correct));
  report.set_past_margin(report.past_margin() + static_cast<uint64_t>(stats.head.past_margin));
  report.set_target_cosine_sum(report.target_cosine_sum() + stats.head.target_cosine_sum);
  report.set_zero_norm_embeddings(report.zero_norm_embeddings() +
                                  static_cast<uint64_t>(stats.head.zero_norm));
  report.set_lambda(head_step.lambda);
  report.set_margin(head_step.margin);
  report.set_forward_seconds(report.forward_seconds() + stats.forward_seconds);
  report.set_head_seconds(report.head_seconds() + stats.head_seconds);
  report.set_communication_seconds(report.communication_seconds() + stats.exchange_seconds);
  report.set_backward_seconds(report.backward_seconds() + stats.backward_seconds);
  for (const BadSample& bad : batch_.bad_samples) {
    StepReport::BadSample& of_report = *report.add_bad_sample();
    of_report.set_record(bad.record);
    of_report.set_reason(static_cast<StepReport::BadSample::Reason>(bad.reason));
    of_report.set_problem(bad.problem);
  }
  report.set_cache_hits(report.cache_hits() + batch_.cache_hits);
  if (config_.worker().audit_records()) {
    records_[pass].insert(records_[pass].end(), batch_.records.begin(), batch_.records.end());
  }
}

/// One range of a shard's gradients is final.
void StepRunner::shardReady(uint32_t shard, const GradientRange& range) {
  if (heartbeat_ != nullptr) heartbeat_->progressed();
  if (tree_ && !tree_->add(shard, range)) return;
  if (reducer_) reducer_->ready(range.values, range.begin > 0);
}

void StepRunner::update(StepReport& report) {
  const double start = now();
  const SolverConfig& solver = config_.solver();
  Update update;
  update.learning_rate = report.learning_rate();
  update.momentum = solver.momentum();
  update.weight_decay = solver.weight_decay();
  update.clip_gradients = solver.clip_gradients();
  report.set_gradient_norm(engine_.update(update));
  const double updated = now();
  record("update", Timeline::COMPUTE, start, updated);
  report.set_optimizer_seconds(updated - start);
}

void StepRunner::record(const char* name, Timeline::Track track, double begin, double end,
                        size_t bytes) {
  if (!tracing_) return;
  Timeline::Event& event = *timeline_.add_event();
  event.set_name(name);
  event.set_track(track);
  event.set_begin(begin + unixOffset());
  event.set_seconds(end - begin);
  event.set_step(step_);
  if (bytes > 0) event.set_bytes(bytes);
}

}  // namespace sphereface
