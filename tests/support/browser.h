// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A real browser that looks at a page: headless Chromium by its driver, over WebDriver.

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/temporary_folder.h"
#include "tests/support/process.h"

namespace sphereface::testing {

class Browser {
 public:
  /// False when Chromium, its driver or curl isn't installed.
  static bool available();

  /// requires: available(). errors: std::runtime_error when it doesn't start.
  Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;
  ~Browser();

  void open(const std::string& url);
  /// What the body of a JavaScript function returns.
  Json run(const std::string& script);
  /// The window's size in CSS pixels, and the colour scheme pages are asked for.
  void show(int width, int height, bool dark);
  /// Of the whole page, as high as it is.
  void screenshot(const std::filesystem::path& png);
  /// What the console has shown since the last call: errors and warnings, one a line.
  std::string complaints();

 private:
  Json ask(const std::string& method, const std::string& path, const Json& body);
  Json command(const std::string& name, const Json& parameters);  // of the DevTools

  TemporaryFolder home_;
  std::unique_ptr<Process> driver_;
  std::string url_;
  std::string session_;
};

}  // namespace sphereface::testing
