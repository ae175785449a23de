// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/synth/synth.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/progress.h"
#include "data/align/aligned_list.h"
#include "data/align/alignment_template.h"
#include "data/synth/render.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

std::string imageName(const std::string& identity, uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "_%04llu.jpg", static_cast<unsigned long long>(number));
  return identity + text;
}

/// Not synced one by one: these files can be made again at any time.
void writeBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw Error(concat("cannot write ", path.string(), ": ", std::strerror(errno)));
}

}  // namespace

std::string synthIdentityName(uint64_t identity) {
  char text[24];
  std::snprintf(text, sizeof text, "id_%05llu", static_cast<unsigned long long>(identity));
  return text;
}

void writeSyntheticFaces(const SynthOptions& options) {
  fs::path out = options.out.lexically_normal();
  if (!out.has_filename()) out = out.parent_path();
  if (fs::exists(out) && (!fs::is_directory(out) || !fs::is_empty(out))) {
    throw Error(concat(out.string(), " exists and is not empty"));
  }
  const fs::path partial = out.string() + ".partial";
  fs::remove_all(partial);
  try {
    Progress progress("painting", options.identities * options.images_per_identity, "faces");
    makeWorkFolder(partial);
    parallelFor(options.identities, options.threads, [&](size_t i) {
      const uint64_t identity = options.first_identity + i;
      const FaceIdentity face = drawIdentity(options.seed, identity);
      const std::string name = synthIdentityName(identity);
      fs::create_directory(partial / name);
      for (uint64_t image = 1; image <= options.images_per_identity; ++image) {
        const FaceVariation picture =
            drawVariation(options.seed, identity, image, options.strengths);
        writeBytes(partial / name / imageName(name, image),
                   encodeJpeg(renderFace(face, picture), picture.jpeg_quality));
        progress.add();
      }
    });
    progress.finish();
    std::string list = concat("# ", kAlignmentTemplate, " painted\npath\n");
    for (uint64_t i = 0; i < options.identities; ++i) {
      const std::string name = synthIdentityName(options.first_identity + i);
      for (uint64_t image = 1; image <= options.images_per_identity; ++image)
        list += concat(name, "/", imageName(name, image), "\n");
    }
    writeBytes(partial / kLandmarksFile, list);
    fs::rename(partial, out);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(partial, ignored);
    throw;
  }
}

}  // namespace sphereface
