// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/command_line.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <system_error>
#include <type_traits>

#include "base/error.h"

namespace sphereface {

Option Option::oneOf(const std::vector<std::string>& words) const {
  return Option(option_->check(CLI::IsMember(words)));
}

Option Option::existingFile() const {
  return Option(option_->check(CLI::ExistingFile));
}

Option Option::atLeast(int words) const {
  return Option(option_->expected(words, -1));
}

Option Option::repeated() const {
  return Option(option_->allow_extra_args(false));
}

Option Option::needs(const Option& other) const {
  return Option(option_->needs(other.option_));
}

Option Option::excludes(const Option& other) const {
  return Option(option_->excludes(other.option_));
}

namespace {

/// What is wrong with the text of a number; empty when nothing is. The text becomes one that CLI11
/// reads as the same number: it takes a leading zero for octal.
template <class Number>
std::string takeNumber(const Interval& interval, std::string& text) {
  Number value{};
  const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  const bool minus = std::is_unsigned_v<Number> && text.starts_with('-');
  if (error == std::errc::result_out_of_range || (minus && text.size() > 1)) {
    return interval.refusal(text);
  }
  if (error != std::errc() || end != text.data() + text.size()) {
    return concat("\"", text, "\" is no ", std::is_integral_v<Number> ? "whole number" : "number");
  }
  if (!interval.contains(value)) return interval.refusal(text);
  text = numberText(value);
  return "";
}

template <class Text>
CLI::Option* addTo(CLI::App& app, const char* name, Text* to, const std::string& text) {
  return app.add_option(name, *to, text);
}

template <class Number>
CLI::Option* addTo(CLI::App& app, const char* name, const Variable::Bounded<Number>& number,
                   const std::string& text) {
  CLI::Option* option = app.add_option(name, *number.to, text);
  option->type_name("NUMBER in " + number.interval.text());
  return option->transform(CLI::Validator(
      [interval = number.interval](std::string& given) {
        return takeNumber<Number>(interval, given);
      },
      ""));
}

CLI::Option* addOption(CLI::App& app, const char* name, const Variable& variable,
                       const std::string& text) {
  return std::visit([&](const auto& to) { return addTo(app, name, to, text); }, variable.target());
}

}  // namespace

Option Command::option(const char* name, const Variable& variable, const std::string& text) const {
  return Option(addOption(*app_, name, variable, text));
}

Option Command::required(const char* name, const Variable& variable,
                         const std::string& text) const {
  return Option(addOption(*app_, name, variable, text)->required());
}

Option Command::setting(const char* name, const Variable& variable, const std::string& text) const {
  return Option(addOption(*app_, name, variable, text)->capture_default_str());
}

Option Command::flag(const char* name, bool* variable, const std::string& text) const {
  return Option(app_->add_flag(name, *variable, text));
}

Option Command::choice(const char* name, const std::vector<std::pair<std::string, int>>& words,
                       const std::function<void(int)>& take, const std::string& text) const {
  CLI::Option* option = app_->add_option_function<int>(
      name, [take](const int& number) { take(number); }, text);
  option->type_name("ENUM")->transform(CLI::CheckedTransformer(words));
  return Option(option);
}

Command Command::exactlyOneOf(const char* title) const {
  CLI::App* group = app_->add_option_group(title);
  group->require_option(1);
  return Command(group);
}

Command Command::atMostOneOf(const char* title) const {
  CLI::App* group = app_->add_option_group(title);
  group->require_option(0, 1);
  return Command(group);
}

Command Command::verb(const char* name, const char* text) const {
  return Command(app_->add_subcommand(name, text));
}

void Command::needVerb() const {
  app_->require_subcommand(1);
}

bool Command::hasVerb(const std::string& name) const {
  return !app_->get_subcommands([&](const CLI::App* verb) { return verb->get_name() == name; })
              .empty();
}

void Command::footer(const char* text) const {
  app_->footer(text);
}

void Command::footer(const std::function<std::string()>& text) const {
  app_->footer(text);
}

void Command::action(const std::function<void()>& act) const {
  app_->callback(act);
}

void Command::actionWithCode(const std::function<int()>& act) const {
  app_->callback([act] {
    const int code = act();
    if (code != kExitDone) throw CLI::RuntimeError(code);
  });
}

Program::Program(const char* name, const char* text, const char* version)
    : Program(std::make_unique<CLI::App>(text, name)) {
  owned_->set_version_flag("--version", version);
}

Program::Program(std::unique_ptr<CLI::App> app) : Command(app.get()), owned_(std::move(app)) {}

Program::~Program() = default;

void Program::helpOfAllVerbs() const {
  owned_->set_help_all_flag("--help-all", "Help of every verb");
}

std::optional<int> Program::parse(int argc, char** argv, bool silent) const {
  try {
    owned_->parse(argc, argv);
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();  // an action's own
  } catch (const CLI::ParseError& e) {
    const int code = silent ? e.get_exit_code() : owned_->exit(e);
    return code == 0 ? kExitDone : kExitUsage;
  }
  return std::nullopt;
}

}  // namespace sphereface
