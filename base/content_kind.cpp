// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/content_kind.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

namespace sphereface {
namespace {

/// What stands at a place in files of a kind.
struct Mark {
  size_t at;
  std::string_view bytes;
  ContentKind kind;
};

using namespace std::string_view_literals;

constexpr std::array kMarks = {
    Mark{0, "\xff\xd8\xff"sv, {"JPEG", ImageFormat::kJpeg}},
    Mark{0, "\x89PNG\r\n\x1a\n"sv, {"PNG", ImageFormat::kPng}},
    Mark{8, "WEBP"sv, {"WebP", ImageFormat::kWebp}},
    Mark{8, "CR\2"sv, {"camera raw"}},  // Canon's TIFF
    Mark{0, "II*\0"sv, {"TIFF", ImageFormat::kTiff}},
    Mark{0, "MM\0*"sv, {"TIFF", ImageFormat::kTiff}},
    Mark{0, "II+\0"sv, {"BigTIFF"}},
    Mark{0, "MM\0+"sv, {"BigTIFF"}},
    Mark{0, "GIF8"sv, {"GIF"}},
    Mark{4, "ftypavi"sv, {"AVIF"}},  // avif, avis
    Mark{4, "ftyphei"sv, {"HEIC"}},
    Mark{4, "ftyphev"sv, {"HEIC"}},
    Mark{4, "ftypmif1"sv, {"HEIC"}},
    Mark{4, "ftypmsf1"sv, {"HEIC"}},
    Mark{4, "ftypcrx"sv, {"camera raw"}},
    Mark{4, "ftyp"sv, {"video"}},
    Mark{8, "AVI "sv, {"video"}},
    Mark{0, "\x1a\x45\xdf\xa3"sv, {"video"}},  // Matroska
    Mark{0, "\0\0\0\x0cjP  "sv, {"JPEG 2000"}},
    Mark{0, "\xff\x4f\xff\x51"sv, {"JPEG 2000"}},
    Mark{0, "\0\0\0\x0cJXL "sv, {"JPEG XL"}},
    Mark{0, "\xff\x0a"sv, {"JPEG XL"}},
    Mark{0, "8BPS"sv, {"Photoshop"}},
    Mark{0, "\0\0\1\0"sv, {"icon"}},
    Mark{0, "%PDF"sv, {"PDF"}},
    Mark{0, "PK\3\4"sv, {"zip"}},
    Mark{0, "\x89HDF\r\n\x1a\n"sv, {"HDF5"}},
    Mark{0, "\x1f\x8b"sv, {"gzip"}},
    Mark{0, "\x93NUMPY"sv, {"NumPy"}},
    Mark{0, "\x0a\x23\xd7\xce"sv, {"RecordIO"}},
    Mark{0, "\xd0\xcf\x11\xe0"sv, {"Windows metadata"}},  // Thumbs.db, whatever it is called
};

bool isSpace(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// "BM" and "P5" begin words too: the numbers behind them must be a header's.
bool isBmp(std::string_view bytes) {
  constexpr size_t kHeaderSizeAt = 14;
  return bytes.starts_with("BM") && bytes.size() >= kHeaderSizeAt + 4 &&
         static_cast<unsigned char>(bytes[kHeaderSizeAt]) >= 12 &&
         bytes.substr(kHeaderSizeAt + 1, 3) == "\0\0\0"sv;
}

bool isPnm(std::string_view bytes) {
  if (bytes.size() < 3 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6') return false;
  const std::string_view rest = bytes.substr(2, kTellingBytes);
  const auto number = std::find_if_not(rest.begin(), rest.end(), isSpace);
  const bool apart = number != rest.begin() || *number == '#';
  return apart && (number == rest.end() || *number == '#' ||
                   std::isdigit(static_cast<unsigned char>(*number)) != 0);
}

/// Without control characters, and without what UTF-8 never has.
bool isText(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && !isSpace(c)) || byte == 0x7f || byte >= 0xfe;
  });
}

bool isHtml(std::string_view text) {
  text.remove_prefix(
      static_cast<size_t>(std::find_if_not(text.begin(), text.end(), isSpace) - text.begin()));
  const auto begins = [&](std::string_view word) {
    return text.size() >= word.size() &&
           std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
             return a == std::tolower(static_cast<unsigned char>(b));
           });
  };
  return begins("<!doctype html") || begins("<html");
}

/// A zip archive whose first file is the pickle of what torch.save() was given.
bool isPyTorch(std::string_view bytes) {
  return bytes.starts_with("PK\3\4") &&
         bytes.substr(0, kTellingBytes).find("data.pkl") != std::string_view::npos;
}

/// Of protocol 2 to 5.
bool isPickle(std::string_view bytes) {
  return bytes.size() > 1 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

/// The length of its header, and the header.
bool isSafetensors(std::string_view bytes) {
  return bytes.size() > 9 && bytes.substr(5, 3) == "\0\0\0"sv && bytes.substr(8, 2) == "{\"";
}

}  // namespace

std::string tellingBytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string bytes(kTellingBytes, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(in.gcount()));
  return bytes;
}

ContentKind contentKind(std::string_view bytes) {
  if (bytes.empty()) return {"empty"};
  if (isPyTorch(bytes)) return {"PyTorch checkpoint"};
  for (const Mark& mark : kMarks) {
    if (bytes.size() >= mark.at && bytes.substr(mark.at).starts_with(mark.bytes)) return mark.kind;
  }
  if (isPickle(bytes)) return {"Python pickle"};
  if (isSafetensors(bytes)) return {"safetensors"};
  if (isBmp(bytes)) return {"BMP", ImageFormat::kBmp};
  if (isPnm(bytes)) return {"PNM", ImageFormat::kPnm};
  const std::string_view beginning = bytes.substr(0, kTellingBytes);
  if (isHtml(beginning)) return {"HTML"};
  return {isText(beginning) ? "text" : "unknown"};
}

}  // namespace sphereface
