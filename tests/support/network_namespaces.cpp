// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/support/network_namespaces.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/subprocess.h"

namespace sphereface::testing {
namespace {

namespace fs = std::filesystem;

ProgramOutput tryIp(const std::string& arguments) {
  CommandLine line = {"ip"};
  std::istringstream words(arguments);
  for (std::string word; words >> word;)
    line.push_back(word);
  return captureProgram(line, {}, 20);
}

/// `arguments` without quotes, separated by blanks.
std::string ip(const std::string& arguments) {
  const ProgramOutput done = tryIp(arguments);
  if (done.code != 0) throw std::runtime_error(concat("ip ", arguments, ": ", done.errors));
  return done.out;
}

// What runs a command under the host's name; $0 is the name.
constexpr const char* kUnderName = R"(hostname "$0" && exec "$@")";

}  // namespace

std::string NetworkNamespaces::missing() {
  if (::geteuid() != 0) return "making network namespaces needs root";
  const std::string space = concat("sphereface-", ::getpid(), "-try");
  ProgramOutput done = tryIp("netns add " + space);
  if (done.code == kNoSuchProgram) return "there is no program `ip` (package iproute2)";
  if (done.code == 0) {
    done = tryIp("-n " + space + " link add link0 type veth peer name link1");
    if (done.code == 0) done = tryIp("-n " + space + " link add bridge type bridge");
    if (done.code == 0) done = tryIp("netns exec " + space + " unshare --uts hostname node");
    tryIp("netns del " + space);
  }
  if (done.code == 0) return "";
  return "network namespaces with veth links, a bridge and host names of their own can't be "
         "made: " +
         done.errors;
}

NetworkNamespaces::NetworkNamespaces(int hosts)
    : hosts_(hosts), prefix_(concat("sphereface-", ::getpid())) {
  agent_ = fs::temp_directory_path() / (prefix_ + "-agent");
  try {
    make();
  } catch (...) {
    remove();
    throw;
  }
}

NetworkNamespaces::~NetworkNamespaces() {
  remove();
}

void NetworkNamespaces::make() const {
  ip("netns add " + switchSpace());
  ip("-n " + switchSpace() + " link add bridge type bridge");
  ip("-n " + switchSpace() + " link set bridge up");
  for (int host = 1; host <= hosts_; ++host) {
    const std::string here = "-n " + space(host);
    ip("netns add " + space(host));
    ip(concat(here, " link add eth0 type veth peer name ", name(host), " netns ", switchSpace()));
    ip(concat("-n ", switchSpace(), " link set ", name(host), " master bridge up"));
    ip(concat(here, " addr add ", address(host), "/24 dev eth0"));
    ip(here + " link set eth0 up");
    ip(here + " link set lo up");
  }
  for (int host = 2; host <= hosts_; ++host)
    waitForLink(host);
  // setsid: ending the connection on this side must not end what runs on the other one.
  writeFileAtomically(agent_, concat(R"(#!/bin/sh
number=${1##*.}
space=)",
                                     prefix_, R"(-$number
shift
if ! ip -n "$space" link show eth0 | grep -q 'state UP'; then
  echo "no route to host node$number" >&2
  exit 255
fi
exec setsid --fork --wait ip netns exec "$space" unshare --uts \
  sh -c 'hostname "$0" && exec sh -c "$*"' "node$number" "$@" </dev/null
)"));
  fs::permissions(agent_, fs::perms::owner_all);
}

void NetworkNamespaces::remove() const {
  for (int host = 1; host <= hosts_; ++host) {
    // Again, as a process may start another one meanwhile.
    for (int i = 0; i < 100 && !processes(host).empty(); ++i) {
      for (const pid_t process : processes(host))
        ::kill(process, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    tryIp("netns del " + space(host));
  }
  tryIp("netns del " + switchSpace());
  std::error_code ignored;
  fs::remove(agent_, ignored);
}

std::string NetworkNamespaces::name(int host) {
  return concat("node", host);
}

std::string NetworkNamespaces::address(int host) {
  return concat("10.77.0.", host);
}

std::string NetworkNamespaces::space(int host) const {
  return concat(prefix_, "-", host);
}

std::string NetworkNamespaces::switchSpace() const {
  return prefix_ + "-switch";
}

std::vector<std::string> NetworkNamespaces::on(int host,
                                               const std::vector<std::string>& command) const {
  std::vector<std::string> line = {"ip",    "netns", "exec", space(host), "unshare",
                                   "--uts", "sh",    "-c",   kUnderName,  name(host)};
  line.insert(line.end(), command.begin(), command.end());
  return line;
}

void NetworkNamespaces::cutLink(int host) const {
  ip(concat("-n ", switchSpace(), " link set ", name(host), " down"));
}

void NetworkNamespaces::mendLink(int host) const {
  ip(concat("-n ", switchSpace(), " link set ", name(host), " up"));
  waitForLink(host);
}

void NetworkNamespaces::waitForLink(int host) const {
  const int other = host == 1 ? 2 : 1;
  const CommandLine connect = on(host, {"env", "LC_ALL=C", "timeout", "1", "bash", "-c",
                                        concat(": </dev/tcp/", address(other), "/1")});
  std::string said;
  for (int i = 0; i < 100; ++i) {
    said = captureProgram(connect, {}, 20).errors;
    // By the other host, which has nothing at this port.
    if (said.find("Connection refused") != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw std::runtime_error(concat(name(host), " can't reach ", name(other), ": ", said));
}

void NetworkNamespaces::slowLink(int host, int megabits) const {
  const std::string filter = concat(" root tbf rate ", megabits, "mbit burst 64kb latency 400ms");
  for (const auto& [network, device] :
       {std::pair(space(host), std::string("eth0")), std::pair(switchSpace(), name(host))}) {
    ip(concat("netns exec ", network, " tc qdisc replace dev ", device, filter));
  }
}

uint64_t NetworkNamespaces::counter(int host, const std::string& file) const {
  return std::stoull(
      ip(concat("netns exec ", space(host), " cat /sys/class/net/eth0/statistics/", file)));
}

uint64_t NetworkNamespaces::bytesSent(int host) const {
  return counter(host, "tx_bytes");
}

uint64_t NetworkNamespaces::bytesReceived(int host) const {
  return counter(host, "rx_bytes");
}

void NetworkNamespaces::loseHopeSoon(int host) const {
  const CommandLine line = on(host, {"sh", "-c", "echo 4 >/proc/sys/net/ipv4/tcp_retries2"});
  const ProgramOutput done = captureProgram(line, {}, 20);
  if (done.code != 0) throw std::runtime_error(done.errors);
}

std::vector<pid_t> NetworkNamespaces::processes(int host) const {
  std::vector<pid_t> found;
  std::istringstream lines(tryIp("netns pids " + space(host)).out);
  for (pid_t process = 0; lines >> process;)
    found.push_back(process);
  return found;
}

}  // namespace sphereface::testing
