// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "evaluation/pickle.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <deque>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace sphereface {
namespace {

using Kind = PickleValue::Kind;
using Value = PickleValue*;

constexpr int kDeepest = 16;
/// A set of 14,000 images has some 20 values for each; a value takes a hundred times the memory of
/// the byte that can make it.
constexpr size_t kMostValues = size_t{1} << 20;

constexpr const char* kEncode = "_codecs encode";
/// NumPy has moved its modules; what a name means is in its last part.
constexpr std::array<std::string_view, 8> kNumpyNames = {
    "numpy dtype",
    "numpy ndarray",
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy.core.multiarray scalar",
    "numpy._core.multiarray scalar",
    "numpy.core.numeric _frombuffer",
    "numpy._core.numeric _frombuffer",
};

/// A stack machine, as pickles are read by.
class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name, std::deque<PickleValue>& values)
      : bytes_(bytes), name_(name), values_(values) {}

  Value read() {
    while (true) {
      at_ = next_;
      const auto operation = static_cast<unsigned char>(take(1)[0]);
      if (operation == '.') return pop();
      if (!constant(operation) && !container(operation) && !memory(operation) &&
          !object(operation)) {
        fail(concat("operation ", int{operation}, " isn't one of lists, bytes and numbers"));
      }
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(concat(name_, ": byte ", at_, ": ", what));
  }

  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - next_) fail("the pickle ends too early");
    const std::string_view taken = bytes_.substr(next_, count);
    next_ += count;
    return taken;
  }

  /// A little-endian number of so many bytes.
  uint64_t takeNumber(size_t width) {
    uint64_t number = 0;
    const std::string_view digits = take(width);
    std::memcpy(&number, digits.data(), width);
    return number;
  }

  std::string_view takeLine() {
    const size_t end = bytes_.find('\n', next_);
    if (end == std::string_view::npos) fail("the pickle ends too early");
    const std::string_view line = take(end - next_);
    take(1);
    return line;
  }

  int64_t lineNumber() {
    const std::string_view line = takeLine();
    int64_t number = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc() || end != line.data() + line.size()) fail("is no number");
    return number;
  }

  Value make(Kind kind) {
    if (values_.size() == kMostValues) fail(concat("more than ", kMostValues, " values"));
    values_.emplace_back().kind = kind;
    return &values_.back();
  }

  Value makeNumber(int64_t number) {
    const Value value = make(Kind::kNumber);
    value->number = number;
    return value;
  }

  Value makeBytes(std::string_view bytes) {
    const Value value = make(Kind::kBytes);
    value->bytes = bytes;
    return value;
  }

  void push(Value value) {
    if (stack_.size() == 2 * kMostValues) fail("more on the stack than a set of images has");
    stack_.push_back(value);
  }

  Value pop() {
    if (stack_.empty() || stack_.back() == nullptr) fail("nothing is on the stack");
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }

  PickleValue& top() {
    if (stack_.empty() || stack_.back() == nullptr) fail("nothing is on the stack");
    return *stack_.back();
  }

  /// Everything above the newest mark, which is taken away too.
  std::vector<Value> popToMark() {
    const auto mark = std::find(stack_.rbegin(), stack_.rend(), nullptr).base();
    if (mark == stack_.begin()) fail("no mark is on the stack");
    std::vector<Value> values(mark, stack_.end());
    stack_.erase(mark - 1, stack_.end());
    return values;
  }

  void append(PickleValue& list, const std::vector<Value>& values) {
    if (list.kind != Kind::kList) fail("only lists are appended to");
    for (const Value value : values) {
      list.depth = std::max(list.depth, value->depth + 1);
      if (list.depth > kDeepest || value == &list) fail("lists are in each other too deep");
      list.items.push_back(value);
    }
  }

  void pushList(const std::vector<Value>& values) {
    const Value list = make(Kind::kList);
    append(*list, values);
    push(list);
  }

  void pushTuple(size_t count) {
    std::vector<Value> values(count);
    for (size_t i = count; i-- > 0;)
      values[i] = pop();
    pushList(values);
  }

  bool constant(unsigned char operation) {
    switch (operation) {
      case 0x80:  // PROTO
        if (takeNumber(1) > 5) fail("pickle protocols above 5 aren't known");
        return true;
      case 0x95:  // FRAME
        take(8);
        return true;
      case 'N':
        push(make(Kind::kNone));
        return true;
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        push(makeNumber(operation == 0x88 ? 1 : 0));
        return true;
      case 'I':
        push(makeNumber(lineNumber()));
        return true;
      case 'J':
        push(makeNumber(static_cast<int32_t>(takeNumber(4))));
        return true;
      case 'K':
        push(makeNumber(static_cast<int64_t>(takeNumber(1))));
        return true;
      case 'M':
        push(makeNumber(static_cast<int64_t>(takeNumber(2))));
        return true;
      case 'U':   // SHORT_BINSTRING
      case 'C':   // SHORT_BINBYTES
      case 0x8c:  // SHORT_BINUNICODE
        push(makeBytes(take(takeNumber(1))));
        return true;
      case 'T':  // BINSTRING
      case 'B':  // BINBYTES
      case 'X':  // BINUNICODE
        push(makeBytes(take(takeNumber(4))));
        return true;
      case 0x8e:  // BINBYTES8
      case 0x96:  // BYTEARRAY8
        push(makeBytes(take(takeNumber(8))));
        return true;
      default:
        return false;
    }
  }

  bool container(unsigned char operation) {
    switch (operation) {
      case ']':
      case ')':
        pushList({});
        return true;
      case '(':
        push(nullptr);
        return true;
      case 'a': {
        const Value value = pop();
        append(top(), {value});
        return true;
      }
      case 'e': {
        const std::vector<Value> values = popToMark();
        append(top(), values);
        return true;
      }
      case 't':
      case 'l':
        pushList(popToMark());
        return true;
      case 0x85:  // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        pushTuple(operation - 0x84U);
        return true;
      default:
        return false;
    }
  }

  void put(uint64_t index) {
    top();
    memo_[index] = stack_.back();
    if (memo_.size() > kMostValues) fail(concat("more than ", kMostValues, " values are stored"));
  }

  void get(uint64_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail(concat("nothing was stored as ", index));
    push(found->second);
  }

  bool memory(unsigned char operation) {
    switch (operation) {
      case 'p':
        put(static_cast<uint64_t>(lineNumber()));
        return true;
      case 'q':
        put(takeNumber(1));
        return true;
      case 'r':
        put(takeNumber(4));
        return true;
      case 0x94:  // MEMOIZE
        put(memo_.size());
        return true;
      case 'g':
        get(static_cast<uint64_t>(lineNumber()));
        return true;
      case 'h':
        get(takeNumber(1));
        return true;
      case 'j':
        get(takeNumber(4));
        return true;
      default:
        return false;
    }
  }

  void pushName(const std::string& name) {
    if (name != kEncode &&
        std::find(kNumpyNames.begin(), kNumpyNames.end(), name) == kNumpyNames.end()) {
      fail(
          concat("the pickle wants \"", name, "\", which is no part of a list of images: refused"));
    }
    const Value value = make(Kind::kName);
    value->own_bytes = name.substr(name.find(' ') + 1);
    value->bytes = value->own_bytes;
    push(value);
  }

  bool object(unsigned char operation) {
    switch (operation) {
      case 'c': {
        const std::string module(takeLine());
        pushName(concat(module, " ", takeLine()));
        return true;
      }
      case 0x93: {  // STACK_GLOBAL
        const Value name = pop();
        pushName(concat(pop()->bytes, " ", name->bytes));
        return true;
      }
      case 'R':
        reduce();
        return true;
      case 'b':
        build();
        return true;
      default:
        return false;
    }
  }

  /// Bytes that Python 2's protocols hold as a text of code points 0 to 255.
  Value encoded(std::string_view text) {
    // The same text again and again would fill the memory.
    decoded_ += text.size();
    if (decoded_ > bytes_.size()) fail("decodes to more bytes than it has");
    const Value value = make(Kind::kBytes);
    for (size_t i = 0; i < text.size(); ++i) {
      const auto first = static_cast<unsigned char>(text[i]);
      if (first < 0x80) {
        value->own_bytes += text[i];
        continue;
      }
      // Two bytes of UTF-8: 110000xx 10xxxxxx.
      if ((first & 0xfcU) != 0xc0 || i + 1 == text.size()) fail("a text isn't Latin-1");
      const auto second = static_cast<unsigned char>(text[++i]);
      value->own_bytes += static_cast<char>((first & 3U) << 6 | (second & 0x3fU));
    }
    value->bytes = value->own_bytes;
    return value;
  }

  /// What calling a name with arguments would give.
  void reduce() {
    const Value arguments = pop();
    const Value name = pop();
    if (name->kind != Kind::kName || arguments->kind != Kind::kList) fail("this can't be called");
    const std::vector<Value>& given = arguments->items;
    if (name->bytes == "encode" && given.size() == 2) {
      push(encoded(given[0]->bytes));
    } else if (name->bytes == "scalar" && given.size() == 2) {
      const std::string_view raw = given[1]->bytes;
      push(makeNumber(std::any_of(raw.begin(), raw.end(), [](char c) { return c != 0; }) ? 1 : 0));
    } else if (name->bytes == "_frombuffer" && !given.empty()) {
      push(given[0]);
    } else if (name->bytes == "_reconstruct" || name->bytes == "dtype") {
      push(makeBytes({}));
    } else {
      fail(concat(name->bytes, " with ", given.size(), " arguments isn't known"));
    }
  }

  /// An array's numbers come after it: the last bytes of its state. A dtype's state says nothing.
  void build() {
    const Value state = pop();
    PickleValue& object = top();
    if (object.kind != Kind::kBytes || state->kind != Kind::kList) fail("this has no state");
    if (!state->items.empty() && state->items.back()->kind == Kind::kBytes) {
      object.bytes = state->items.back()->bytes;
    }
  }

  std::string_view bytes_;
  const std::string& name_;
  std::deque<PickleValue>& values_;  // every one that was made
  size_t decoded_ = 0;               // bytes
  size_t next_ = 0;
  size_t at_ = 0;             // of the operation that is being read
  std::vector<Value> stack_;  // null: a mark
  std::unordered_map<uint64_t, Value> memo_;
};

}  // namespace

std::shared_ptr<const PickleValue> readPickle(std::string_view bytes, const std::string& name) {
  const auto values = std::make_shared<std::deque<PickleValue>>();
  return {values, Reader(bytes, name, *values).read()};
}

}  // namespace sphereface
