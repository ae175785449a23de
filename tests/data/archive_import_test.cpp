// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Archives of identity folders, written by Python's tarfile and zipfile.

#include "data/import/pack_input.h"

#include <gtest/gtest.h>

#include "data/dataset.h"
#include "tests/support/packing_test_tools.h"
#include "tests/support/python.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWriteAll = R"(
import os, sys, tarfile, zipfile
folder = sys.argv[1]
faces = []
for root, _, files in os.walk(folder + "/faces"):
    for name in files:
        path = os.path.join(root, name)
        faces.append((path, os.path.relpath(path, folder + "/faces")))
faces.sort(reverse=True)
def tar(name, mode, format, prefix):
    with tarfile.open(folder + "/" + name, mode, format=format) as t:
        for path, inside in faces:
            t.add(path, prefix + inside)
tar("ustar.tar", "w", tarfile.USTAR_FORMAT, "")
tar("gnu.tar", "w", tarfile.GNU_FORMAT, "./")
tar("pax.tar", "w", tarfile.PAX_FORMAT, "some/folders/above/")
tar("gz.tar.gz", "w:gz", tarfile.GNU_FORMAT, "")
tar("gz.tgz", "w:gz", tarfile.PAX_FORMAT, "above/")
tar("bz2.tar.bz2", "w:bz2", tarfile.PAX_FORMAT, "")
tar("xz.TAR.XZ", "w:xz", tarfile.PAX_FORMAT, "")
for name, how in (("stored.zip", zipfile.ZIP_STORED), ("deflated.zip", zipfile.ZIP_DEFLATED)):
    with zipfile.ZipFile(folder + "/" + name, "w", how) as z:
        z.writestr("__MACOSX/a/._0.png", b"no image")
        z.writestr("above/a/.hidden.png", b"no image")
        z.writestr("above/readme.txt", b"no image")
        for path, inside in faces:
            z.write(path, "above/" + inside)
)";

class ArchiveImport : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!pythonHas("tarfile")) GTEST_SKIP() << "SPHEREFACE_PYTHON names no Python";
    writeTestFaces(folder_ / "faces", 3);
    // Beyond the 100 bytes of a tar header's name, with and without a place to cut it; beyond
    // ASCII.
    writeBytes(folder_ / "faces/b" / std::string(80, 'd') / (std::string(60, 'e') + ".png"),
               encodePng(testImage(30)));
    writeBytes(folder_ / "faces/c/Zo\xc3\xab.png", encodePng(testImage(31)));
  }
  PackResult pack(const std::string& input) {
    PackOptions options = testPackOptions(folder_ / input, folder_ / "set");
    options.force = true;
    return packDataset(options);
  }
  std::string packError(const std::string& script) {
    runPython(folder_, script, (folder_ / "").string());
    return errorOf([&] { pack("x.tar"); });
  }
  TemporaryFolder folder_;
};

TEST_F(ArchiveImport, GivesTheRecordsOfTheFolderInIt) {
  EXPECT_EQ(runPython(folder_, kWriteAll, (folder_ / "").string()), "");
  const std::string expected = pack("faces").manifest.sha256();
  for (const char* name : {"ustar.tar", "gnu.tar", "pax.tar", "gz.tar.gz", "gz.tgz", "bz2.tar.bz2",
                           "xz.TAR.XZ", "stored.zip", "deflated.zip"}) {
    SCOPED_TRACE(name);
    const PackResult result = pack(name);
    EXPECT_EQ(result.manifest.sha256(), expected);
    EXPECT_EQ(result.manifest.source(), name);
  }
  // The names beyond 100 bytes and beyond ASCII are in that sum.
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".sphereface")) << entry.path();
}

TEST_F(ArchiveImport, CountsWhatIsNoImageAsAFolderDoes) {
  writeBytes(folder_ / "faces/a/notes.txt", "text");
  writeBytes(folder_ / "faces/a/2.gif", "GIF89a");
  writeBytes(folder_ / "faces/a/bare", encodePng(testImage(20)));
  writeBytes(folder_ / "faces/__MACOSX/a/._0.png", "no image");
  writeBytes(folder_ / "faces/b/.DS_Store", "no image");
  const PackResult folder = pack("faces");
  EXPECT_EQ(runPython(folder_, kWriteAll, (folder_ / "").string()), "");
  const PackResult archive = pack("gnu.tar");
  EXPECT_EQ(archive.manifest.sha256(), folder.manifest.sha256());
  EXPECT_EQ(archive.passed_over.text(), folder.passed_over.text());
  EXPECT_EQ(folder.passed_over.text(),
            "1 GIF (a/2.gif), 2 macOS metadata (__MACOSX/a/._0.png, b/.DS_Store), "
            "1 text (a/notes.txt)");
}

