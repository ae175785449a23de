// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface::testing {

Process::Process(const std::vector<std::string>& command) {
  static std::atomic<int> number{0};
  log_ = std::filesystem::temp_directory_path() /
         concat("sphereface-test.", ::getpid(), ".", number++, ".log");
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    ::setsid();
    const int log = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    // OpenMPI refuses root unless told twice; in a container root is the usual user.
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
}

Process::~Process() {
  if (code_ < 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove(log_, ignored);
}

int Process::wait(double seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (code_ < 0 && std::chrono::steady_clock::now() < deadline) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return code_;
}

void Process::signal(int number) const {
  ::kill(pid_, number);
}

std::string Process::output() const {
  return std::filesystem::exists(log_) ? readFile(log_) : "";
}

Finished runCommand(const std::vector<std::string>& command, double seconds) {
  Process process(command);
  const int code = process.wait(seconds);
  return {code, process.output()};
}

std::vector<std::string> mpirun(int ranks) {
  return {"mpirun", "--oversubscribe",    "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
          "-np",    std::to_string(ranks)};
}

std::string program(const std::string& name) {
  return std::string(SPHEREFACE_BINARIES) + "/" + name;
}

}  // namespace sphereface::testing
