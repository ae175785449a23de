// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/megaface_list.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/temporary_folder.h"

namespace sphereface {
namespace {

using Texts = std::vector<std::string>;

class MegafaceLists : public ::testing::Test {
 protected:
  MegafaceList read(const std::string& text, bool with_ids) {
    writeFileAtomically(folder_ / "list.json", text);
    return readMegafaceList(folder_ / "list.json", with_ids);
  }

  void refuse(const std::string& text, bool with_ids, const std::string& words) {
    try {
      read(text, with_ids);
      ADD_FAILURE() << "was read: " << text;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("list.json: " + words), std::string::npos) << e.what();
    }
  }

  TemporaryFolder folder_;
};

TEST_F(MegafaceLists, ReadsBothKinds) {
  const MegafaceList probes =
      read(R"({"id": ["A_B", "A_B"], "path": ["A B/A B_1.jpg", "x"]})", true);
  EXPECT_EQ(probes.paths, (Texts{"A B/A B_1.jpg", "x"}));
  EXPECT_EQ(probes.ids, (Texts{"A_B", "A_B"}));
  EXPECT_EQ(probes.file, "list.json");
  const MegafaceList distractors = read(R"({"path": ["115/1@N00/5_0.jpg"]})", false);
  EXPECT_EQ(distractors.paths, Texts{"115/1@N00/5_0.jpg"});
  EXPECT_TRUE(distractors.ids.empty());
}

TEST_F(MegafaceLists, SaysWhatIsWrong) {
  refuse("[1]", false, "must be a JSON object with an array \"path\"");
  refuse(R"({"path": ["a"]})", true, "must be a JSON object with an array \"id\"");
  refuse(R"({"path": []})", false, "lists no image");
  refuse(R"({"path": ["a", 7]})", false, "entry 1 of \"path\" is 7");
  refuse(R"({"path": ["a", "b"], "id": ["x"]})", true, "2 entries of \"path\", but 1 of \"id\"");
  refuse(R"({"path": ["a", "b", "a"]})", false, "entry 2 of \"path\", a, is there before");
  refuse(R"({"path": ["a")", false, "");
}

TEST_F(MegafaceLists, NoiseIsFoundByBaseNameOrPath) {
  MegafaceList list;
  list.file = "probes.json";
  list.paths = {"A_B/A_B_1.png", "A B/A B_2.jpeg", "C_D/C_D_1.png", "115/1@N00/5_0.jpg"};
  list.ids = {"A_B", "A_B", "C_D", "x"};
  writeFileAtomically(folder_ / "noise.txt",
                      "\xef\xbb\xbf# comment\nA_B_2.png\r\nC_D_1\n\nA_B_7.png\n5_1.jpg\n");
  const CleanedList by_name = removeNoise(list, folder_ / "noise.txt", NoiseNames::kBaseName);
  EXPECT_EQ(by_name.list.paths, (Texts{"A_B/A_B_1.png", "115/1@N00/5_0.jpg"}));
  EXPECT_EQ(by_name.list.ids, (Texts{"A_B", "x"}));
  EXPECT_EQ(by_name.kept, (std::vector<size_t>{0, 3}));
  EXPECT_EQ(by_name.removed, 2U);
  EXPECT_EQ(by_name.named, 4U);
  writeFileAtomically(folder_ / "noise.txt", "1\t115/1@N00/5_0\tx\n#\n2\t5_0.jpg\n");
  const CleanedList by_path = removeNoise(list, folder_ / "noise.txt", NoiseNames::kPath);
  EXPECT_EQ(by_path.removed, 1U);
  EXPECT_EQ(by_path.kept, (std::vector<size_t>{0, 1, 2}));
  writeFileAtomically(folder_ / "noise.txt", "# nothing\n");
  EXPECT_THROW(removeNoise(list, folder_ / "noise.txt", NoiseNames::kPath), Error);
}

}  // namespace
}  // namespace sphereface
