// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "base/command_line.h"

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace sphereface {

Option Option::positive() const {
  return Option(option_->check(CLI::PositiveNumber));
}

Option Option::notNegative() const {
  return Option(option_->check(CLI::NonNegativeNumber));
}

Option Option::range(int least, int most) const {
  return Option(option_->check(CLI::Range(least, most)));
}

Option Option::range(uint64_t least, uint64_t most) const {
  return Option(option_->check(CLI::Range(least, most)));
}

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

CLI::Option* addOption(CLI::App& app, const char* name, const Variable& variable,
                       const std::string& text) {
  return std::visit([&](auto* to) { return app.add_option(name, *to, text); }, variable);
}

}  // namespace

Option Command::option(const char* name, Variable variable, const std::string& text) const {
  return Option(addOption(*app_, name, variable, text));
}

Option Command::required(const char* name, Variable variable, const std::string& text) const {
  return Option(addOption(*app_, name, variable, text)->required());
}

Option Command::setting(const char* name, Variable variable, const std::string& text) const {
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
