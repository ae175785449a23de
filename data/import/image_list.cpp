// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text_file.h"
#include "data/import/pack_input.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

struct Line {
  std::string path;
  int32_t label = 0;
};

enum class Form {
  kPlain,        // path label
  kMxnet,        // NUMBER TAB LABEL [TAB LABEL ...] TAB PATH, labels being floats: im2rec's
  kInsightface,  // ALIGNED TAB PATH TAB LABEL [TAB ...], ALIGNED being 0 or 1
};

template <class Number>
std::optional<Number> wholeNumber(std::string_view text) {
  Number value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> fieldsOf(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t tab = 0; tab != line.npos; line.remove_prefix(tab == line.npos ? 0 : tab + 1)) {
    tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
  }
  return fields;
}

/// By a list's first line.
Form formOf(std::string_view line) {
  const std::vector<std::string_view> fields = fieldsOf(line);
  if (fields.size() < 3 || !wholeNumber<uint64_t>(fields[0])) return Form::kPlain;
  if (wholeNumber<float>(fields[1])) return Form::kMxnet;
  return wholeNumber<int32_t>(fields[2]) ? Form::kInsightface : Form::kPlain;
}

int32_t labelOf(std::string_view text, const std::string& place) {
  const std::optional<int32_t> label = wholeNumber<int32_t>(text);
  if (!label || *label < 0) {
    throw Error(concat(place, ": \"", text, "\" is no label (0, 1, 2, ...)"));
  }
  return *label;
}

Line parsePlain(std::string_view line, const std::string& place) {
  const size_t label = line.find_last_of(" \t") + 1;  // 0 when there is none
  const size_t path_end = label == 0 ? line.npos : line.find_last_not_of(" \t", label - 1);
  if (path_end == line.npos) throw Error(concat(place, ": expected `path label`"));
  return {std::string(line.substr(0, path_end + 1)), labelOf(line.substr(label), place)};
}

Line parseMxnet(std::string_view line, const std::string& place) {
  const std::vector<std::string_view> fields = fieldsOf(line);
  if (fields.size() < 3) {
    throw Error(concat(place, ": expected MXNet's `number label path`, with TABs, as in line 1"));
  }
  // Of a vector the first is the class, as in a .rec; beyond 2^24 floats skip whole numbers.
  constexpr float kFloatsEnd = 16'777'216;
  const float label = wholeNumber<float>(fields[1]).value_or(-1);
  if (!(label >= 0) || label >= kFloatsEnd || label != std::floor(label)) {
    throw Error(concat(place, ": \"", fields[1], "\" is no label (0, 1, 2, ...)"));
  }
  return {std::string(fields.back()), static_cast<int32_t>(label)};
}

Line parseInsightface(std::string_view line, const std::string& place) {
  const std::vector<std::string_view> fields = fieldsOf(line);
  if (fields.size() < 3 || (fields[0] != "0" && fields[0] != "1")) {
    throw Error(
        concat(place, ": expected insightface's `aligned path label`, with TABs, as in line 1"));
  }
  if (fields[0] == "0") throw Error(concat(place, ": ", fields[1], " isn't aligned, it says"));
  return {std::string(fields[1]), labelOf(fields[2], place)};
}

Line parseLine(std::string_view line, Form form, const std::string& place) {
  Line parsed = form == Form::kMxnet         ? parseMxnet(line, place)
                : form == Form::kInsightface ? parseInsightface(line, place)
                                             : parsePlain(line, place);
  if (parsed.path.empty()) throw Error(concat(place, ": no path"));
  return parsed;
}

}  // namespace

PackInput openImageList(const fs::path& list) {
  PackInput input;
  input.labels_given = true;
  std::vector<std::string> names;
  std::vector<int32_t> labels;
  const fs::path folder = list.parent_path();
  Sha256 stamps;
  std::istringstream text(readListFile(list));
  std::string line;
  Form form = Form::kPlain;
  for (size_t number = 1; std::getline(text, line); ++number) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
      line.pop_back();
    }
    if (line.empty()) continue;
    if (names.empty()) form = formOf(line);
    Line parsed = parseLine(line, form, concat(list.string(), ":", number));
    input.images.push_back({names.size(), 0});
    stamps.update(fileStamp(folder / parsed.path));
    names.push_back(std::move(parsed.path));
    labels.push_back(parsed.label);
  }
  if (input.images.empty()) throw Error(concat(list.string(), ": the list is empty"));
  takeFiles(input, folder, std::move(names));
  input.fingerprint = stamps.hex();
  groupByLabel(input, labels);
  return input;
}

}  // namespace sphereface
