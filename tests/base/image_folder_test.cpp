// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/image_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "base/image_file.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

struct Content {
  std::string bytes;
  std::string kind;  // "": is read
};

/// Beginnings of the kinds of file that lie among photographs.
std::vector<Content> contents() {
  const cv::Mat image = testImage(1);
  std::vector<Content> all;
  for (const char* suffix : {".jpg", ".png", ".bmp", ".webp", ".ppm", ".tif"})
    all.push_back({encodeImage(image, "x"s + suffix, 90), ""});
  all.push_back({"P5 2 2 255\nabcd", ""});
  all.push_back({"P2\n# comment\n1 1 255 7\n", ""});
  all.push_back({"P1\n1 1\n1", ""});
  all.insert(all.end(), {{"GIF89a" + std::string(90, '\1'), "GIF"},
                         {"\0\0\0\x1c"s + "ftypavif" + std::string(80, '\0'), "AVIF"},
                         {"\0\0\0\x1c"s + "ftypheic" + std::string(80, '\0'), "HEIC"},
                         {"\0\0\0\x1c"s + "ftypisom" + std::string(80, '\0'), "video"},
                         {"\x1a\x45\xdf\xa3 and so on", "video"},
                         {"RIFF1234AVI LIST", "video"},
                         {"RIFF\1\2\3\4WAVEfmt ", "unknown"},
                         {"\xff\x0a\x01", "JPEG XL"},
                         {"II*\0\x10\0\0\0CR\2\0"s, "camera raw"},
                         {"8BPS\0\1"s, "Photoshop"},
                         {"%PDF-1.4", "PDF"},
                         {"PK\3\4", "zip"},
                         {"<!DOCTYPE html><html>", "HTML"},
                         {"\n  <HTML>404", "HTML"},
                         {"BMW cars, and more of them", "text"},
                         {"P1 is a name of a person", "text"},
                         {"Zo\xc3\xab\n", "text"},
                         {"", "empty"},
                         {"\x7f"
                          "ELF\2\1"s,
                          "unknown"},
                         {"\xff\xd8", "unknown"}});
  return all;
}

/// Every suffix with every content: what is an image by its bytes is listed whatever it is called,
/// what is none only under an image's name, where decoding it fails.
TEST(ImageFolderTest, BytesDecideWhereTheSuffixIsNoImages) {
  const TemporaryFolder folder;
  const std::vector<Content> all = contents();
  size_t files = 0;
  std::set<std::string> expected;
  std::map<std::string, size_t> passed_over;
  for (const char* suffix : {"", ".gif", ".avif", ".txt", ".bak", ".JPG_large", ".jpg~", ".0",
                             ".jfif", ".JPE", ".pgm", ".tiff", ".png"}) {
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string name = concat("d", i % 3, "/", i, suffix);
      writeBytes(folder / name, all[i].bytes);
      ++files;
      const bool believed = hasImageSuffix(name);
      if (believed || all[i].kind.empty()) expected.insert(name);
      if (!believed && !all[i].kind.empty()) ++passed_over[all[i].kind];
      EXPECT_EQ(isImageFile(folder / name), believed || all[i].kind.empty()) << name;
      EXPECT_EQ(errorOf([&] { readImage(folder / name); }).empty(), all[i].kind.empty()) << name;
    }
  }
  const ImageFolder found = listImages(folder.path());
  std::set<std::string> names;
  for (const fs::path& image : found.images)
    names.insert(image.string());
  EXPECT_EQ(names, expected);
  const Json json = found.passed_over.toJson();
  for (const auto& [kind, count] : passed_over) {
    ASSERT_TRUE(json.contains(kind)) << kind;
    EXPECT_EQ(json.at(kind).at("files").get<size_t>(), count) << kind;
    EXPECT_EQ(json.at(kind).at("examples").size(), 3U) << kind;
  }
  EXPECT_EQ(json.size(), passed_over.size());
  std::printf("%zu files: %zu listed\n", files, names.size());
}

TEST(ImageFolderTest, WhatProgramsLeaveBehindIsCountedByName) {
  const TemporaryFolder folder;
  const std::string png = encodePng(testImage(1));
  for (const char* name :
       {"a/1.png", "__MACOSX/a/._1.png", "__MACOSX/a/2.png", "a/._1.png", "a/.DS_Store",
        "a/Thumbs.db", "desktop.ini", ".git/x.png", "a/.x.png", "a/1.nef", "a/2.DNG"}) {
    writeBytes(folder / name, png);
  }
  fs::create_symlink(folder / "nowhere", folder / "a/gone.png");
  fs::create_symlink(folder / "a/1.png", folder / "a/same.png");
  ASSERT_EQ(::mkfifo((folder / "a/pipe.png").c_str(), 0600), 0);
  const ImageFolder found = listImages(folder.path());
  EXPECT_EQ(found.images, (std::vector<fs::path>{"a/1.png", "a/same.png"}));
  EXPECT_EQ(found.folders, std::vector<fs::path>{"a"});
  EXPECT_EQ(found.passed_over.text(),
            "2 Windows metadata (a/Thumbs.db, desktop.ini), 2 camera raw (a/1.nef, a/2.DNG), "
            "2 hidden (.git/x.png, a/.x.png), 1 link (a/gone.png), 4 macOS metadata "
            "(__MACOSX/a/._1.png, __MACOSX/a/2.png, a/.DS_Store, ...), 1 no file (a/pipe.png)");
}

TEST(ImageFolderTest, WithoutAnImageSaysWhatIsThere) {
  const TemporaryFolder folder;
  writeBytes(folder / "faces/a.gif", "GIF89a");
  EXPECT_EQ(errorOf([&] { listImages(folder / "faces"); }),
            concat("no image below ", (folder / "faces").string(), "; passed over: 1 GIF (a.gif)"));
}

}  // namespace
}  // namespace sphereface
