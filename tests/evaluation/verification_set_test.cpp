// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// insightface's verification sets and the pickles they are.

#include "evaluation/verification_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <opencv2/core.hpp>
#include <utility>

#include "base/image_file.h"
#include "data/align/alignment_template.h"
#include "evaluation/pickle.h"
#include "tests/support/evaluation_support.h"

namespace sphereface {
namespace {

constexpr size_t kPairs = 13;

cv::Mat faceAt(size_t image) {
  cv::Mat face(112, 112, CV_8UC3);
  for (int y = 0; y < 112; ++y) {
    for (int x = 0; x < 112; ++x)
      face.at<cv::Vec3b>(y, x) =
          cv::Vec3b(static_cast<uint8_t>(x), static_cast<uint8_t>(y), static_cast<uint8_t>(image));
  }
  return face;
}

std::string littleEndian(size_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i, value >>= 8)
    text += static_cast<char>(value & 255);
  return text;
}

/// As Python 2 writes the pair of lists in protocol 2, byte strings in batches of ten.
std::string python2Pickle(const std::vector<std::string>& images, const std::vector<bool>& same) {
  std::string text("\x80\x02]q\x01", 5);
  for (size_t begin = 0; begin < images.size(); begin += 10) {
    text += "(";
    for (size_t i = begin; i < std::min(images.size(), begin + 10); ++i) {
      text += concat("T", littleEndian(images[i].size(), 4), images[i]);
      text += concat("r", littleEndian(i + 300, 4));
    }
    text += "e";
  }
  text += "](";
  for (const bool one : same)
    text += one ? '\x88' : '\x89';
  return text + "e\x86.";
}

std::vector<std::string> pngs(size_t count) {
  std::vector<std::string> images;
  images.reserve(count);
  for (size_t i = 0; i < count; ++i)
    images.push_back(encodePng(faceAt(i)));
  return images;
}

std::vector<bool> sames() {
  std::vector<bool> same(kPairs, false);
  for (size_t k = 0; k < kPairs; k += 3)
    same[k] = true;
  return same;
}

void expectTheSet(const VerificationSet& set) {
  ASSERT_EQ(set.images.names.size(), 2 * kPairs);
  ASSERT_EQ(set.pairs.pairs.size(), kPairs);
  EXPECT_EQ(set.pairs.folds, 10U);
  EXPECT_EQ(set.pairs.pairs[4].left, "00008");
  EXPECT_EQ(set.pairs.pairs[4].right, "00009");
  // 13 pairs in ten folds: three of two, seven of one.
  EXPECT_EQ(set.pairs.pairs[5].fold, 2U);
  EXPECT_EQ(set.pairs.pairs[6].fold, 3U);
  EXPECT_EQ(set.pairs.pairs[12].fold, 9U);
  for (size_t k = 0; k < kPairs; ++k)
    EXPECT_EQ(set.pairs.pairs[k].same, k % 3 == 0);
  for (const size_t image : {0, 17, 25})
    EXPECT_EQ(cv::norm(set.images.load(image), faceAt(image), cv::NORM_INF), 0);
}

TEST(VerificationSet, ReadsWhatPython2Wrote) {
  const TemporaryFolder folder;
  writeFileAtomically(folder / "set.bin", python2Pickle(pngs(2 * kPairs), sames()));
  expectTheSet(readVerificationSet(folder / "set.bin"));
}

/// Byte strings and NumPy's arrays and booleans, in every protocol.
TEST(VerificationSet, ReadsWhatPython3AndNumpyWrite) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "SPHEREFACE_PYTHON names no Python with numpy";
  const TemporaryFolder folder;
  const std::vector<std::string> images = pngs(2 * kPairs);
  for (size_t i = 0; i < images.size(); ++i)
    writeFileAtomically(folder / concat(i, ".png"), images[i]);
  const std::string script = R"(
import pickle, sys
import numpy as np
folder = sys.argv[1]
images = [open("%s/%d.png" % (folder, i), "rb").read() for i in range(26)]
same = [k % 3 == 0 for k in range(13)]
arrays = [np.frombuffer(x, np.uint8) for x in images]
columns = [x.reshape(-1, 1).copy() for x in arrays]
kinds = {"bytes": (images, same), "list": [images, same], "arrays": (arrays, same),
         "columns": (columns, same), "bools": (images, list(np.array(same)))}
for protocol in range(1, 6):
    for name, value in kinds.items():
        pickle.dump(value, open("%s/%s%d.bin" % (folder, name, protocol), "wb"), protocol=protocol)
)";
  EXPECT_EQ(runPython(folder, script, (folder / "").string()), "");
  for (int protocol = 1; protocol <= 5; ++protocol) {
    for (const char* name : {"bytes", "list", "arrays", "columns", "bools"}) {
      const std::string file = concat(name, protocol, ".bin");
      SCOPED_TRACE(file);
      expectTheSet(readVerificationSet(folder / file));
    }
  }
}

void expectRefusal(const std::string& bytes, const std::string& words) {
  const TemporaryFolder folder;
  writeFileAtomically(folder / "set.bin", bytes);
  try {
    readVerificationSet(folder / "set.bin");
    ADD_FAILURE() << "was read, expected: " << words;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("set.bin: "), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
  }
}

