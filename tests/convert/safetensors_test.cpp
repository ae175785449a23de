// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "convert/safetensors.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>

#include "base/atomic_file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "tests/support/convert_support.h"
#include "tests/support/evaluation_support.h"
#include "tests/support/process.h"

namespace sphereface {
namespace {

using testing::errorOf;
using testing::expectIn;

std::string fileOf(const TrainedModel& model) {
  const TemporaryFolder folder;
  writeSafetensors(model, folder / "model.safetensors");
  return readFile(folder / "model.safetensors");
}

/// The file with another header.
std::string withHeader(const std::string& file, const std::function<void(Json&)>& change) {
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  Json header = parseJson(file.substr(sizeof length, length));
  change(header);
  const std::string text = jsonText(header);
  const uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text +
         file.substr(sizeof length + length);
}

TEST(Safetensors, ReadsBackBitForBit) {
  for (const uint32_t classes : {0, 5}) {
    TrainedModel model = testing::randomModel(testing::smallConfig(), classes);
    model.manifest.set_dataset_sha256("abcd");
    model.manifest.set_alignment_template("mine \"x\"");
    const TrainedModel again = parseSafetensors(fileOf(model), "model");
    EXPECT_EQ(again.parameters, model.parameters);
    EXPECT_EQ(again.manifest.SerializeAsString(), model.manifest.SerializeAsString());
  }
}

/// The first files had the scale with six decimals.
TEST(Safetensors, SayTheNormalizationExactly) {
  const std::string file = fileOf(testing::randomModel(testing::smallConfig(), 5));
  EXPECT_NE(file.find("\"normalization_scale\":\"0.0078125\""), std::string::npos);
  EXPECT_NO_THROW(parseSafetensors(
      withHeader(file, [](Json& h) { h["__metadata__"]["normalization_scale"] = "0.007812"; }),
      "model"));
}

/// A literal reading of the format.
constexpr const char* kRead = R"(
import json, struct, sys, numpy
data = open(sys.argv[1], 'rb').read()
length, = struct.unpack('<Q', data[:8])
header = json.loads(data[8:8 + length])
meta = header.pop('__metadata__')
assert all(type(v) is str for v in meta.values())
end = 0
for name, t in header.items():
    begin, stop = t['data_offsets']
    assert t['dtype'] == 'F32' and begin == end
    a = numpy.frombuffer(data[8 + length:][begin:stop], '<f4').reshape(t['shape'])
    end = stop
    print(name, '%.9g' % a.flat[0], '%.9g' % a.flat[-1], a.size)
assert end == len(data) - 8 - length
)";

/// What a reader prints that tells each tensor's name, first and last value, and size.
std::string linesOf(const TrainedModel& model) {
  std::string expected;
  const auto line = [&](const std::string& name, std::span<const float> values) {
    char text[100];
    std::snprintf(text, sizeof text, "%s %.9g %.9g %zu\n", name.c_str(), double{values.front()},
                  double{values.back()}, values.size());
    expected += text;
  };
  for (const Parameter& parameter : model.network.parameters)
    line(parameter.name, model.values(parameter));
  line("head.0", model.head());
  return expected;
}

TEST(Safetensors, AreWhatTheFormatSays) {
  if (!pythonHas("numpy")) GTEST_SKIP() << "needs SPHEREFACE_PYTHON, a Python with numpy";
  const TemporaryFolder folder;
  const TrainedModel model = testing::randomModel(testing::smallConfig(), 5);
  writeSafetensors(model, folder / "model.safetensors");
  EXPECT_EQ(runPython(folder, kRead, (folder / "model.safetensors").string()), linesOf(model));
}

/// The format's own library; its names come in an order of its own.
constexpr const char* kReadByLibrary = R"(
import sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework='numpy') as file:
    assert file.metadata()['network']
    for name in file.keys():
        a = file.get_tensor(name)
        print(name, '%.9g' % a.flat[0], '%.9g' % a.flat[-1], a.size)
)";

