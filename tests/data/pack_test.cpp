// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/pack.h"

#include <gtest/gtest.h>
#include <lmdb.h>
#include <sys/resource.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <set>

#include "base/sha256.h"
#include "data/dataset.h"
#include "data/synth/synth.h"
#include "tests/support/packing_test_tools.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

bool sameImage(const cv::Mat& a, const cv::Mat& b) {
  return a.size() == b.size() && a.type() == b.type() && cv::norm(a, b, cv::NORM_INF) == 0;
}

TEST(Pack, RoundTripsImagesLabelsAndNames) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 4);
  packDataset(testPackOptions(folder / "faces", folder / "set"));
  const Dataset set(folder / "set");
  ASSERT_EQ(set.size(), 10U);
  EXPECT_EQ(set.manifest().classes(), 4U);
  EXPECT_EQ(set.manifest().encoding(), DatasetManifest::PNG);
  EXPECT_EQ(set.manifest().source(), "faces");
  std::set<std::string> names;
  for (uint64_t i = 0; i < set.size(); ++i) {
    const std::string name = set.key(i).substr(9);
    names.insert(name);
    const Dataset::Sample sample = set.read(i);
    EXPECT_EQ(sample.label, name[0] - 'a');
    EXPECT_TRUE(sameImage(sample.image, readImage(folder / "faces" / name))) << name;
  }
  EXPECT_EQ(names.size(), 10U);
  for (int label = 0; label < 4; ++label) {
    EXPECT_EQ(set.manifest().identity(label).images(), static_cast<uint32_t>(label + 1));
    EXPECT_EQ(set.manifest().identity(label).name(),
              std::string(1, static_cast<char>('a' + label)));
  }
  set.verify();
  EXPECT_FALSE(fs::exists(folder / "set.partial"));
}

TEST(Pack, KeepsTheFilesBytes) {
  const TemporaryFolder folder;
  const std::string jpeg = encodeJpeg(testImage(3), 77);
  writeBytes(folder / "faces/a/x.jpg", jpeg);
  writeBytes(folder / "faces/b/x.jpg", encodeJpeg(testImage(4), 77));
  packDataset(testPackOptions(folder / "faces", folder / "set"));
  EXPECT_TRUE(contains(readFile(folder / "set/data.mdb"), jpeg));
}

TEST(Pack, SameSeedSameBytesAnotherSeedAnotherOrder) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 6);
  auto pack = [&](const std::string& name, uint64_t seed, size_t threads) {
    PackOptions options = testPackOptions(folder / "faces", folder / name);
    options.seed = seed;
    options.threads = threads;
    packDataset(options);
    return sha256File(folder / name / "data.mdb") +
           sha256File(folder / name / "manifest.textproto");
  };
  const std::string first = pack("one", 1, 1);
  EXPECT_EQ(pack("again", 1, 3), first);
  EXPECT_NE(pack("other", 2, 1), first);
}

TEST(Pack, KeepsTheOrderWithoutShuffling) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 3);
  PackOptions options = testPackOptions(folder / "faces", folder / "set");
  options.shuffle = false;
  packDataset(options);
  const Dataset set(folder / "set");
  EXPECT_EQ(set.key(0), "00000000_a/0.png");
  EXPECT_EQ(set.key(3), "00000003_c/0.png");
  EXPECT_EQ(set.key(5), "00000005_c/2.png");
  EXPECT_FALSE(set.manifest().has_shuffle_seed());
}

TEST(Pack, ReencodesAsJpeg) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 2);
  PackOptions options = testPackOptions(folder / "faces", folder / "set");
  options.encoding = parseEncoding("jpeg:95");
  packDataset(options);
  const Dataset set(folder / "set");
  EXPECT_EQ(set.manifest().encoding(), DatasetManifest::JPEG);
  EXPECT_EQ(set.read(0).image.rows, kTestHeight);
}

