// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// The coordinator beside workers that are only messages.

#include "coordinator/coordinator.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "base/temporary_folder.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

using Clock = std::chrono::steady_clock;

/// Workers that say hello and then beat without a pause, so that a message is always there. One of
/// them falls silent after its hello.
class ChattyWorkers : public Channel {
 public:
  ChattyWorkers(int workers, int silent) : workers_(workers), silent_(silent) {}

  void send(int, Kind, const google::protobuf::Message&) override {}

  std::optional<ReceivedMessage> poll() override {
    if (Clock::now() > end_) throw Error("the coordinator looks at nobody's silence");
    if (greeted_ < workers_) {
      WorkerHello hello;
      hello.set_host("here");
      hello.set_version(SPHEREFACE_VERSION);
      hello.set_heartbeats(true);
      return ReceivedMessage{KIND_HELLO, ++greeted_, hello.SerializeAsString()};
    }
    next_ = next_ % workers_ + 1;
    if (next_ == silent_) next_ = next_ % workers_ + 1;
    WorkerHeartbeat beat;
    beat.set_phase(WorkerHeartbeat::COMPUTING);
    beat.set_progress(++beats_);
    return ReceivedMessage{KIND_HEARTBEAT, next_, beat.SerializeAsString()};
  }

 private:
  int workers_;
  int silent_;
  int greeted_ = 0;
  int next_ = 0;
  uint64_t beats_ = 0;
  Clock::time_point end_ = Clock::now() + std::chrono::seconds(30);
};

TEST(Coordinator, NamesASilentWorkerWhateverOthersSay) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 4);
  packDataset(testPackOptions(folder / "faces", folder / "faces.lmdb"));
  writeFileAtomically(folder / "config.textproto",
                      concat("name: \"chatty\" data { lmdb: \"", (folder / "faces.lmdb").string(),
                             "\" } network { name: \"custom\" embedding: 4 height: ", kTestHeight,
                             " width: ", kTestWidth,
                             " stage { channels: 4 units: 0 } } solver { batch_size: 400 steps: 9 }"
                             " coordinator { liveness_seconds: 1 }"));
  CoordinatorOptions options;
  options.config = folder / "config.textproto";
  options.run = folder / "run";
  ChattyWorkers workers(300, 77);
  try {
    coordinate(workers, 300, "rank 0", options);
    FAIL() << "it ended";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("rank 77@here"), std::string::npos) << e.what();
    EXPECT_EQ(std::string(e.what()).find("rank 78@"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace sphereface
