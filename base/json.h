// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// JSON in and out. Keys keep the order they were put in, so that reports read in that order.

#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sphereface {

/// A text is no JSON, or a value isn't used as what it is. Its words are nlohmann::json's.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// NOLINTBEGIN(readability-identifier-naming)

/// Is used as nlohmann::ordered_json is, by the same names, but what includes it is compiled
/// seconds sooner: nlohmann's templates are for json.cpp alone, which reads and writes by them.
class Json {
 public:
  using Object = std::vector<std::pair<std::string, Json>>;

  Json(std::nullptr_t = nullptr);
  Json(bool value);
  Json(int value);
  Json(long value);
  Json(long long value);
  Json(unsigned value);
  Json(unsigned long value);
  Json(unsigned long long value);
  Json(double value);
  Json(const char* text);
  Json(std::string text);
  Json(std::string_view text);
  Json(const void*) = delete;  // else it would be a bool
  /// An object where each of the values is an array of a text and something, else an array.
  Json(std::initializer_list<Json> values);
  /// An array.
  template <class Container>
  requires(!std::same_as<typename Container::value_type, char>) &&
      requires(const Container& values) {
    values.begin();
  }
  Json(const Container& values) : Json(array()) {
    for (const typename Container::value_type& value : values)
      push_back(value);
  }
  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();

  /// Of any values.
  static Json array(std::initializer_list<Json> values = {});
  static Json object();

  bool is_null() const { return is<std::nullptr_t>(); }
  bool is_boolean() const { return is<bool>(); }
  bool is_number() const { return is_number_integer() || is<double>(); }
  bool is_number_integer() const { return is<int64_t>() || is<uint64_t>(); }
  bool is_number_unsigned() const { return is<uint64_t>(); }
  bool is_string() const { return is<std::string>(); }
  bool is_array() const { return is<Array>(); }
  bool is_object() const { return is<Object>(); }
  /// See tryParseJson.
  bool is_discarded() const { return is<Discarded>(); }

  /// Of an array or an object; null has none, anything else is one.
  size_t size() const;
  bool empty() const { return size() == 0; }

  /// Null becomes an object, in which a new key has null.
  Json& operator[](std::string_view key);
  const Json& operator[](std::string_view key) const { return at(key); }
  Json& operator[](size_t place) { return at(place); }
  const Json& operator[](size_t place) const { return at(place); }
  /// errors: JsonError when it isn't there.
  const Json& at(std::string_view key) const;
  Json& at(std::string_view key) { return const_cast<Json&>(std::as_const(*this).at(key)); }
  const Json& at(size_t place) const;
  Json& at(size_t place) { return const_cast<Json&>(std::as_const(*this).at(place)); }

  /// Null where it isn't there, or this is no object.
  const Json* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  /// What the key has, or `fallback` where it isn't there.
  /// errors: JsonError when this is no object or the key has something else than a T.
  template <class T>
  T value(std::string_view key, const T& fallback) const {
    const Json* found = memberOrNone(key);
    return found == nullptr ? fallback : found->get<T>();
  }
  std::string value(std::string_view key, const char* fallback) const {
    return value<std::string>(key, fallback);
  }

  /// T: bool, a number, std::string, Json, or a std::vector of such.
  /// errors: JsonError when it is something else.
  template <class T>
  T get() const {
    if constexpr (std::same_as<T, Json>) {
      return *this;
    } else if constexpr (std::same_as<T, bool>) {
      return boolean();
    } else if constexpr (std::floating_point<T>) {
      return static_cast<T>(number<double>());
    } else if constexpr (std::signed_integral<T>) {
      return static_cast<T>(number<int64_t>());
    } else if constexpr (std::unsigned_integral<T>) {
      return static_cast<T>(number<uint64_t>());
    } else if constexpr (std::same_as<T, std::string>) {
      return text();
    } else {
      T values;
      for (const Json& value : elements())
        values.push_back(value.get<typename T::value_type>());
      return values;
    }
  }
  /// errors: JsonError when it is no text.
  const std::string& text() const;

  /// Of an array; null has none, and anything but an object is its own only one.
  const Json* begin() const;
  const Json* end() const;
  Json* begin() { return const_cast<Json*>(std::as_const(*this).begin()); }
  Json* end() { return const_cast<Json*>(std::as_const(*this).end()); }
  const Json& front() const { return elements().front(); }
  const Json& back() const { return elements().back(); }

  /// Keys and what they have. errors: JsonError when this is no object.
  const Object& items() const;
  Object& items() { return const_cast<Object&>(std::as_const(*this).items()); }

  /// Null becomes an array.
  void push_back(Json value);
  /// Takes all that another object has. Null becomes an object.
  void update(const Json& object);
  void erase(std::string_view key);

  /// Numbers are compared by their values, whatever they are stored as.
  friend bool operator==(const Json& a, const Json& b);
  /// Of numbers; all else is unordered.
  friend std::partial_ordering operator<=>(const Json& a, const Json& b);
  friend std::ostream& operator<<(std::ostream& out, const Json& value);

 private:
  friend Json tryParseJson(std::string_view text);
  using Array = std::vector<Json>;
  struct Discarded {
    bool operator==(const Discarded&) const = default;
  };

  const Json* memberOrNone(std::string_view key) const;
  const std::vector<Json>& elements() const;
  bool boolean() const;
  template <class Number>
  Number number() const;
  const char* typeName() const;
  template <class Kind>
  bool is() const {
    return std::holds_alternative<Kind>(value_);
  }
  template <class Kind>
  const Kind& as(const char* type) const;
  template <class Kind>
  Kind& made(int error, const char* use);

  std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object,
               Discarded>
      value_;
};

// NOLINTEND(readability-identifier-naming)

/// On one line, or with so many blanks of indentation. Bytes that are not UTF-8 become U+FFFD.
std::string jsonText(const Json& value, int indent = -1);

/// The same, but errors: JsonError for bytes that are not UTF-8.
std::string strictJsonText(const Json& value, int indent = -1);

/// errors: JsonError with the position and what was expected there, or that arrays and objects are
/// in each other more than a thousand deep.
Json parseJson(std::string_view text);

/// Where the text is no JSON, such as a line cut off, is_discarded() is true of what it returns.
Json tryParseJson(std::string_view text);

/// Writes `value`, indented, as a whole file or not at all. Bytes that are not UTF-8 become U+FFFD.
void writeJsonFile(const std::filesystem::path& path, const Json& value);

/// errors: Error naming the file, the position and what was expected there.
Json readJsonFile(const std::filesystem::path& path);

}  // namespace sphereface
