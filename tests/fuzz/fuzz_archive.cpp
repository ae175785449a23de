// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

// Archives of identity folders: a letter that says which, then the file.

#include <archive.h>
#include <archive_entry.h>

#include <memory>

#include "data/import/pack_input.h"
#include "tests/fuzz/fuzz.h"

namespace sphereface::fuzz {
namespace {

std::string archiveOf(char kind) {
  std::string bytes(1 << 16, '\0');
  size_t used = 0;
  archive* const a = archive_write_new();
  if (kind == 'z') {
    archive_write_set_format_zip(a);
  } else if (kind == 'p') {
    archive_write_set_format_pax(a);
  } else {
    archive_write_set_format_gnutar(a);
  }
  if (kind == 'g') archive_write_add_filter_gzip(a);
  archive_write_open_memory(a, bytes.data(), bytes.size(), &used);
  for (const std::string& name :
       {std::string("top/a/1.png"), "top/b/" + std::string(120, 'n') + ".png"}) {
    const std::string picture = smallPicture(1);
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(picture.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(a, entry);
    archive_write_data(a, picture.data(), picture.size());
    archive_entry_free(entry);
  }
  archive_write_close(a);
  archive_write_free(a);
  bytes.resize(used);
  return bytes;
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const char kind : {'t', 'p', 'g', 'z'})
    all.push_back(kind + archiveOf(kind));
  return all;
}

void fuzzOne(std::string_view bytes) {
  if (bytes.empty()) return;
  const bool zip = bytes[0] == 'z';
  const PackInput input = openArchive(fileOf(bytes.substr(1), zip ? "x.zip" : "x.tar"), folder());
  for (const PackImage& image : input.images) {
    input.name(image.at);
    input.load(image.at);
  }
}

}  // namespace sphereface::fuzz
