// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The folder that a run lives in: what its files are called, who may write it, what goes when a job
// goes on from a checkpoint, and which checkpoints stay. The checkpoints' own names and contents
// are model/checkpoint.h's.

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file_lock.h"
#include "base/json.h"
#include "proto/config.pb.h"

namespace sphereface {

struct RunFolder {
  std::filesystem::path path;

  std::filesystem::path config() const { return path / "config.textproto"; }  // the effective one
  std::filesystem::path metrics() const { return path / "metrics.jsonl"; }    // an interval a line
  std::filesystem::path events() const { return path / "events.jsonl"; }      // what happened when
  std::filesystem::path evaluations() const { return path / "evaluations.jsonl"; }  // scores
  std::filesystem::path log() const { return path / "log.txt"; }          // the coordinator's lines
  std::filesystem::path records() const { return path / "records.tsv"; }  // worker.audit_records
  std::filesystem::path trace() const { return path / "trace.json"; }     // worker.trace_steps
  std::filesystem::path summary() const { return path / "summary.json"; }  // at the end
  std::filesystem::path plot() const { return path / "plots" / "training.png"; }
  std::filesystem::path targets() const { return path / "prometheus_targets.json"; }
  std::filesystem::path pageToken() const { return path / "page_token"; }  // its owner's alone
  std::filesystem::path lock() const { return path / ".lock"; }
};

/// A line of events.jsonl: {"time": unix seconds, "event": kind, "text": text, details...}.
Json eventLine(const std::string& kind, const std::string& text, const Json& details);

/// Adds one to a run that no job writes.
void addEvent(const RunFolder& run, const std::string& kind, const std::string& text,
              const Json& details = Json::object());

/// Held by the job that writes a run folder, so that a second one, or what is left of a first one
/// whose launcher died, can't write it meanwhile. Waits for a job that is about to end.
struct RunLock : FileLock {
  /// errors: Error naming who holds it.
  explicit RunLock(const std::filesystem::path& run,
                   std::chrono::seconds patience = std::chrono::seconds(10))
      : FileLock(RunFolder{run}.lock(), patience) {}
};

/// Whether a job holds it now.
bool isLocked(const std::filesystem::path& run);

/// A job that died may have run on after its last checkpoint. What a run folder tells of those
/// steps goes, as the job that continues from the checkpoint trains them anew: the lines of
/// metrics.jsonl and records.tsv from step `first_step` on, a line that was being written, and
/// checkpoints that nobody committed. Events stay: they happened.
void rewindRunFolder(const std::filesystem::path& run, uint64_t first_step);

/// Removes from a run folder the checkpoints that checkpoint.keep and keep_best don't keep.
void removeOldCheckpoints(const std::filesystem::path& run, const CheckpointConfig& config);

}  // namespace sphereface