/// More than one batch, chunk and map growth: 1500 records of 60 kB noise.
TEST(Pack, GrowsTheMapAndAgreesWithLmdbsOwnTool) {
  const TemporaryFolder folder;
  cv::Mat noise(150, 130, CV_8UC3);
  cv::theRNG().state = 5;
  cv::randu(noise, 0, 256);
  writeBytes(folder / "faces/a/0.png", encodePng(noise));
  std::string list;
  for (int i = 0; i < 1500; ++i)
    list += "faces/a/0.png " + std::to_string(i % 3) + "\n";
  writeBytes(folder / "list.txt", list);
  PackOptions options = testPackOptions(folder / "list.txt", folder / "set");
  options.height = 150;
  options.width = 130;
  packDataset(options);
  const Dataset set(folder / "set");
  EXPECT_EQ(set.size(), 1500U);
  set.verify();

  if (std::system("command -v mdb_stat >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "mdb_stat (lmdb-utils) is not installed";
  }
  const std::string command = "mdb_stat " + (folder / "set").string();
  FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr)
    output += line.data();
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_TRUE(contains(output, "Entries: 1500\n")) << output;
}

TEST(Pack, ReadsLists) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 2);
  writeBytes(folder / "with space.png", encodePng(testImage(9)));
  writeBytes(folder / "list.txt",
             "\xef\xbb\xbf"
             "faces/b/0.png 1\r\n\nwith space.png 2\n" +
                 (folder / "faces/a/0.png").string() + " 0");
  PackOptions options = testPackOptions(folder / "list.txt", folder / "set");
  options.shuffle = false;
  packDataset(options);
  const Dataset set(folder / "set");
  EXPECT_EQ(set.key(1), "00000001_with space.png");
  EXPECT_EQ(set.read(1).label, 2);
  EXPECT_TRUE(sameImage(set.read(1).image, testImage(9)));
  EXPECT_EQ(set.manifest().identity(2).name(), "label 2");
}

std::string packError(const TemporaryFolder& folder, const std::string& input) {
  std::string error =
      errorOf([&] { packDataset(testPackOptions(folder / input, folder / "set")); });
  EXPECT_FALSE(fs::exists(folder / "set"));
  EXPECT_FALSE(fs::exists(folder / "set.partial"));
  return error;
}

TEST(Pack, RefusesBadLists) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 2);
  writeBytes(folder / "gap.txt", "faces/a/0.png 0\nfaces/b/1.png 2\n");
  const std::string gap = packError(folder, "gap.txt");
  EXPECT_TRUE(contains(gap, "no image has label 1, but faces/b/1.png has label 2")) << gap;
  writeBytes(folder / "huge.txt", "faces/a/0.png 2000000000\n");
  EXPECT_TRUE(contains(packError(folder, "huge.txt"), "no image has label 0"));
  writeBytes(folder / "word.txt", "faces/a/0.png 0\nfaces/b/1.png one\n");
  EXPECT_TRUE(contains(packError(folder, "word.txt"), "word.txt:2: \"one\" is no label"));
  writeBytes(folder / "negative.txt", "faces/a/0.png -1\n");
  EXPECT_TRUE(contains(packError(folder, "negative.txt"), "negative.txt:1:"));
  writeBytes(folder / "single.txt", "faces/a/0.png\n");
  EXPECT_TRUE(contains(packError(folder, "single.txt"), "single.txt:1:"));
  writeBytes(folder / "empty.txt", "\n");
  EXPECT_TRUE(contains(packError(folder, "empty.txt"), "empty"));
  writeBytes(folder / "absent.txt", "faces/a/77.png 0\nfaces/b/0.png 1\n");
  EXPECT_TRUE(contains(packError(folder, "absent.txt"), "faces/a/77.png"));
  EXPECT_TRUE(contains(packError(folder, "nowhere.txt"), "nowhere.txt"));
}