TEST(Safetensors, AreReadByTheFormatsOwnLibrary) {
  const char* const python = std::getenv("SPHEREFACE_ONNX_PYTHON");
  if (python == nullptr ||
      testing::runCommand({python, "-c", "import safetensors.numpy"}).code != 0) {
    GTEST_SKIP() << "needs SPHEREFACE_ONNX_PYTHON, a Python with safetensors and numpy";
  }
  const TemporaryFolder folder;
  const TrainedModel model = testing::randomModel(testing::smallConfig(), 5);
  const std::string file = (folder / "model.safetensors").string();
  writeSafetensors(model, file);
  const testing::Finished read = testing::runCommand({python, "-c", kReadByLibrary, file});
  ASSERT_EQ(read.code, 0) << read.output;
  const auto sorted = [](const std::string& text) {
    std::istringstream in(text);
    std::set<std::string> lines;
    for (std::string line; std::getline(in, line);)
      lines.insert(line);
    return lines;
  };
  EXPECT_EQ(sorted(read.output), sorted(linesOf(model)));
}

TEST(Safetensors, DamagedFilesAreErrors) {
  const std::string whole = fileOf(testing::randomModel(testing::smallConfig(), 5));
  const auto failure = [](const std::string& bytes) {
    return errorOf([&] { parseSafetensors(bytes, "model"); });
  };
  const auto changed = [&](const std::function<void(Json&)>& change) {
    return failure(withHeader(whole, change));
  };
  expectIn("shorter than the length of a header", failure("abc"));
  expectIn("a header of 18446744073709551615 bytes", failure(std::string(20, '\xff')));
  expectIn("no JSON object", failure(std::string("\x02\0\0\0\0\0\0\0[]", 10)));
  expectIn("it has no metadata", changed([](Json& h) { h.erase("__metadata__"); }));
  expectIn("no \"network\"", changed([](Json& h) { h["__metadata__"].erase("network"); }));
  expectIn("network.stage[0].units: 4000000000 is outside [0, 1000]", changed([](Json& h) {
             h["__metadata__"]["network"] =
                 "name: \"custom\" stage { channels: 8 units: 4000000000 }";
           }));
  expectIn("\"step\" is \"7x\"", changed([](Json& h) { h["__metadata__"]["step"] = "7x"; }));
  // What would be taken in as something else.
  expectIn("\"normalization_scale\" is \"0.0039\", and here it is always 0.0078125",
           changed([](Json& h) { h["__metadata__"]["normalization_scale"] = "0.0039"; }));
  expectIn("\"normalization_mean\" is \"nan\"",
           changed([](Json& h) { h["__metadata__"]["normalization_mean"] = "nan"; }));
  expectIn("\"color_order\" is \"GBR\"",
           changed([](Json& h) { h["__metadata__"]["color_order"] = "GBR"; }));
  expectIn("tensor bn1.0 is none of its network",
           changed([](Json& h) { h["bn1.0"] = h["conv1_1.1"]; }));
  expectIn("its tensors overlap", changed([](Json& h) {
             h["conv1_1.1"]["data_offsets"] = h["relu1_1.0"]["data_offsets"];
           }));
  expectIn("tensor conv1_1.0 is missing", changed([](Json& h) { h.erase("conv1_1.0"); }));
  expectIn("tensor conv1_1.0 is 8 x 4 x 3 x 3, expected 8 x 3 x 3 x 3",
           changed([](Json& h) { h["conv1_1.0"]["shape"][1] = 4; }));
  expectIn("conv1_1.0 isn't of type F32",
           changed([](Json& h) { h["conv1_1.0"]["dtype"] = "BF16"; }));
  expectIn("tensor fc4.0 has not its 3072 numbers within the file", changed([](Json& h) {
             h["fc4.0"]["data_offsets"] = {1 << 20, (1 << 20) + 3072 * 4};
           }));
  expectIn("data_offsets", changed([](Json& h) { h["fc4.0"]["data_offsets"] = "0"; }));
  expectIn("overlap", failure(withHeader(whole.substr(0, whole.size() / 2), [](Json& h) {
             for (auto& [name, tensor] : h.items()) {
               if (name == "__metadata__") continue;
               const auto begin = tensor["data_offsets"][0].get<uint64_t>();
               const auto end = tensor["data_offsets"][1].get<uint64_t>();
               tensor["data_offsets"] = {0, end - begin};
             }
           })));
  for (size_t length = 0; length < whole.size(); length += 101)
    EXPECT_THROW(parseSafetensors(whole.substr(0, length), "cut"), Error) << length;
}

}  // namespace
}  // namespace sphereface
