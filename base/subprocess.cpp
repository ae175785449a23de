// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <thread>

#include "base/error.h"

namespace sphereface {
namespace {

using Clock = std::chrono::steady_clock;

/// Between SIGTERM and SIGKILL.
constexpr std::chrono::seconds kGrace{3};
constexpr std::chrono::milliseconds kLook{10};

/// `prepare` runs in the child before the program.
pid_t start(const CommandLine& line, const Environment& environment,
            const std::function<void()>& prepare) {
  std::vector<char*> arguments;
  arguments.reserve(line.size() + 1);
  for (const std::string& word : line)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw Error(concat("cannot start ", line[0], ": ", std::strerror(errno)));
  if (child > 0) return child;
  ::signal(SIGPIPE, SIG_DFL);  // which this process may ignore
  prepare();
  for (const auto& [name, value] : environment)
    ::setenv(name.c_str(), value.c_str(), 1);
  ::execvp(arguments[0], arguments.data());
  std::fprintf(stderr, "sphereface: error: cannot run %s: %s\n", arguments[0],
               std::strerror(errno));
  ::_exit(kNoSuchProgram);
}

int codeOf(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// A pipe whose ends are closed with it.
struct Pipe {
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw Error(concat("cannot make a pipe: ", std::strerror(errno)));
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends[0]);
    if (ends[1] >= 0) ::close(ends[1]);
  }
  void closeWriter() {
    ::close(ends[1]);
    ends[1] = -1;
  }
  std::array<int, 2> ends{};
};

/// What a program prints, on its way to this process's own stdout or stderr. Never waits for
/// whoever reads that: a stopped terminal or a full pipe must not stop the program. Where nobody
/// reads any more, what comes is dropped.
class Outlet {
 public:
  explicit Outlet(int descriptor) : descriptor_(descriptor) {}

  void add(std::string_view text) {
    if (gone_) return;
    if (waiting_.size() + text.size() > kMostWaiting) {
      left_out_ = true;
      return;
    }
    if (left_out_) waiting_ += "[... what nobody read is left out here]\n";
    left_out_ = false;
    waiting_ += text;
  }
  /// As much as is taken within so much time; all of it, with a negative time.
  void write(int milliseconds) {
    pollfd writing = {descriptor_, POLLOUT, 0};
    while (!waiting_.empty()) {
      const int ready = ::poll(&writing, 1, milliseconds);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return;
      // As much as a pipe that is ready takes at once.
      const size_t count = std::min<size_t>(waiting_.size(), PIPE_BUF);
      const ssize_t written = ::write(descriptor_, waiting_.data(), count);
      if (written > 0) waiting_.erase(0, static_cast<size_t>(written));
      if (written >= 0 || errno == EINTR || errno == EAGAIN) continue;
      gone_ = true;
      waiting_.clear();
    }
  }

 private:
  static constexpr size_t kMostWaiting = size_t{4} << 20;
  int descriptor_;
  std::string waiting_;
  bool left_out_ = false;
  bool gone_ = false;
};

/// Adds what can be read. False at the end.
bool drain(int descriptor, std::string& text) {
  std::array<char, 4096> bytes{};
  const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
  if (count > 0) text.append(bytes.data(), static_cast<size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);
}

/// Reads until both pipes end or the time is over; says which.
bool readBoth(const Pipe& out, const Pipe& errors, Clock::time_point end, ProgramOutput& result) {
  std::array<pollfd, 2> waiting = {pollfd{out.ends[0], POLLIN, 0}, {errors.ends[0], POLLIN, 0}};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return false;
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) < 0) continue;
    for (pollfd& one : waiting) {
      std::string& text = &one == waiting.data() ? result.out : result.errors;
      if (one.revents != 0 && !drain(one.fd, text)) one.fd = -1;
    }
  }
  return true;
}

/// True when it has ended by then.
bool reap(pid_t child, Clock::time_point end, int& status) {
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

/// By SIGTERM or, when that didn't help, SIGKILL. Returns its status.
int end(pid_t child) {
  int status = 0;
  ::kill(child, SIGTERM);
  if (!reap(child, Clock::now() + kGrace, status)) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  return status;
}

/// In a child: end when the parent does.
void endWith(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kNoSuchProgram);  // it has ended already
}

}  // namespace

