// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <google/protobuf/message.h>
#include <mpi.h>

#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "proto/control.pb.h"

namespace sphereface {

struct ReceivedMessage {
  Kind kind = KIND_HELLO;
  int from = 0;
  std::string bytes;

  /// errors: Error when the bytes are no M.
  template <class M>
  M as() const {
    M message;
    if (!message.ParseFromString(bytes)) {
      throw Error(concat("control message ", Kind_Name(kind), " from rank ", from, " is no ",
                         message.GetTypeName()));
    }
    return message;
  }
};

/// Control messages of one process to and from the others. Sending never waits for the receiver.
class Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() = default;

  virtual void send(int to, Kind kind, const google::protobuf::Message& message) = 0;
  /// The next message if there is one already.
  virtual std::optional<ReceivedMessage> poll() = 0;

  /// The next message; nothing when `timeout` went by without one. Sleeps between looks instead of
  /// spinning, so that a waiting process takes no core from a computing one.
  std::optional<ReceivedMessage> wait(std::chrono::milliseconds timeout);
};

/// One MPI message each, its tag the kind.
class MpiChannel : public Channel {
 public:
  explicit MpiChannel(MPI_Comm comm) : comm_(comm) {}
  /// Waits for what was sent, for some seconds at most. Not when an error is what ends the scope:
  /// the receiver may be stopped or gone, and whoever handles the error is about to end the job.
  ~MpiChannel() override;

  /// Leaves what was sent to its fate, as the destructor does after an error.
  void abandon();

  void send(int to, Kind kind, const google::protobuf::Message& message) override;
  void sendBytes(int to, Kind kind, std::string bytes);
  std::optional<ReceivedMessage> poll() override;

 private:
  struct Pending {
    std::string bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  void forgetSent();

  MPI_Comm comm_;
  int errors_when_made_ = std::uncaught_exceptions();
  std::unique_ptr<std::deque<Pending>> sent_ = std::make_unique<std::deque<Pending>>();
};

}  // namespace sphereface
