// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "watch/page_token.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace sphereface {

std::string newPageToken() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(concat("no random numbers for a token: ", std::strerror(errno)));
  }
  std::string token;
  for (const unsigned char byte : bytes) {
    token += "0123456789abcdef"[byte >> 4];
    token += "0123456789abcdef"[byte & 15];
  }
  return token;
}

std::string secretAddress(const std::string& url, const std::string& token) {
  return concat(url, "/?token=", token);
}

void writePrivateFile(const std::filesystem::path& path, const std::string& text) {
  const auto failed = [&] {
    return Error(concat("cannot write ", path.string(), ": ", std::strerror(errno)));
  };
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw failed();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) throw failed();
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (::close(file) != 0 || !written) throw failed();
}

}  // namespace sphereface
