// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "tests/support/browser.h"

#include <openssl/evp.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"

namespace sphereface::testing {
namespace {

/// The port that the driver says it has.
std::string portOf(const Process& driver) {
  const std::string before = "started successfully on port ";
  for (int i = 0; i < 500; ++i) {
    const std::string output = driver.output();
    const size_t at = output.find(before);
    const size_t end = output.find('.', at);
    if (at != std::string::npos && end != std::string::npos) {
      return output.substr(at + before.size(), end - at - before.size());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw std::runtime_error("chromedriver doesn't start: " + driver.output());
}

std::string decoded(const std::string& base64) {
  std::string bytes(base64.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(base64.data()),
                                   static_cast<int>(base64.size()));
  bytes.resize(static_cast<size_t>(size < 0 ? 0 : size));
  return bytes;
}

}  // namespace

bool Browser::available() {
  return std::system("command -v chromium chromedriver curl >/dev/null 2>&1") == 0 &&
         std::system("command -v chromedriver >/dev/null 2>&1") == 0;
}

Browser::Browser() {
  driver_ = std::make_unique<Process>(std::vector<std::string>{
      "env", concat("HOME=", home_.path().string()), "chromedriver", "--port=0"});
  url_ = concat("http://127.0.0.1:", portOf(*driver_));
  const Json options = {
      {"args",
       {"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--hide-scrollbars", concat("--user-data-dir=", (home_ / "profile").string())}}};
  const Json session = ask("POST", "/session",
                           {{"capabilities",
                             {{"alwaysMatch",
                               {{"browserName", "chrome"},
                                {"goog:loggingPrefs", {{"browser", "ALL"}}},
                                {"goog:chromeOptions", options}}}}}});
  session_ = "/session/" + session.at("sessionId").get<std::string>();
}

Browser::~Browser() {
  try {
    ask("DELETE", session_, Json::object());
  } catch (const std::exception&) {
    // It goes with its driver's process group.
  }
  driver_.reset();
}

void Browser::open(const std::string& url) {
  ask("POST", session_ + "/url", {{"url", url}});
}

Json Browser::run(const std::string& script) {
  return ask("POST", session_ + "/execute/sync", {{"script", script}, {"args", Json::array()}});
}

void Browser::show(int width, int height, bool dark) {
  command("Emulation.setDeviceMetricsOverride",
          {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}});
  command(
      "Emulation.setEmulatedMedia",
      {{"features",
        Json::array({{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}}})}});
}

void Browser::screenshot(const std::filesystem::path& png) {
  const Json picture =
      command("Page.captureScreenshot", {{"format", "png"}, {"captureBeyondViewport", true}});
  writeFileAtomically(png, decoded(picture.at("data").get<std::string>()));
}

std::string Browser::complaints() {
  std::string text;
  for (const Json& entry : ask("POST", session_ + "/se/log", {{"type", "browser"}})) {
    const std::string level = entry.at("level").text();
    if (level == "SEVERE" || level == "WARNING")
      text += concat(level, ": ", entry.at("message").get<std::string>(), "\n");
  }
  return text;
}

Json Browser::command(const std::string& name, const Json& parameters) {
  return ask("POST", session_ + "/goog/cdp/execute", {{"cmd", name}, {"params", parameters}});
}

Json Browser::ask(const std::string& method, const std::string& path, const Json& body) {
  const Finished got =
      runCommand({"curl", "-s", "-X", method, "-H", "Content-Type: application/json", "-d",
                  jsonText(body), url_ + path});
  const Json answer = tryParseJson(got.output);
  if (!answer.is_object()) throw std::runtime_error(concat(path, ": ", got.output));
  Json value = answer.value("value", Json());
  if (value.is_object() && value.contains("error"))
    throw std::runtime_error(concat(path, ": ", jsonText(value)));
  return value;
}

}  // namespace sphereface::testing
