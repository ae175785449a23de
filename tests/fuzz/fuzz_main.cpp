// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "base/error.h"
#include "base/image_file.h"
#include "base/progress.h"
#include "base/temporary_folder.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {

namespace fs = std::filesystem;

namespace {

void write(const fs::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) std::abort();
}

}  // namespace

const fs::path& folder() {
  std::error_code absent;
  static const TemporaryFolder own(
      fs::is_directory("/dev/shm", absent) ? "/dev/shm" : fs::temp_directory_path());
  return own.path();
}

fs::path fileOf(std::string_view bytes, const std::string& name) {
  fs::path file = folder() / name;
  write(file, bytes);
  return file;
}

std::string smallPicture(int number, int height, int width) {
  cv::Mat image(height, width, CV_8UC3, cv::Scalar::all(number * 40 % 256));
  image.at<cv::Vec3b>(0, 0) = cv::Vec3b(1, 2, 3);
  return encodePng(image);
}

}  // namespace sphereface::fuzz

/// With SPHEREFACE_FUZZ_SEEDS writes the seeds into the folder it names, and ends.
extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  using namespace sphereface;
  Progress::silence();
  const char* const to = std::getenv("SPHEREFACE_FUZZ_SEEDS");
  if (to == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : fuzz::seeds()) {
    fuzz::write(std::filesystem::path(to) / ("seed-" + std::to_string(number++)), seed);
  }
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  try {
    sphereface::fuzz::fuzzOne({reinterpret_cast<const char*>(bytes), count});
  } catch (const sphereface::Error&) {
    // One clear message is what bad input is to get.
  }
  return 0;
}