/// The forms of lists, as the same images and labels.
TEST(Pack, ReadsTheListsOfMxnetAndInsightface) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 3);
  const auto sum = [&](const std::string& list) {
    writeBytes(folder / "list.lst", list);
    PackOptions options = testPackOptions(folder / "list.lst", folder / "set");
    options.force = true;
    return packDataset(options).manifest.sha256();
  };
  const std::string plain = sum("faces/a/0.png 0\nfaces/b/0.png 1\nfaces/c/2.png 2\n");
  for (const char* list : {
           "faces/a/0.png\t0\nfaces/b/0.png  1\r\nfaces/c/2.png \t 2 \n",
           "\357\273\277faces/a/0.png 0\n\nfaces/b/0.png 1\nfaces/c/2.png 2",  // byte order mark
           "0\t0.000000\tfaces/a/0.png\n1\t1.000000\tfaces/b/0.png\n2\t2.000000\tfaces/c/2.png\n",
           "7\t0\tfaces/a/0.png\r\n3\t1\tfaces/b/0.png\r\n1\t2\tfaces/c/2.png\r\n",
           "0\t0.0\t9.5\tfaces/a/0.png\n1\t1.0\t2\tfaces/b/0.png\n2\t2.0\t4\tfaces/c/2.png\n",
           "1\tfaces/a/0.png\t0\n1\tfaces/b/0.png\t1\n1\tfaces/c/2.png\t2\n",
           "1\tfaces/a/0.png\t0\t1\t2\t3\t4\n1\tfaces/b/0.png\t1\n1\tfaces/c/2.png\t2\n",
       }) {
    EXPECT_EQ(sum(list), plain) << list;
  }
  fs::remove_all(folder / "set");
  const auto refused = [&](const std::string& list, const std::string& words) {
    writeBytes(folder / "list.lst", list);
    EXPECT_TRUE(contains(packError(folder, "list.lst"), "list.lst:" + words)) << list;
  };
  refused("0\t0.5\tfaces/a/0.png\n", "1: \"0.5\" is no label");
  refused("0\t0\tfaces/a/0.png\n1\t-1\tfaces/b/0.png\n", "2: \"-1\" is no label");
  refused("0\t0\tfaces/a/0.png\n1\tfaces/b/0.png\t1\n", "2: \"faces/b/0.png\" is no label");
  refused("0\t0\tfaces/a/0.png\nfaces/b/0.png 1\n", "2: expected MXNet's");
  refused("0\t16777216\tfaces/a/0.png\n", "1: \"16777216\" is no label");
  refused("0\tnan\tfaces/a/0.png\n", "1: \"nan\" is no label");
  refused("1\tfaces/a/0.png\t0\n0\tfaces/b/0.png\t1\n", "2: faces/b/0.png isn't aligned");
  refused("1\tfaces/a/0.png\t0\nfaces/b/0.png 1\n", "2: expected insightface's");
  refused("1\tfaces/a/0.png\t0\n1\tfaces/b/0.png\t1.5\n", "2: \"1.5\" is no label");
  refused("faces/a/0.png 0\n 1\n", "2: expected `path label`");
}

TEST(Pack, RefusesBadFolders) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "empty");
  EXPECT_TRUE(contains(packError(folder, "empty"), "no image below"));
  writeTestFaces(folder / "faces", 2);
  fs::create_directories(folder / "faces/nobody");
  EXPECT_TRUE(contains(packError(folder, "faces"), "faces/nobody holds no image"));
  fs::remove(folder / "faces/nobody");
  writeBytes(folder / "faces/loose.png", encodePng(testImage(1)));
  EXPECT_TRUE(
      contains(packError(folder, "faces"), "faces: loose.png lies in no identity's folder"));
}

