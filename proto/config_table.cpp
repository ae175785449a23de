// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "proto/config_table.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>

#include "base/error.h"
#include "proto/config.pb.h"
#include "proto/field_ranges.h"

namespace sphereface {
namespace {

namespace pb = google::protobuf;

/// A comment on one line, each of its lines being "//" and a blank before it.
std::string inOneLine(const std::string& comment) {
  std::string text;
  for (const char c : comment) {
    if (c != '\n' && !(c == ' ' && (text.empty() || text.back() == ' '))) {
      text += c;
    } else if (c == '\n' && !text.empty() && text.back() != ' ') {
      text += ' ';
    }
  }
  while (text.ends_with(' '))
    text.pop_back();
  return text;
}

template <class Descriptor>
std::string commentOf(const Descriptor& of) {
  pb::SourceLocation place;
  if (!of.GetSourceLocation(&place)) return "";
  return inOneLine(place.leading_comments + place.trailing_comments);
}

std::string typeOf(const pb::FieldDescriptor& field) {
  std::string type = field.type_name();
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) type = "text";
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM) {
    type.clear();
    for (int i = 0; i < field.enum_type()->value_count(); ++i)
      type += concat(i == 0 ? "" : ", ", field.enum_type()->value(i)->name());
  }
  const bool message = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
  return field.is_repeated() && !message ? "list of " + type : type;
}

/// `schema` has the comments, `compiled` the defaults and what is allowed.
void addRows(const pb::Descriptor& schema, const pb::Descriptor& compiled,
             const std::string& prefix, std::vector<ConfigRow>& rows) {
  for (int i = 0; i < schema.field_count(); ++i) {
    const pb::FieldDescriptor& told = *schema.field(i);
    const pb::FieldDescriptor& field = *compiled.field(i);
    ConfigRow row;
    row.path = prefix + field.name();
    row.text = commentOf(told);
    if (const pb::Descriptor* within = field.message_type()) {
      row.type = field.is_repeated() ? "blocks" : "block";
      rows.push_back(row);
      const std::string inner = row.path + (field.is_repeated() ? "[]." : ".");
      addRows(*told.message_type(), *within, inner, rows);
      continue;
    }
    if (const pb::EnumDescriptor* names = told.enum_type()) {
      for (int value = 0; value < names->value_count(); ++value) {
        const std::string meaning = commentOf(*names->value(value));
        if (!meaning.empty())
          row.text += concat(" ", names->value(value)->name(), ": ", meaning, ".");
      }
    }
    row.type = typeOf(field);
    row.standard = defaultText(field);
    if (isNumber(field)) row.allowed = allowedOf(field).text();
    rows.push_back(std::move(row));
  }
}

std::string firstSentence(const std::string& text) {
  for (size_t at = 0; (at = text.find(". ", at)) != text.npos; at += 2) {
    if (at == 0 || text[at - 1] != '.') return text.substr(0, at + 1);
  }
  return text;
}

/// Without what would end a table's cell.
std::string cell(std::string text) {
  std::ranges::replace(text, '|', '/');
  return text;
}

std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + text + "`";
}

}  // namespace

std::vector<ConfigRow> configTable() {
  pb::FileDescriptorSet files;
  const std::string_view bytes = schemaFile("config.desc");
  if (!files.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error("the schema that was built in can't be read");
  }
  pb::DescriptorPool pool;
  for (const pb::FileDescriptorProto& file : files.file())
    pool.BuildFile(file);
  std::vector<ConfigRow> rows;
  const pb::Descriptor& compiled = *TrainConfig::descriptor();
  addRows(*pool.FindMessageTypeByName(compiled.full_name()), compiled, "", rows);
  return rows;
}

std::string configHelp() {
  std::string text;
  for (const ConfigRow& row : configTable()) {
    text += row.type == "block" && row.path.find('.') == std::string::npos ? "\n" : "";
    text += concat(row.path, "  ", row.type);
    if (!row.allowed.empty()) text += " in " + row.allowed;
    if (!row.standard.empty()) text += ", default " + row.standard;
    text += "\n";
    if (!row.text.empty()) text += concat("    ", firstSentence(row.text), "\n");
  }
  return text;
}

std::string configDocument() {
  std::string text =
      "# The configuration\n\n"
      "Every field of a training configuration (`configs/*.textproto`). `sphereface config` prints "
      "them, `--set solver.steps=100` changes one for a run. A number outside of what is allowed "
      "ends the command with exit code 2, naming the line and the field; `(` and `)` leave the end "
      "out. This file is made from [proto/config.proto](../proto/config.proto) by `sphereface "
      "config --markdown`.\n";
  for (const ConfigRow& row : configTable()) {
    if (row.type == "block" && row.path.find('.') == std::string::npos) {
      text += concat("\n## ", row.path, "\n\n", row.text, row.text.empty() ? "" : "\n\n",
                     "| field | type | default | allowed | meaning |\n|---|---|---|---|---|\n");
    } else if (row.path.find('.') == std::string::npos) {
      text +=
          concat("\n| field | type | default | meaning |\n|---|---|---|---|\n| ", code(row.path),
                 " | ", row.type, " | ", code(row.standard), " | ", cell(row.text), " |\n");
    } else {
      text += concat("| ", code(row.path), " | ", row.type, " | ", code(row.standard), " | ",
                     row.allowed, " | ", cell(row.text), " |\n");
    }
  }
  return text;
}

}  // namespace sphereface