TEST_F(ArchiveImport, TheLastOfANameCounts) {
  const std::string script = R"(
import sys, tarfile
folder = sys.argv[1]
with tarfile.open(folder + "/x.tar", "w") as t:
    t.add(folder + "/faces/b/0.png", "top/a/0.png")
    t.add(folder + "/faces/a/0.png", "top/a/0.png")
    t.add(folder + "/faces/b/1.png", "top/b/0.png")
)";
  runPython(folder_, script, (folder_ / "").string());
  pack("x.tar");
  const Dataset set(folder_ / "set");
  ASSERT_EQ(set.size(), 2U);
  const uint64_t twice = set.key(0).ends_with("a/0.png") ? 0 : 1;
  EXPECT_EQ(cv::norm(set.read(twice).image, testImage(0), cv::NORM_INF), 0);
}

TEST_F(ArchiveImport, RefusesWhatItCantPack) {
  const std::string head =
      "import sys, tarfile, io\nfolder = sys.argv[1]\n"
      "t = tarfile.open(folder + '/x.tar', 'w')\n"
      "png = folder + '/faces/a/0.png'\n";
  const auto refused = [&](const std::string& script, const std::string& words) {
    const std::string error = packError(head + script + "\nt.close()\n");
    EXPECT_TRUE(contains(error, "x.tar")) << error;
    EXPECT_TRUE(contains(error, words)) << error;
    EXPECT_FALSE(fs::exists(folder_ / "set"));
  };
  refused("", "no image in it");
  refused("t.add(png, 'a/0.png'); t.add(png, 'loose.png')",
          "loose.png lies in no identity's folder");
  refused("t.add(png, '0.png')", "0.png lies in no identity's folder");
  refused("t.add(png, 'a/../../0.png')", "leads outside");
  refused(
      "i = tarfile.TarInfo('a/0.png'); i.type = tarfile.SYMTYPE; i.linkname = 'b'; t.addfile(i)",
      "a/0.png is a link");
  refused(
      "t.add(png, 'a/0.png'); t.add(png, 'a/1.png'); t.fileobj.truncate(1400);"
      "t.fileobj = io.BytesIO()",
      "runcated");
  writeBytes(folder_ / "x.tar", "not a tar file at all");
  EXPECT_TRUE(contains(errorOf([&] { pack("x.tar"); }), "x.tar"));
  writeBytes(folder_ / "x.zip", "PK\x03\x04 but no more");
  EXPECT_TRUE(contains(errorOf([&] { pack("x.zip"); }), "x.zip"));
}

/// Of zeros: DEFLATE makes a thousandth of them.
TEST_F(ArchiveImport, RefusesWhatUnpacksToMoreThanPhotographsDo) {
  const std::string head = R"(
import sys, zipfile
folder = sys.argv[1]
def write(name, members, megabytes):
    with zipfile.ZipFile(folder + "/" + name, "w", zipfile.ZIP_DEFLATED) as z:
        for i in range(members):
            with z.open("%s/%d.bmp" % ("ab"[i % 2], i), "w") as m:
                for k in range(megabytes):
                    m.write(bytes(1 << 20))
)";
  runPython(folder_, head + "write('many.zip', 80, 1); write('few.zip', 3, 1)\n",
            (folder_ / "").string());
  EXPECT_LT(fs::file_size(folder_ / "many.zip"), 200'000U);
  const std::string error = errorOf([&] { pack("many.zip"); });
  EXPECT_TRUE(contains(error, "many.zip: a/64.bmp: up to here")) << error;
  EXPECT_TRUE(contains(error, "more than 100 times as many")) << error;
  EXPECT_TRUE(contains(errorOf([&] { pack("few.zip"); }), "few.zip: a/")) << "no image";
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path()))
    EXPECT_FALSE(entry.path().filename().string().starts_with("set")) << entry.path();
}

}  // namespace
}  // namespace sphereface
