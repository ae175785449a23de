// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "proto/text_format.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/text_file.h"

namespace sphereface {
namespace {

namespace pb = google::protobuf;

/// Levenshtein distance.
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

/// What stands between the n-th pair of double quotes, from 0.
std::string_view quoted(std::string_view text, int n) {
  for (;; --n) {
    const size_t begin = text.find('"');
    const size_t end = begin == text.npos ? text.npos : text.find('"', begin + 1);
    if (end == text.npos) return {};
    if (n == 0) return text.substr(begin + 1, end - begin - 1);
    text.remove_prefix(end + 1);
  }
}

/// " (did you mean ...)" for protobuf's: Message type "T" has no field named "f".
std::string suggestion(std::string_view message, const pb::DescriptorPool& pool) {
  if (message.find("has no field named") == message.npos) return "";
  const pb::Descriptor* type = pool.FindMessageTypeByName(std::string(quoted(message, 0)));
  if (type == nullptr) return "";
  const std::string_view field = quoted(message, 1);
  std::string nearest;
  size_t smallest = std::max<size_t>(2, field.size() / 2) + 1;
  for (int i = 0; i < type->field_count(); ++i) {
    const size_t distance = editDistance(field, type->field(i)->name());
    if (distance >= smallest) continue;
    smallest = distance;
    nearest = type->field(i)->name();
  }
  return nearest.empty() ? "" : concat(" Did you mean \"", nearest, "\"?");
}

/// Keeps the first error: those after it mostly follow from it.
class FirstError : public pb::io::ErrorCollector {
 public:
  FirstError(std::string name, const pb::DescriptorPool& pool)
      : name_(std::move(name)), pool_(pool) {}

  void AddError(int line, pb::io::ColumnNumber column,  // NOLINT(readability-identifier-naming)
                const std::string& message) override {
    if (!text_.empty()) return;
    text_ = line < 0 ? concat(name_, ": ", message)
                     : concat(name_, ":", line + 1, ":", column + 1, ": ", message,
                              suggestion(message, pool_));
  }

  const std::string& text() const { return text_; }

 private:
  std::string name_;
  const pb::DescriptorPool& pool_;
  std::string text_;
};

}  // namespace

int TextPlaces::lineOf(std::string_view path) const {
  int line = 0;
  const pb::Descriptor* type = type_;
  const pb::TextFormat::ParseInfoTree* tree = &tree_;
  while (tree != nullptr && type != nullptr && !path.empty()) {
    const size_t end = std::min(path.find('.'), path.size());
    std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    int index = 0;
    if (const size_t bracket = name.find('['); bracket != name.npos) {
      std::from_chars(name.data() + bracket + 1, name.data() + name.size(), index);
      name = name.substr(0, bracket);
    }
    const pb::FieldDescriptor* field = type->FindFieldByName(std::string(name));
    if (field == nullptr) break;
    if (!field->is_repeated()) index = -1;
    pb::TextFormat::ParseLocation at = tree->GetLocation(field, index);
    if (at.line < 0 && index > 0) at = tree->GetLocation(field, 0);  // a list [1, 2] has one place
    if (at.line < 0) break;
    line = at.line + 1;
    type = field->message_type();
    tree = type == nullptr ? nullptr : tree->GetTreeForNested(field, index);
  }
  return line;
}

void parseText(std::string_view text, const std::string& name, pb::Message& message,
               TextPlaces* places) {
  FirstError error(name, *message.GetDescriptor()->file()->pool());
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (places != nullptr) {
    places->type_ = message.GetDescriptor();
    parser.WriteLocationsTo(&places->tree_);
  }
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&stream, &message) || !error.text().empty()) {
    throw UsageError(error.text().empty() ? concat(name, ": not in text format") : error.text());
  }
}

void parseTextFile(const std::filesystem::path& path, pb::Message& message) {
  parseText(readTextFile(path), path.string(), message);
}

std::string printText(const pb::Message& message) {
  std::string text;
  if (!pb::TextFormat::PrintToString(message, &text)) throw Error("cannot print a message");
  return text;
}

}  // namespace sphereface
