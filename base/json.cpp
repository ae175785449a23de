// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text_file.h"

namespace sphereface {
namespace {

using Nlohmann = nlohmann::ordered_json;

constexpr size_t kDeepest = 1000;

/// In the words of nlohmann::json, which readers of our errors know.
[[noreturn]] void failType(int number, const std::string& what, const char* type) {
  throw JsonError(concat("[json.exception.type_error.", number, "] ", what, " ", type));
}

class Writer {
 public:
  Writer(int indent, Nlohmann::error_handler_t not_utf8) : indent_(indent), not_utf8_(not_utf8) {}

  std::string written(const Json& value) {
    write(value, 0);
    return std::move(out_);
  }

 private:
  void write(const Json& value, int depth) {
    if (value.is_object()) {
      writeAll(value.items(), "{}", depth, [&](const auto& member) {
        writeText(member.first);
        out_ += indent_ < 0 ? ":" : ": ";
        write(member.second, depth + 1);
      });
    } else if (value.is_array()) {
      writeAll(value, "[]", depth, [&](const Json& element) { write(element, depth + 1); });
    } else if (value.is_string()) {
      writeText(value.text());
    } else if (value.is_boolean()) {
      out_ += value.get<bool>() ? "true" : "false";
    } else if (value.is_number_unsigned()) {
      out_ += std::to_string(value.get<uint64_t>());
    } else if (value.is_number_integer()) {
      out_ += std::to_string(value.get<int64_t>());
    } else if (value.is_number() && std::isfinite(value.get<double>())) {
      std::array<char, 64> digits{};
      out_.append(digits.data(),
                  nlohmann::detail::to_chars(digits.begin(), digits.end(), value.get<double>()));
    } else {
      out_ += "null";
    }
  }

  template <class Values, class Write>
  void writeAll(const Values& values, const char* brackets, int depth, const Write& write) {
    out_ += brackets[0];
    const char* before = "";
    for (const auto& value : values) {
      out_ += before;
      newLine(depth + 1);
      write(value);
      before = ",";
    }
    if (!values.empty()) newLine(depth);
    out_ += brackets[1];
  }

  void newLine(int depth) {
    if (indent_ < 0) return;
    out_.append(1, '\n').append(static_cast<size_t>(indent_) * static_cast<size_t>(depth), ' ');
  }

  /// DEL and C1, which JSON lets be and terminals obey, as \u00NN.
  static std::string withoutControls(const std::string& json) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (size_t i = 0; i < json.size(); ++i) {
      const bool c1 = json[i] == '\xc2' && static_cast<unsigned char>(json[i + 1]) < 0xa0;
      if (!c1 && json[i] != '\x7f') {
        text += json[i];
        continue;
      }
      const auto code = static_cast<unsigned char>(json[c1 ? ++i : i]);
      (text += "\\u00") += kDigits[code / 16];
      text += kDigits[code % 16];
    }
    return text;
  }

  void writeText(const std::string& text) {
    const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    if (std::all_of(text.begin(), text.end(), is_plain)) {
      out_.append(1, '"').append(text).append(1, '"');
    } else {
      out_ += withoutControls(Nlohmann(text).dump(-1, ' ', false, not_utf8_));
    }
  }

