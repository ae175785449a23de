// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "proto/config_table.h"

namespace sphereface {

void addConfigCommand(const Command& app) {
  auto markdown = std::make_shared<bool>(false);
  const Command verb =
      app.verb("config", "Print every field of a training configuration: type, default, range");
  verb.flag("--markdown", markdown.get(), "As docs/configuration.md has it");
  verb.footer(configHelp);
  verb.action(
      [markdown] { std::fputs((*markdown ? configDocument() : configHelp()).c_str(), stdout); });
}

}  // namespace sphereface
