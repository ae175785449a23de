// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// One HTML page that holds all it shows: no script, no font, no picture from elsewhere.

#pragma once

#include <opencv2/core.hpp>
#include <string>
#include <vector>

namespace sphereface {

/// Two faces and what there is to say of them. Empty pictures leave the text alone.
struct FacePair {
  cv::Mat left;  // 8-bit BGR
  cv::Mat right;
  std::string caption;
};

/// The text, or what stands for one that is empty.
inline std::string orNotKnown(const std::string& text) {
  return text.empty() ? "not known" : text;
}

class HtmlPage {
 public:
  /// All texts are plain: they are escaped here.
  HtmlPage(const std::string& title, const std::string& subtitle);

  void heading(const std::string& text);
  void paragraph(const std::string& text);
  /// What something is: name and text.
  void facts(const std::vector<std::vector<std::string>>& name_and_text);
  /// The first column is text, the others are numbers. requires: rows as wide as the header.
  void table(const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows);
  /// A few large numbers with what they are.
  void figures(const std::vector<std::vector<std::string>>& number_and_name);
  /// `description` stands for the picture where it can't be seen.
  void picture(const cv::Mat& bgr, const std::string& description);
  void facePairs(const std::vector<FacePair>& pairs);

  std::string text() const;

 private:
  std::string title_;
  std::string body_;
};

}  // namespace sphereface
