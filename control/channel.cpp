// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "control/channel.h"

#include <thread>
#include <utility>

#include "base/clock.h"

namespace sphereface {
namespace {

constexpr std::chrono::microseconds kShortestSleep{50};
// A coordinator that waits for steps wakes this often, on a core that may be a worker's.
constexpr std::chrono::microseconds kLongestSleep{5000};
// With a receiver that hangs. What it didn't take by then still goes on its way while MPI runs.
constexpr std::chrono::seconds kPatience{5};

}  // namespace

MpiChannel::~MpiChannel() {
  if (std::uncaught_exceptions() > errors_when_made_) abandon();
  Patience patience(kPatience);
  while (forgetSent(), !sent_->empty()) {
    if (patience.over()) abandon();
    std::this_thread::sleep_for(kShortestSleep);
  }
}

void MpiChannel::abandon() {
  // Not freed: MPI may still read the messages.
  static_cast<void>(sent_.release());
  sent_ = std::make_unique<std::deque<Pending>>();
}

void MpiChannel::send(int to, Kind kind, const google::protobuf::Message& message) {
  sendBytes(to, kind, message.SerializeAsString());
}

void MpiChannel::sendBytes(int to, Kind kind, std::string bytes) {
  forgetSent();
  Pending& pending = sent_->emplace_back();
  pending.bytes = std::move(bytes);
  MPI_Isend(pending.bytes.data(), static_cast<int>(pending.bytes.size()), MPI_BYTE, to,
            static_cast<int>(kind), comm_, &pending.request);
}

std::optional<ReceivedMessage> MpiChannel::poll() {
  forgetSent();
  int found = 0;
  MPI_Message handle = MPI_MESSAGE_NULL;
  MPI_Status status;
  MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &found, &handle, &status);
  if (found == 0) return std::nullopt;
  int count = 0;
  MPI_Get_count(&status, MPI_BYTE, &count);
  ReceivedMessage message;
  message.kind = static_cast<Kind>(status.MPI_TAG);
  message.from = status.MPI_SOURCE;
  message.bytes.resize(static_cast<size_t>(count));
  MPI_Mrecv(message.bytes.data(), count, MPI_BYTE, &handle, MPI_STATUS_IGNORE);
  return message;
}

std::optional<ReceivedMessage> Channel::wait(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::chrono::microseconds sleep = kShortestSleep;
  while (true) {
    if (std::optional<ReceivedMessage> message = poll()) return message;
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(sleep);
    sleep = std::min(2 * sleep, kLongestSleep);
  }
}

void MpiChannel::forgetSent() {
  while (!sent_->empty()) {
    int done = 0;
    MPI_Test(&sent_->front().request, &done, MPI_STATUS_IGNORE);
    if (done == 0) return;
    sent_->pop_front();
  }
}

}  // namespace sphereface
