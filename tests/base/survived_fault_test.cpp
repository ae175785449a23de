// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/survived_fault.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "base/atomic_file.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

/// A file of two pages, mapped.
class MappedFile {
 public:
  MappedFile() {
    writeFileAtomically(folder_ / "file", std::string(kBytes, 'x'));
    const int file = ::open((folder_ / "file").c_str(), O_RDONLY);
    bytes_ =
        static_cast<const volatile char*>(::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file, 0));
    ::close(file);
  }
  void cutOff() const { std::filesystem::resize_file(folder_ / "file", 0); }
  const volatile char* bytes() const { return bytes_; }

 private:
  static constexpr size_t kBytes = 8192;
  TemporaryFolder folder_;
  const volatile char* bytes_ = nullptr;
};

TEST(SurvivesFaults, OfAFileThatBecameShorterAsOftenAsItIsRead) {
  catchFaults();
  const MappedFile file;
  char read = 0;
  EXPECT_TRUE(survivesFaults([&] { read = file.bytes()[5000]; }));
  EXPECT_EQ(read, 'x');
  file.cutOff();
  const auto fault = [&] { return survivesFaults([&] { read = file.bytes()[5000]; }); };
  for (int round = 0; round < 3; ++round)
    EXPECT_FALSE(fault());
  bool survived = true;
  std::thread([&] { survived = fault(); }).join();
  EXPECT_FALSE(survived);
  EXPECT_FALSE(survivesFaults(leaveAsByFault));
}

TEST(SurvivesFaultsDeathTest, ButOthersEndTheProcessAsEver) {
  catchFaults();
  const MappedFile file;
  file.cutOff();
  EXPECT_DEATH(static_cast<void>(file.bytes()[0]), "");
  EXPECT_DEATH(::raise(SIGSEGV), "");
  EXPECT_DEATH(survivesFaults([] { ::raise(SIGSEGV); }), "");
}

}  // namespace
}  // namespace sphereface
