// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "launch/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/stop_signal.h"
#include "base/this_process.h"
#include "model/checkpoint.h"
#include "run/run_folder.h"
#include "run/run_start.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

// A job that hasn't come through MPI's own start by then probably hangs there: this is said.
constexpr std::chrono::seconds kStartPatience{60};

// Seconds before a restart: 1, 2, 4, ... up to this.
constexpr int kLongestBackOff = 60;

// Open files of an mpirun, and what each rank adds: pipes and a socket. With fewer it waits for
// ever.
constexpr size_t kFilesOfMpirun = 32;
constexpr size_t kFilesOfRank = 8;

/// Each of its threads has children of its own.
std::vector<pid_t> childrenOf(pid_t process) {
  std::vector<pid_t> children;
  std::error_code gone;
  for (const fs::directory_entry& thread :
       fs::directory_iterator(concat("/proc/", process, "/task"), gone)) {
    std::ifstream file(thread.path() / "children");
    for (pid_t child = 0; file >> child;)
      children.push_back(child);
  }
  return children;
}

/// Its children, theirs and so on; parents first.
std::vector<pid_t> descendantsOf(pid_t process) {
  std::vector<pid_t> all = childrenOf(process);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::vector<pid_t> further = childrenOf(all[i]);
    all.insert(all.end(), further.begin(), further.end());
  }
  return all;
}

bool isCoordinator(pid_t process) {
  std::ifstream file(concat("/proc/", process, "/cmdline"));
  std::string program;
  std::getline(file, program, '\0');
  return program.ends_with("sphereface-coordinator");
}

/// An mpirun whose ranks here have all ended waits for those on hosts that it can't reach any more
/// until TCP gives up, which takes a quarter of an hour. This says when to wait no longer.
class LingeringMpirun {
 public:
  using Clock = std::chrono::steady_clock;
  /// How long mpirun may take to end the rest of a job.
  static constexpr std::chrono::seconds kAllowed{10};

  /// To be called often. True once the coordinator, a child of mpirun's, has been gone for longer
  /// than allowed. Never, when mpirun runs on another host than the coordinator.
  bool waitsInVain(pid_t mpirun, Clock::time_point now);

 private:
  bool begun_ = false;
  Clock::time_point seen_;  // the coordinator
};

bool LingeringMpirun::waitsInVain(pid_t mpirun, Clock::time_point now) {
  const std::vector<pid_t> children = childrenOf(mpirun);
  if (std::any_of(children.begin(), children.end(), isCoordinator)) {
    begun_ = true;
    seen_ = now;
  }
  return begun_ && now - seen_ > kAllowed;
}

/// Ends mpirun and what it still has started: the connections to the other hosts. By SIGKILL, as
/// SIGTERM makes it wait for the same hosts again.
void endMpirun(pid_t mpirun) {
  const std::vector<pid_t> children = childrenOf(mpirun);
  ::kill(mpirun, SIGKILL);
  for (const pid_t child : children)
    ::kill(child, SIGTERM);
}

/// With hosts each gets a part of its own: where mpirun puts the ranks of a part that spans several
/// depends on its version and on who else is there.
std::vector<JobPart> partsOf(const TrainingJob& job, int workers) {
  std::vector<Host> places = {{"", workers}};
  if (!job.hosts.empty()) places = fillHosts(job.hosts, workers);
  JobPart coordinator;
  coordinator.place = {places.front().name, 1};
  coordinator.program = "sphereface-coordinator";
  coordinator.arguments = {"--config",       job.config.string(), "--run",
                           job.run.string(), "--resume",          job.resume};
  if (job.progress_bar) coordinator.arguments.emplace_back("--progress-bar");
  for (const std::string& item : job.overrides)
    coordinator.arguments.insert(coordinator.arguments.end(), {"--set", item});
  std::vector<JobPart> parts = {coordinator};
  for (const Host& place : places)
    parts.push_back({place, "sphereface-worker", {}, job.cpus_per_worker});
  return parts;
}

/// A job that failed of itself, not by its configuration or as it was asked to.
bool mayRestart(int code) {
  return code != kExitDone && code != kExitUsage && code != kExitStopped;
}

/// The workers of the next try: one less, or, when they share virtual shards, half.
int fewerWorkers(const TrainingJob& job, int workers) {
  const int fewer = job.workers_share_shards ? workers / 2 : workers - 1;
  return fewer >= job.min_workers ? fewer : workers;
}