/// Folders and the archives of them are read by the same rules (archive_import_test.cpp).
TEST(Pack, LooksForIdentitiesInTheOnlyFolder) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 3);
  writeTestFaces(folder / "up/one/two", 3);
  writeBytes(folder / "up/one/readme.txt", "no image");
  writeBytes(folder / "up/__MACOSX/one/._x.jpg", "no image");
  const std::string expected =
      packDataset(testPackOptions(folder / "faces", folder / "set")).manifest.sha256();
  const PackResult result = packDataset(testPackOptions(folder / "up", folder / "up.set"));
  EXPECT_EQ(result.manifest.sha256(), expected);
  EXPECT_EQ(result.passed_over.text(),
            "1 macOS metadata (__MACOSX/one/._x.jpg), 1 text (one/readme.txt)");
  // Beside an identity without an image it is an identity's itself.
  fs::create_directories(folder / "up/nobody");
  const PackOptions again = testPackOptions(folder / "up", folder / "other.set");
  EXPECT_TRUE(
      contains(errorOf([&] { packDataset(again); }), "all their images in subfolders: one"));
}

TEST(Pack, RefusesASingleIdentityAndThoseOfSubfoldersAlone) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "one", 1);
  EXPECT_TRUE(contains(packError(folder, "one"), "all 1 images are of one identity, a"));
  writeBytes(folder / "one/a/more/1.png", encodePng(testImage(9)));
  EXPECT_TRUE(contains(packError(folder, "one"), "one/a: 0.png lies in no identity's folder"));
  writeTestFaces(folder / "split/train", 3);
  writeTestFaces(folder / "split/test", 2);
  const std::string error = packError(folder, "split");
  EXPECT_TRUE(contains(error, "2 of 2 identities have all their images in subfolders: test, train"))
      << error;
  PackOptions options = testPackOptions(folder / "split", folder / "set");
  options.selection.subfolders = true;
  EXPECT_EQ(packDataset(options).manifest.classes(), 2U);
}

TEST(Pack, CountsImagesThatExifWouldTurn) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 3);
  std::string turned = encodeJpeg(testImage(3), 90);
  turned.insert(2, std::string("\xff\xe1\0\x22"
                               "Exif\0\0MM\0*\0\0\0\x08\0\x01"
                               "\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
                               36));
  writeBytes(folder / "faces/a/turned.jpg", turned);
  PackOptions options = testPackOptions(folder / "faces", folder / "set");
  EXPECT_EQ(packDataset(options).turned, 1U);
  EXPECT_TRUE(contains(readFile(folder / "set/data.mdb"), turned));
}

TEST(Pack, RefusesOrLeavesOutBadImages) {
  const TemporaryFolder folder;
  const std::string jpeg = encodeJpeg(testImage(1), 90);
  const std::string png = encodePng(testImage(1));
  const std::array<std::pair<std::string, std::string>, 4> bad = {
      {{"truncated.jpg", jpeg.substr(0, jpeg.size() * 3 / 4)},
       {"truncated.png", png.substr(0, png.size() / 2)},
       {"garbage.jpg", "no picture at all"},
       {"size.png", encodePng(testImage(1, 8, 7))}}};
  for (const auto& [name, bytes] : bad) {
    fs::remove_all(folder / "faces");
    writeTestFaces(folder / "faces", 2);
    writeBytes(folder / "faces/b" / name, bytes);
    const std::string error = packError(folder, "faces");
    EXPECT_TRUE(contains(error, "faces/b/" + name)) << name << ": " << error;

    // An identity that has nothing else is left out with it.
    writeBytes(folder / "faces/aa" / name, bytes);
    PackOptions options = testPackOptions(folder / "faces", folder / "set");
    options.selection.skip_bad = true;
    options.force = true;
    const PackResult result = packDataset(options);
    EXPECT_EQ(result.left_out.bad.size(), 2U);
    EXPECT_EQ(result.left_out.identities, std::vector<std::string>{"aa"});
    EXPECT_EQ(result.manifest.records(), 3U);
    EXPECT_EQ(result.manifest.classes(), 2U);
    EXPECT_EQ(Dataset(folder / "set").manifest().identity(1).name(), "b");
    fs::remove_all(folder / "set");
  }
}