std::string shellText(const CommandLine& line) {
  std::string text;
  for (const std::string& word : line) {
    if (!text.empty()) text += ' ';
    if (!word.empty() && word.find_first_of(" \"'$\\[]*?{}&;|<>()") == std::string::npos) {
      text += word;
      continue;
    }
    text += '\'';
    for (const char c : word)
      text += c == '\'' ? "'\\''" : std::string(1, c);
    text += '\'';
  }
  return text;
}

std::filesystem::path siblingProgram(const std::string& name) {
  std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
  if (!std::filesystem::exists(path)) {
    throw Error(concat("missing ", path.string(), ": the build is incomplete"));
  }
  return path;
}

int runProgram(const CommandLine& line, const Environment& environment,
               const std::function<void(pid_t)>& look,
               const std::function<void(std::string_view)>& errors) {
  constexpr std::chrono::milliseconds kBetweenLooks{100};
  Pipe out;
  Pipe err;
  std::fflush(stdout);
  const pid_t parent = ::getpid();
  const pid_t child = start(line, environment, [&] {
    endWith(parent);
    // Of its own, so that Ctrl-C reaches this process alone, which knows what to do about it.
    ::setpgid(0, 0);
    ::signal(SIGUSR1, SIG_IGN);  // until the program has its own answer to it
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(out.ends[1], STDOUT_FILENO);
    ::dup2(err.ends[1], STDERR_FILENO);
  });
  out.closeWriter();
  err.closeWriter();
  std::array<pollfd, 2> reading = {pollfd{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
  std::array<Outlet, 2> outlets = {Outlet(STDOUT_FILENO), Outlet(STDERR_FILENO)};
  /// Waits for something to pass on. False when there was nothing.
  auto pass_on = [&](std::chrono::milliseconds patience) {
    const int ready = ::poll(reading.data(), reading.size(), static_cast<int>(patience.count()));
    for (size_t i = 0; ready > 0 && i < reading.size(); ++i) {
      std::string text;
      if (reading[i].revents != 0 && !drain(reading[i].fd, text)) reading[i].fd = -1;
      outlets[i].add(text);
      if (i == 1 && errors && !text.empty()) errors(text);
    }
    for (Outlet& outlet : outlets)
      outlet.write(0);
    return ready > 0;
  };
  int status = 0;
  Clock::time_point next_look = Clock::now() + kBetweenLooks;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    pass_on(kLook);
    if (Clock::now() < next_look) continue;
    next_look = Clock::now() + kBetweenLooks;
    if (look) look(child);
  }
  // To the last word of its own; others may keep the pipes open, and go on writing.
  const Clock::time_point end = Clock::now() + std::chrono::seconds(1);
  while (pass_on(std::chrono::milliseconds(0)) && Clock::now() < end) {
  }
  for (Outlet& outlet : outlets)
    outlet.write(-1);
  return codeOf(status);
}

ProgramOutput captureProgram(const CommandLine& line, const Environment& environment,
                             double seconds) {
  Pipe out;
  Pipe errors;
  const pid_t child = start(line, environment, [&] {
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    ::dup2(out.ends[1], STDOUT_FILENO);
    ::dup2(errors.ends[1], STDERR_FILENO);
  });
  out.closeWriter();
  errors.closeWriter();
  const auto limit =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const Clock::time_point latest = Clock::now() + limit;
  ProgramOutput result;
  int status = 0;
  if (!readBoth(out, errors, latest, result) || !reap(child, latest, status)) {
    result.timed_out = true;
    status = end(child);
  }
  result.code = codeOf(status);
  return result;
}

BackgroundProgram::BackgroundProgram(const CommandLine& line, const std::filesystem::path& log) {
  constexpr int kNiceness = 10;
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (output < 0) throw Error(concat("cannot open ", log.string(), ": ", std::strerror(errno)));
  const pid_t parent = ::getpid();
  try {
    child_ = start(line, {}, [parent, output] {
      endWith(parent);
      ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
      ::dup2(output, STDOUT_FILENO);
      ::dup2(output, STDERR_FILENO);
      if (::nice(kNiceness) == -1) return;  // at this process's priority, then
    });
  } catch (...) {
    ::close(output);
    throw;
  }
  ::close(output);
}

BackgroundProgram::~BackgroundProgram() {
  if (!code_) end(child_);
}

std::optional<int> BackgroundProgram::code() {
  int status = 0;
  if (!code_ && ::waitpid(child_, &status, WNOHANG) == child_) code_ = codeOf(status);
  return code_;
}

}  // namespace sphereface