/// Whether no other job has the run folder. This one's coordinator, when it is killed, may have it
/// for a moment longer than mpirun waits for.
bool runIsFree(const fs::path& run) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (isLocked(run)) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

uintmax_t sizeOf(const fs::path& file) {
  return fs::exists(file) ? fs::file_size(file) : 0;
}

/// The end of a job at once: by SIGTERM to its launcher, and after a while by SIGKILL to all it has
/// started here.
class SuddenEnd {
 public:
  void begin(pid_t launcher) {
    if (patience_) return;
    patience_.emplace(kGrace);
    ::kill(launcher, SIGTERM);
  }
  bool begun() const { return patience_.has_value(); }

  void look() {
    if (!patience_ || !patience_->over()) return;
    for (const pid_t process : descendantsOf(::getpid()))
      ::kill(process, SIGKILL);
  }

 private:
  static constexpr std::chrono::seconds kGrace{5};

  std::optional<Patience> patience_;
};

/// Looks whether a coordinator has taken the run folder or written an event: before that no rank of
/// ours can say anything.
class StartWatch {
 public:
  StartWatch(RunFolder run, std::chrono::seconds limit)
      : run_(std::move(run)),
        size_at_start_(sizeOf(run_.events())),
        until_said_(std::min(kStartPatience, limit)),
        limit_(limit) {}

  /// To be called often; true when it has taken too long, which is said before.
  bool hangs() {
    const bool say = until_said_.over();
    const bool end = limit_.over();
    if (settled_ || !say) return false;
    settled_ = isLocked(run_.path) || sizeOf(run_.events()) != size_at_start_;
    if (settled_) return false;
    if (!said_) {
      said_ = true;
      std::fprintf(
          stderr,
          "sphereface: no coordinator after %lld s: the ranks wait for each other in MPI's "
          "start; a host may be unreachable, the network between them one that leads nowhere "
          "(OMPI_MCA_btl_tcp_if_include=10.0.0.0/24, say, chooses), or a rank stopped\n",
          secondsOf(until_said_.waited()));
    }
    if (!end) return false;
    settled_ = true;
    std::fprintf(stderr,
                 "sphereface: still no coordinator after %lld s (%d times "
                 "coordinator.liveness_seconds): ending the job\n",
                 secondsOf(limit_.waited()), kStartFactor);
    return true;
  }

 private:
  static long long secondsOf(std::chrono::nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
  }

  RunFolder run_;
  uintmax_t size_at_start_;
  Patience until_said_;
  Patience limit_;
  bool said_ = false;
  bool settled_ = false;
};

/// Hands stop signals on to a job: as the launcher's SIGUSR1, which it hands to every rank; by
/// SIGTERM it would end them at once, which is what a second signal asks for.
class StopRelay {
 public:
  StopRelay(fs::path run, LogOutput& output, SuddenEnd& end)
      : run_(std::move(run)), output_(output), end_(end) {}