TEST(Pack, ReplacesOnlyADataSetAndOnlyWhenForced) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 2);
  PackOptions options = testPackOptions(folder / "faces", folder / "set");
  packDataset(options);
  EXPECT_TRUE(contains(errorOf([&] { packDataset(options); }), "already exists"));
  options.force = true;
  packDataset(options);
  writeBytes(folder / "precious/thesis.txt", "years of work");
  options.output = folder / "precious/";
  EXPECT_TRUE(contains(errorOf([&] { packDataset(options); }), "is no data set"));
  EXPECT_TRUE(fs::exists(folder / "precious/thesis.txt"));
}

TEST(Pack, LeavesNothingWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  writeTestFaces(folder / "faces", 6);
  // A limit on the size of a file stands for the full disk.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string error = packError(folder, "faces");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(contains(error, "data.mdb")) << error;
}

/// Three images of an aligned face's size, of two people.
class PackAlignment : public testing::Test {
 protected:
  PackAlignment() {
    for (const char* image : {"a/1.png", "a/2.png", "b/1.png"})
      writeBytes(folder_ / "faces" / image, encodePng(testImage(1, 112, 96)));
  }

  /// The manifest's template and the notes.
  std::pair<std::string, std::string> packed(const std::string& alignment = "",
                                             const std::string& exclude = "") {
    PackOptions options = testPackOptions(folder_ / "faces", folder_ / "set");
    options.height = options.width = 0;
    options.force = true;
    options.alignment = alignment;
    if (!exclude.empty()) {
      writeBytes(folder_ / "exclude.txt", exclude);
      options.selection.exclude = {folder_ / "exclude.txt"};
    }
    const PackResult result = packDataset(options);
    std::string notes;
    for (const std::string& note : result.notes)
      notes += note + "\n";
    return {result.manifest.alignment_template(), notes};
  }

  const TemporaryFolder folder_;
};

TEST_F(PackAlignment, IsUnknownUnlessItIsSaid) {
  const auto [alignment, notes] = packed();
  EXPECT_EQ(alignment, "unknown");
  EXPECT_TRUE(contains(notes,
                       "the alignment is unknown: no landmarks.tsv of `sphereface align` is "
                       "beside the images; --alignment sphereface-112x96 says"))
      << notes;
  EXPECT_EQ(packed("sphereface-112x96"),
            std::pair(std::string("sphereface-112x96"), std::string()));
}

TEST_F(PackAlignment, IsWhatAlignHasWrittenOfEveryImage) {
  const std::string list = "# sphereface-112x96 min_face=20\npath\tx1\na/1.jpg\t2\na/2.jpg\t2\n";
  writeBytes(folder_ / "faces/landmarks.tsv", list + "b/1.jpeg\t2\n");
  EXPECT_EQ(packed(), std::pair(std::string("sphereface-112x96"), std::string()));
  writeBytes(folder_ / "faces/landmarks.tsv", list);
  const auto [alignment, notes] = packed();
  EXPECT_EQ(alignment, "unknown");
  EXPECT_TRUE(contains(notes, "the alignment is unknown: b/1.png isn't in landmarks.tsv")) << notes;
  fs::copy(folder_ / "faces/a", folder_ / "faces/c");
  writeBytes(folder_ / "faces/landmarks.tsv", list + "c/1.jpg\t2\nc/2.jpg\t2\n");
  EXPECT_EQ(packed("", "b\n").first, "sphereface-112x96") << "what is left out doesn't count";
  fs::remove_all(folder_ / "faces/c");
  writeBytes(folder_ / "faces/landmarks.tsv", "# other-112x96\npath\na/1\na/2\nb/1\n");
  EXPECT_EQ(packed().first, "unknown");
}

TEST_F(PackAlignment, OfPaintedFacesIsKnown) {
  SynthOptions faces;
  faces.out = folder_ / "painted";
  faces.identities = 2;
  faces.images_per_identity = 2;
  writeSyntheticFaces(faces);
  PackOptions options = testPackOptions(folder_ / "painted", folder_ / "set");
  options.height = options.width = 0;
  EXPECT_EQ(packDataset(options).manifest.alignment_template(), "sphereface-112x96");
}

}  // namespace
}  // namespace sphereface