  int indent_;
  Nlohmann::error_handler_t not_utf8_;
  std::string out_;
};

/// Makes a Json of what nlohmann's parser tells of a text, by the names of its json_sax. The depth
/// is bounded, as what is done with a Json calls itself.
class Builder {
 public:
  Json take() { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(int64_t value) { return add(value); }    // NOLINT
  bool number_unsigned(uint64_t value) { return add(value); }  // NOLINT
  bool number_float(double value, const std::string&) {        // NOLINT
    return add(value);
  }
  bool string(std::string& text) { return add(std::move(text)); }
  bool binary(Nlohmann::binary_t&) { return false; }           // no JSON text has such
  bool start_object(size_t) { return begin(Json::object()); }  // NOLINT
  bool start_array(size_t) { return begin(Json::array()); }    // NOLINT
  bool end_object() { return end(); }                          // NOLINT
  bool end_array() { return end(); }                           // NOLINT
  /// Of a key that comes again the last value counts.
  bool key(std::string& name) {
    Json::Object& members = open_.back()->items();
    const auto same = std::ranges::find(members, name, &Json::Object::value_type::first);
    member_ = same != members.end() ? &same->second
                                    : &members.emplace_back(std::move(name), nullptr).second;
    return true;
  }
  [[noreturn]] bool parse_error(size_t, const std::string&,  // NOLINT
                                const Nlohmann::exception& e) {
    throw JsonError(e.what());
  }

 private:
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool begin(Json value) {
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool end() {
    open_.pop_back();
    return true;
  }
  Json& place(Json value) {
    if (open_.size() > kDeepest) throw JsonError(concat("is more than ", kDeepest, " deep"));
    if (open_.empty()) return root_ = std::move(value);
    Json& parent = *open_.back();
    if (parent.is_object()) return *member_ = std::move(value);
    parent.push_back(std::move(value));
    return *(parent.end() - 1);
  }

  Json root_;
  std::vector<Json*> open_;  // arrays and objects around what comes next
  Json* member_ = nullptr;   // the newest key's
};

}  // namespace

Json::Json(std::nullptr_t) : value_(nullptr) {}
Json::Json(bool value) : value_(value) {}
Json::Json(int value) : value_(int64_t{value}) {}
Json::Json(long value) : value_(int64_t{value}) {}
Json::Json(long long value) : value_(int64_t{value}) {}
Json::Json(unsigned value) : value_(uint64_t{value}) {}
Json::Json(unsigned long value) : value_(uint64_t{value}) {}
Json::Json(unsigned long long value) : value_(uint64_t{value}) {}
Json::Json(double value) : value_(value) {}
Json::Json(const char* text) : value_(std::string(text)) {}
Json::Json(std::string text) : value_(std::move(text)) {}
Json::Json(std::string_view text) : value_(std::string(text)) {}

Json::Json(std::initializer_list<Json> values) {
  const auto is_member = [](const Json& value) {
    return value.is_array() && value.size() == 2 && value.front().is_string();
  };
  if (!std::all_of(values.begin(), values.end(), is_member)) {
    value_ = Array(values);
    return;
  }
  value_ = Object();
  for (const Json& member : values)
    (*this)[member.front().text()] = member.back();
}

Json::Json(const Json&) = default;
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json&) = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;

Json Json::array(std::initializer_list<Json> values) {
  Json json;
  json.value_ = Array(values);
  return json;
}

Json Json::object() {
  Json json;
  json.value_ = Object();
  return json;
}

template <class Kind>
const Kind& Json::as(const char* type) const {
  if (!is<Kind>()) failType(302, concat("type must be ", type, ", but is"), typeName());
  return std::get<Kind>(value_);
}

/// Null becomes an empty one.
template <class Kind>
Kind& Json::made(int error, const char* use) {
  if (is_null()) value_ = Kind();
  if (!is<Kind>()) failType(error, concat("cannot use ", use, " with"), typeName());
  return std::get<Kind>(value_);
}

const char* Json::typeName() const {
  static constexpr const char* kNames[] = {"null",   "boolean", "number", "number",   "number",
                                           "string", "array",   "object", "discarded"};
  return kNames[value_.index()];
}

size_t Json::size() const {
  if (is_object()) return items().size();
  return static_cast<size_t>(end() - begin());
}

Json& Json::operator[](std::string_view key) {
  Object& object = made<Object>(305, "operator[] with a string argument");
  if (const Json* found = find(key)) return const_cast<Json&>(*found);
  return object.emplace_back(key, nullptr).second;
}

const Json* Json::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const auto& [name, value] : items()) {
    if (name == key) return &value;
  }
  return nullptr;
}