  void look(pid_t launcher) {
    // Once there is one, all ranks have come through MPI's start.
    coordinator_seen_ = coordinator_seen_ || isLocked(run_);
    if (!stopRequested()) return;
    const Clock::time_point now = Clock::now();
    const bool hangs_in_start = asked_ && now - *asked_ > kStartGrace && !coordinator_seen_;
    if (!stopNowRequested() && !hangs_in_start) {
      // Ranks that are only just being started may not have heard of it.
      if (told_ && (told_all_ || now - *told_ < kAgain)) return;
      if (!told_) {
        asked_ = now;
        output_.line("stop", concat(signalName(stopSignal()),
                                    ": a checkpoint after this step, then the end; "
                                    "once more ends it at once"));
      }
      told_ = now;
      told_all_ = coordinator_seen_;
      ::kill(launcher, SIGUSR1);
      return;
    }
    if (ended_it_) return;
    ended_it_ = true;
    output_.line("stop", hangs_in_start
                             ? std::string("there is still no coordinator: ending the job at once")
                             : concat(signalName(stopSignal()), " again: ending the job at once"));
    end_.begin(launcher);
  }
  bool endedIt() const { return ended_it_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kAgain{2};
  static constexpr std::chrono::seconds kStartGrace{10};

  fs::path run_;
  LogOutput& output_;
  SuddenEnd& end_;
  bool coordinator_seen_ = false;
  bool ended_it_ = false;
  bool told_all_ = false;
  std::optional<Clock::time_point> asked_;  // first
  std::optional<Clock::time_point> told_;   // last
};

/// Ctrl-Z reaches this process alone, as its job has a process group of its own.
void suspendWithJob(const TrainingJob& job, LogOutput& output) {
  if (!takeSuspendRequest()) return;
  if (!job.hosts.empty() || job.launcher == Launcher::kSrun) {
    output.line("suspend", "a job that may be on other hosts is not suspended by Ctrl-Z");
    return;
  }
  const std::vector<pid_t> all = descendantsOf(::getpid());
  for (const pid_t process : all)
    ::kill(process, SIGSTOP);
  ::raise(SIGSTOP);  // until the shell's fg or bg
  for (const pid_t process : all)
    ::kill(process, SIGCONT);
}

/// `beside`, if any, is called ten times a second meanwhile.
int runJob(const JobStart& start, const TrainingJob& job, LogOutput& output,
           const std::function<void()>& beside) {
  const RunFolder run{job.run};
  const uintmax_t job_begin = sizeOf(run.events());
  RankErrorFinder error;
  SuddenEnd sudden_end;
  StopRelay stop(job.run, output, sudden_end);
  bool ended = false;
  LingeringMpirun lingering;
  StartWatch start_watch(run, job.start_limit);
  auto look = [&](pid_t launcher) {
    if (beside) beside();
    if (start_watch.hangs()) sudden_end.begin(launcher);
    stop.look(launcher);
    sudden_end.look();
    suspendWithJob(job, output);
    if (!ended && lingering.waitsInVain(launcher, LingeringMpirun::Clock::now())) {
      ended = true;
      std::fprintf(stderr,
                   "sphereface: the coordinator has ended, but mpirun still waits for hosts it "
                   "cannot reach: ending it\n");
      endMpirun(launcher);
    }
  };
  const JobEnd end = start.run(look, [&](std::string_view errors) { error.read(errors); });
  if (stop.endedIt()) return 128 + stopSignal();
  if (end.dead) {
    const std::string text = describeDeadRank(*end.dead, run.events(), job_begin);
    std::fprintf(stderr, "sphereface: %s\n", printable(text).c_str());
    addEvent(run, "lost", text, {{"rank", end.dead->rank}});
  } else if (error.found() && end.code != kExitUsage && runIsFree(run.path)) {
    addEvent(run, "failed", *error.found());
  }
  return ended || sudden_end.begun() ? static_cast<int>(kExitFailed) : end.code;
}

/// Waits. True as soon as a stop is asked for.
bool stoppedWithin(int seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!stopRequested() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  return stopRequested();
}

}  // namespace

int supervise(TrainingJob job, LogOutput& output, const std::function<void()>& beside) {
  const size_t files = raiseOpenFileLimit();
  const size_t need = kFilesOfMpirun + kFilesOfRank * (static_cast<size_t>(job.workers) + 1);
  if (files < need && job.hosts.empty()) {
    throw Error(concat("no more than ", files,
                       " files may be open at once here (ulimit -Hn), and "
                       "mpirun needs some ",
                       need, " for ", job.workers + 1, " ranks: raise it"));
  }
  fs::path newest;
  int workers = job.workers;
  for (int restart = 0;; ++restart) {
    SharedNetwork network;
    if (!job.hosts.empty()) network = networkOf(job.hosts);
    if (const std::string text = networkText(network); !text.empty()) output.line("network", text);
    const JobStart start(job.launcher, partsOf(job, workers), network.route);
    output.line("run", shellText(start.line()));
    const int code = runJob(start, job, output, beside);
    const std::vector<fs::path> checkpoints = listCheckpoints(job.run);
    if (!checkpoints.empty() && checkpoints.back() != newest) {
      newest = checkpoints.back();
      restart = 0;
    }
    if (!mayRestart(code) || restart == job.restarts || stopRequested()) return code;
    const int seconds = std::min(kLongestBackOff, 1 << std::min(restart, 10));
    job.resume = "auto";
    if (job.min_workers > 0) workers = fewerWorkers(job, workers);
    output.line(concat("restart ", restart + 1, " of ", job.restarts),
                concat("the job ended with exit code ", code, "; again with ", workers,
                       workers == 1 ? " worker" : " workers", " in ", seconds, " s"));
    if (stoppedWithin(seconds)) return code;
  }
}

}  // namespace sphereface