TEST(VerificationSet, RefusesWhatIsNoSetByName) {
  expectRefusal("", "ends too early");
  expectRefusal("\x80\x02K\x07.", "must be a pair of two lists");
  expectRefusal(python2Pickle(pngs(25), sames()), "25 images of 13 pairs");
  expectRefusal(python2Pickle(pngs(4), {true, false}), "2 pairs make no ten folds");
  std::vector<std::string> images = pngs(2 * kPairs);
  images[7] = "";
  expectRefusal(python2Pickle(images, sames()), "image 7 is no byte string");
  images[7] = "no image";
  images[8] = encodePng(cv::Mat(112, 96, CV_8UC3, cv::Scalar::all(7)));
  const TemporaryFolder folder;
  writeFileAtomically(folder / "set.bin", python2Pickle(images, sames()));
  const VerificationSet set = readVerificationSet(folder / "set.bin");
  for (const auto& [image, words] :
       {std::pair{7, "set.bin: image 7"}, {8, "set.bin: image 8 is 112x96, must be 112x112"}}) {
    try {
      set.images.load(static_cast<size_t>(image));
      ADD_FAILURE() << "was decoded";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  }
}

TEST(VerificationSet, IsCutToTheTemplateOfTheNetwork) {
  ImageSource source;
  source.names = {"00000"};
  source.alignment_template = kInsightfaceTemplate;
  source.load = [](size_t) { return faceAt(3); };
  const ImageSource cut = alignedTo(kAlignmentTemplate, source);
  EXPECT_EQ(cut.alignment_template, kAlignmentTemplate);
  const cv::Mat face = cut.load(0);
  ASSERT_EQ(face.size(), cv::Size(96, 112));
  // insightface's left eye, in whole pixels of both templates.
  const cv::Point2d eye = alignmentTemplate()[0];
  const auto pixel = face.at<cv::Vec3b>(static_cast<int>(eye.y), static_cast<int>(eye.x));
  EXPECT_EQ(pixel[0], static_cast<int>(38.2946));
  EXPECT_EQ(pixel[1], static_cast<int>(51.6963));
  // All rows are the face's own but the lowest, of which the file has nothing.
  const cv::Mat whole = faceAt(3);
  for (int y = 0; y < 112; ++y) {
    for (int x = 0; x < 96; ++x) {
      ASSERT_EQ(face.at<cv::Vec3b>(y, x), whole.at<cv::Vec3b>(std::min(y + 1, 111), x + 9))
          << y << ", " << x;
    }
  }
  EXPECT_EQ(alignedTo("something else", source).load(0).cols, 112);
}

std::string pickleFailure(const std::string& bytes) {
  try {
    readPickle(bytes, "x");
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Pickle, ExecutesNothingAndNamesWhatWasAskedFor) {
  EXPECT_NE(pickleFailure("cos\nsystem\n(U\x04true\x85R.").find("\"os system\""),
            std::string::npos);
  EXPECT_NE(pickleFailure("cbuiltins\neval\n.").find("\"builtins eval\""), std::string::npos);
  const std::string stacked("\x80\x04\x8c\x02os\x8c\x06system\x93.", 15);
  EXPECT_NE(pickleFailure(stacked).find("\"os system\""), std::string::npos);
  // A harmless name isn't called with anything else, either.
  EXPECT_NE(pickleFailure("cnumpy\nndarray\n)R.").find("isn't known"), std::string::npos);
  EXPECT_NE(pickleFailure("}.").find("operation 125"), std::string::npos);
}

TEST(Pickle, EveryTruncationAndNestingIsNoticed) {
  const std::string whole = python2Pickle({"abc", "def"}, {true});
  EXPECT_EQ(pickleFailure(whole), "");
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(pickleFailure(whole.substr(0, length)), "") << length;
  EXPECT_NE(pickleFailure(")" + std::string(100000, '\x85') + ".").find("too deep"),
            std::string::npos);
  EXPECT_NE(pickleFailure("]q\x01h\x01"
                          "a.")
                .find("too deep"),
            std::string::npos);
  EXPECT_NE(pickleFailure("h\x05.").find("nothing was stored as 5"), std::string::npos);
  EXPECT_NE(pickleFailure("e.").find("no mark"), std::string::npos);
  EXPECT_NE(pickleFailure("B\xff\xff\xff\xff.").find("ends too early"), std::string::npos);
  // One text decoded again and again.
  std::string bomb = "c_codecs\nencode\nq\x01U\x32" + std::string(50, 'x') + "q\x02";
  for (int i = 0; i < 1000; ++i)
    bomb += "h\x01h\x02h\x02\x86R";
  EXPECT_NE(pickleFailure(bomb + ".").find("decodes to more bytes"), std::string::npos);
}

/// Damaged pickles end in an Error or in some value, and read nothing beyond their end.
TEST(Pickle, RandomDamageIsSurvived) {
  const std::string whole = python2Pickle({"abc", "def", "ghi", "jkl"}, {true, false});
  Random random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 3; ++i)
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    pickleFailure(damaged);
  }
}

/// A byte each.
TEST(Pickle, OfMoreValuesThanASetHasIsRefused) {
  const std::string head = "\x80\x04(";
  const auto many = [&](const std::string& operations) {
    std::string bytes = head;
    for (int i = 0; i < 1'100'000; ++i)
      bytes += operations;
    return bytes + "l.";
  };
  for (const char* operations : {"N", "]", "N\x94", "K\x01"}) {
    EXPECT_NE(pickleFailure(many(operations)).find("more than 1048576 values"), std::string::npos)
        << operations;
  }
  std::string stored = head + "N\x94";
  for (int i = 0; i < 1'100'000; ++i)
    stored += '\x94';
  EXPECT_NE(pickleFailure(stored + "l.").find("values are stored"), std::string::npos);
  std::string got = head + "Nq" + std::string(1, '\0');
  for (int i = 0; i < 2'200'000; ++i)
    got += std::string("h\0", 2);
  EXPECT_NE(pickleFailure(got + "l.").find("more on the stack"), std::string::npos);
}

}  // namespace
}  // namespace sphereface