const Json* Json::memberOrNone(std::string_view key) const {
  if (!is_object()) failType(306, "cannot use value() with", typeName());
  return find(key);
}

const Json& Json::at(std::string_view key) const {
  if (!is_object()) failType(304, "cannot use at() with", typeName());
  if (const Json* found = find(key)) return *found;
  throw JsonError(concat("[json.exception.out_of_range.403] key '", key, "' not found"));
}

const Json& Json::at(size_t place) const {
  if (!is_array()) failType(304, "cannot use at() with", typeName());
  if (place < size()) return begin()[place];
  throw JsonError(
      concat("[json.exception.out_of_range.401] array index ", place, " is out of range"));
}

bool Json::boolean() const {
  return as<bool>("boolean");
}

const std::string& Json::text() const {
  return as<std::string>("string");
}

const std::vector<Json>& Json::elements() const {
  return as<Array>("array");
}

template <class Number>
Number Json::number() const {
  if (is<int64_t>()) return static_cast<Number>(std::get<int64_t>(value_));
  if (is<uint64_t>()) return static_cast<Number>(std::get<uint64_t>(value_));
  return static_cast<Number>(as<double>("number"));
}
template double Json::number() const;
template int64_t Json::number() const;
template uint64_t Json::number() const;

const Json* Json::begin() const {
  if (is_null()) return nullptr;
  return is_array() || is_object() ? elements().data() : this;
}

const Json* Json::end() const {
  if (is_null()) return nullptr;
  return is_array() ? begin() + elements().size() : this + 1;
}

const Json::Object& Json::items() const {
  return as<Object>("object");
}

void Json::push_back(Json value) {
  made<Array>(308, "push_back()").push_back(std::move(value));
}

void Json::update(const Json& object) {
  made<Object>(312, "update()");
  for (const auto& [key, value] : object.items())
    (*this)[key] = value;
}

void Json::erase(std::string_view key) {
  std::erase_if(made<Object>(307, "erase()"),
                [&](const auto& member) { return member.first == key; });
}

bool operator==(const Json& a, const Json& b) {
  if (a.value_.index() == b.value_.index() || !a.is_number() || !b.is_number()) {
    return a.value_ == b.value_;
  }
  if (a.is_number_integer() && b.is_number_integer()) {
    return a.number<int64_t>() == b.number<int64_t>();
  }
  return a.number<double>() == b.number<double>();
}

std::partial_ordering operator<=>(const Json& a, const Json& b) {
  if (!a.is_number() || !b.is_number()) return std::partial_ordering::unordered;
  return a.number<double>() <=> b.number<double>();
}

std::ostream& operator<<(std::ostream& out, const Json& value) {
  return out << jsonText(value);
}

std::string jsonText(const Json& value, int indent) {
  // A file name need not be UTF-8; that must not cost the report of a long run.
  return Writer(indent, Nlohmann::error_handler_t::replace).written(value);
}

std::string strictJsonText(const Json& value, int indent) {
  try {
    return Writer(indent, Nlohmann::error_handler_t::strict).written(value);
  } catch (const Nlohmann::exception& e) {
    throw JsonError(e.what());
  }
}

Json parseJson(std::string_view text) {
  try {
    Builder builder;
    Nlohmann::sax_parse(text, &builder);
    return builder.take();
  } catch (const Nlohmann::exception& e) {
    throw JsonError(e.what());
  }
}

Json tryParseJson(std::string_view text) {
  try {
    return parseJson(text);
  } catch (const JsonError&) {
    Json discarded;
    discarded.value_ = Json::Discarded();
    return discarded;
  }
}

void writeJsonFile(const std::filesystem::path& path, const Json& value) {
  writeFileAtomically(path, jsonText(value, 2) + "\n");
}

Json readJsonFile(const std::filesystem::path& path) {
  try {
    return parseJson(readTextFile(path));
  } catch (const JsonError& e) {  // numbers beyond a double are no parse_error
    throw Error(concat(path.string(), ": ", e.what()));
  }
}

}  // namespace sphereface
