// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "report/html_page.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <opencv2/imgproc.hpp>
#include <string_view>

#include "base/error.h"
#include "base/image_file.h"

namespace sphereface {
namespace {

constexpr int kThumbnailQuality = 90;
constexpr int kThumbnailHeight = 224;  // twice as it is shown, for dense screens

constexpr std::string_view kStyle = R"(
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; max-width: 1020px;
       margin: 32px auto; padding: 0 16px; }
h1 { font-size: 26px; margin: 0; }
h2 { font-size: 19px; margin: 36px 0 10px; border-bottom: 1px solid #ddd; padding-bottom: 4px; }
.subtitle { color: #555; margin: 4px 0 20px; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 0 3px 18px; text-align: right; border-bottom: 1px solid #eee;
         white-space: nowrap; }
th:first-child, td:first-child, .facts td { text-align: left; padding-left: 0; }
th:first-child, td:first-child, .facts td { white-space: normal; overflow-wrap: anywhere; }
.facts td:first-child { padding-right: 24px; color: #555; white-space: nowrap; }
th { color: #555; font-weight: 600; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 30px; }
.figures b { display: block; font-size: 25px; font-weight: 600; }
.figures span { color: #555; }
img.plot { max-width: 100%; }
.pairs { display: flex; flex-wrap: wrap; gap: 16px; }
.pair { width: 236px; font-size: 12px; color: #444; overflow-wrap: anywhere; }
.pair img { height: 112px; margin-right: 4px; }
)";

std::string escaped(std::string_view text) {
  constexpr std::string_view kMarks = "&<>\"";
  constexpr const char* kEntities[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
  std::string result;
  for (const char c : text) {
    const size_t mark = kMarks.find(c);
    mark == std::string_view::npos ? result += c : result += kEntities[mark];
  }
  return result;
}

std::string dataUri(const std::string& type, const std::string& bytes) {
  // Four characters for each three bytes, and the zero that OpenSSL ends them with.
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return concat("data:", type, ";base64,", text);
}

/// A large picture made smaller.
cv::Mat thumbnail(const cv::Mat& picture) {
  if (picture.rows <= kThumbnailHeight) return picture;
  cv::Mat small;
  const int width = std::max(1, picture.cols * kThumbnailHeight / picture.rows);
  cv::resize(picture, small, {width, kThumbnailHeight}, 0, 0, cv::INTER_AREA);
  return small;
}

std::string row(const char* cell, const std::vector<std::string>& texts) {
  std::string line = "<tr>";
  for (const std::string& text : texts)
    line += concat("<", cell, ">", escaped(text), "</", cell, ">");
  return line + "</tr>\n";
}

}  // namespace

HtmlPage::HtmlPage(const std::string& title, const std::string& subtitle) : title_(title) {
  body_ +=
      concat("<h1>", escaped(title), "</h1>\n<p class=\"subtitle\">", escaped(subtitle), "</p>\n");
}

void HtmlPage::heading(const std::string& text) {
  body_ += concat("<h2>", escaped(text), "</h2>\n");
}

void HtmlPage::paragraph(const std::string& text) {
  body_ += concat("<p>", escaped(text), "</p>\n");
}

void HtmlPage::facts(const std::vector<std::vector<std::string>>& name_and_text) {
  body_ += "<table class=\"facts\">\n";
  for (const std::vector<std::string>& fact : name_and_text)
    body_ += row("td", fact);
  body_ += "</table>\n";
}

void HtmlPage::table(const std::vector<std::string>& header,
                     const std::vector<std::vector<std::string>>& rows) {
  body_ += "<table>\n" + row("th", header);
  for (const std::vector<std::string>& cells : rows)
    body_ += row("td", cells);
  body_ += "</table>\n";
}

void HtmlPage::figures(const std::vector<std::vector<std::string>>& number_and_name) {
  body_ += "<div class=\"figures\">\n";
  for (const std::vector<std::string>& figure : number_and_name) {
    body_ += concat("<div><b>", escaped(figure.at(0)), "</b><span>", escaped(figure.at(1)),
                    "</span></div>\n");
  }
  body_ += "</div>\n";
}

void HtmlPage::picture(const cv::Mat& bgr, const std::string& description) {
  body_ += concat("<img class=\"plot\" alt=\"", escaped(description), "\" src=\"",
                  dataUri("image/png", encodePng(bgr)), "\">\n");
}

void HtmlPage::facePairs(const std::vector<FacePair>& pairs) {
  body_ += "<div class=\"pairs\">\n";
  for (const FacePair& pair : pairs) {
    body_ += "<div class=\"pair\">";
    for (const cv::Mat* face : {&pair.left, &pair.right}) {
      if (face->empty()) continue;
      body_ +=
          concat("<img alt=\"\" src=\"",
                 dataUri("image/jpeg", encodeJpeg(thumbnail(*face), kThumbnailQuality)), "\">");
    }
    body_ += concat("<div>", escaped(pair.caption), "</div></div>\n");
  }
  body_ += "</div>\n";
}

std::string HtmlPage::text() const {
  return concat("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n",
                "<meta name=\"viewport\" content=\"width=device-width\">\n<title>", escaped(title_),
                "</title>\n<style>", kStyle, "</style></head>\n<body>\n", body_,
                "</body></html>\n");
}

}  // namespace sphereface
