// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#include "data/align/align_folder.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/image_file.h"
#include "base/image_folder.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/align/aligned_list.h"

namespace sphereface {
namespace {

namespace fs = std::filesystem;

constexpr const char* kColumns =
    "path\tx1\ty1\tx2\ty2\tscore\tleft_eye_x\tleft_eye_y\tright_eye_x\tright_eye_y\tnose_x\tnose_y"
    "\tleft_mouth_x\tleft_mouth_y\tright_mouth_x\tright_mouth_y";

std::string settingsLine(const AlignSettings& settings) {
  std::string line =
      concat("# ", kAlignmentTemplate, " min_face=", settings.min_face,
             " face=", settings.choice == FaceChoice::kCentral ? "central" : "largest");
  if (settings.format == CropFormat::kPng) return line + " format=png";
  return concat(line, " format=jpg quality=", settings.jpeg_quality);
}

std::string landmarkLine(const fs::path& path, const Face& face) {
  std::ostringstream line;
  line.setf(std::ios::fixed);
  line.precision(3);
  line << path.generic_string() << '\t' << face.x1 << '\t' << face.y1 << '\t' << face.x2 << '\t'
       << face.y2 << '\t';
  line.precision(6);
  line << face.score;
  line.precision(3);
  for (const cv::Point2d& point : face.points)
    line << '\t' << point.x << '\t' << point.y;
  return line.str();
}

/// The landmarks of the faces that are in place, and the file that holds them.
class Journal {
 public:
  /// Reads what an earlier run has left.
  Journal(const fs::path& file, const std::string& settings) : file_(file), settings_(settings) {
    if (!fs::exists(file_)) return;
    const std::string text = readFile(file_);
    std::istringstream lines(text.substr(0, text.rfind('\n') + 1));  // a kill can cut the last line
    std::string line;
    if (std::getline(lines, line) && line != settings_) {
      throw Error(concat(file_.string(), " was made with other settings: '", line,
                         "', this run has '", settings_, "'; choose another output folder"));
    }
    while (std::getline(lines, line)) {
      const bool whole =
          std::count(line.begin(), line.end(), '\t') ==
          std::count(kColumns, kColumns + std::char_traits<char>::length(kColumns), '\t');
      if (whole && line != kColumns) lines_[line.substr(0, line.find('\t'))] = line;
    }
  }

  bool has(const fs::path& path) const { return lines_.contains(path.generic_string()); }
  void forget(const fs::path& path) { lines_.erase(path.generic_string()); }

  /// Rewrites the file in order of path, and leaves it open for add().
  void write() {
    out_.close();
    std::string text = settings_ + "\n" + kColumns + "\n";
    for (const auto& [path, line] : lines_)
      text += line + "\n";
    writeFileAtomically(file_, text);
    out_.open(file_, std::ios::binary | std::ios::app);
  }

  /// Thread-safe.
  void add(const fs::path& path, const Face& face) {
    const std::string line = landmarkLine(path, face);
    const std::lock_guard lock(mutex_);
    lines_[path.generic_string()] = line;
    if (!(out_ << line << '\n' << std::flush)) throw Error(concat("cannot write ", file_.string()));
  }

 private:
  fs::path file_;
  std::string settings_;
  std::map<std::string, std::string> lines_;
  std::ofstream out_;
  std::mutex mutex_;
};

/// A kill leaves a whole file or none. Unlike writeFileAtomically it does not wait for the disk:
/// after a power cut, faces are made again.
void writeWhole(const fs::path& path, const std::string& bytes) {
  const fs::path partial = path.string() + ".partial";
  std::error_code ignored;
  fs::remove(partial, ignored);
  std::FILE* const out = std::fopen(partial.c_str(), "wxe");  // x: never through a link
  bool written = out != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
  written = out != nullptr && std::fclose(out) == 0 && written;
  std::error_code failed;
  if (written) fs::rename(partial, path, failed);
  if (!written || failed) {
    fs::remove(partial, ignored);
    throw Error(concat("cannot write ", path.string(), failed ? ": " + failed.message() : ""));
  }
}

fs::path targetOf(const AlignSettings& settings, const fs::path& image) {
  fs::path target = settings.output / image;
  return target.replace_extension(settings.format == CropFormat::kPng ? ".png" : ".jpg");
}

void checkFolders(const AlignSettings& settings) {
  const fs::path input = fs::weakly_canonical(settings.input);
  const fs::path output = fs::weakly_canonical(settings.output);
  const fs::path relative = output.lexically_relative(input);
  if (!relative.empty() && *relative.begin() != "..") {
    throw UsageError(concat("the output folder ", settings.output.string(),
                            " lies inside the input folder ", settings.input.string(),
                            "; its faces would be taken for photographs"));
  }
}

/// Photographs of one name and different suffixes would become one file.
void checkNames(const AlignSettings& settings, const std::vector<fs::path>& images) {
  std::map<fs::path, fs::path> owner;
  for (const fs::path& image : images) {
    const auto [other, is_new] = owner.emplace(targetOf(settings, image), image);
    if (!is_new) {
      throw Error(concat((settings.input / other->second).string(), " and ", image.string(),
                         " would both become ", other->first.string()));
    }
  }
}

/// What became of one photograph.
struct Outcome {
  enum Kind { kAligned, kNoFace, kUnreadable } kind = kAligned;
  std::string reason;
};

Outcome alignOne(const AlignSettings& settings, const MtcnnNetworks& networks,
                 const fs::path& image, Journal& journal) {
  if (image.generic_string().find_first_of("\t\r\n") != std::string::npos) {
    return {Outcome::kUnreadable, "the file name holds a tab or a line break"};
  }
  cv::Mat photograph;
  try {
    photograph = readPhotograph(settings.input / image);
  } catch (const Error& e) {
    return {Outcome::kUnreadable, e.what()};
  }
  const cv::Size size = photograph.size();
  if (std::min(size.width, size.height) < settings.min_face) {
    return {Outcome::kNoFace, concat("the image of ", size.width, "x", size.height,
                                     " pixels is smaller than the smallest face looked for (",
                                     settings.min_face, ")")};
  }
  const std::vector<Face> faces =
      detectFaces(networks, photograph, {.min_face = settings.min_face});
  if (faces.empty()) return {Outcome::kNoFace, "no face found"};
  const Face& face = faces[chooseFace(faces, size, settings.choice)];
  const cv::Mat aligned = alignFace(photograph, face.points);
  writeWhole(targetOf(settings, image), settings.format == CropFormat::kPng
                                            ? encodePng(aligned)
                                            : encodeJpeg(aligned, settings.jpeg_quality));
  journal.add(image, face);
  return {};
}

void writeReport(const AlignSettings& settings, const AlignReport& report) {
  Json failures = Json::array();
  for (const AlignReport::Failure& failure : report.failures) {
    failures.push_back({{"path", failure.path.generic_string()}, {"reason", failure.reason}});
  }
  Json json = {{"settings", settingsLine(settings).substr(2)}};
  json.update(report.toJson());
  json["failures"] = failures;
  writeJsonFile(settings.output / "align_report.json", json);
}

}  // namespace

double AlignReport::coverage() const {
  return static_cast<double>(aligned + already_done) / static_cast<double>(images);
}

double AlignReport::imagesPerSecond() const {
  return seconds > 0 ? static_cast<double>(images - already_done) / seconds : 0;
}

double AlignReport::imagesPerCpuSecond() const {
  return cpu_seconds > 0 ? static_cast<double>(images - already_done) / cpu_seconds : 0;
}

Json AlignReport::toJson() const {
  return {{"images", images},
          {"aligned", aligned},
          {"already_done", already_done},
          {"no_face", no_face},
          {"unreadable", unreadable},
          {"passed_over", passed_over.toJson()},
          {"coverage", coverage()},
          {"seconds", seconds},
          {"images_per_second", imagesPerSecond()},
          {"images_per_cpu_second", imagesPerCpuSecond()}};
}

AlignReport alignFolder(const AlignSettings& settings) {
  const MtcnnNetworks networks = loadMtcnn(settings.models);
  const ImageFolder listed = listImages(settings.input);
  const std::vector<fs::path>& images = listed.images;
  checkFolders(settings);
  checkNames(settings, images);
  std::error_code failed;
  fs::create_directories(settings.output, failed);
  if (failed)
    throw Error(concat("cannot create ", settings.output.string(), ": ", failed.message()));

  Journal journal(settings.output / kLandmarksFile, settingsLine(settings));
  std::vector<fs::path> todo;
  for (const fs::path& image : images) {
    const fs::path target = targetOf(settings, image);
    if (journal.has(image) && fs::exists(target)) continue;
    journal.forget(image);
    fs::create_directories(target.parent_path());
    todo.push_back(image);
  }
  journal.write();

  AlignReport report;
  report.images = images.size();
  report.passed_over = listed.passed_over;
  report.already_done = images.size() - todo.size();
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t cpu_start = std::clock();
  // Photographs are what is worked on in parallel; OpenCV's own threads would only get in the way.
  cv::setNumThreads(1);
  std::vector<Outcome> outcomes(todo.size());
  Progress progress("aligning", todo.size(), "images");
  parallelFor(todo.size(), settings.threads, [&](size_t i) {
    outcomes[i] = alignOne(settings, networks, todo[i], journal);
    progress.add();
  });
  progress.finish();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.cpu_seconds = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;

  for (size_t i = 0; i < todo.size(); ++i) {
    if (outcomes[i].kind == Outcome::kAligned) ++report.aligned;
    if (outcomes[i].kind == Outcome::kNoFace) ++report.no_face;
    if (outcomes[i].kind == Outcome::kUnreadable) ++report.unreadable;
    if (outcomes[i].kind != Outcome::kAligned) {
      report.failures.push_back({todo[i], outcomes[i].reason});
    }
  }
  journal.write();
  writeReport(settings, report);
  if (report.aligned + report.already_done == 0) {
    throw Error(concat("none of the ", report.images, " images below ", settings.input.string(),
                       " could be aligned; the first, ", report.failures.front().path.string(),
                       ": ", report.failures.front().reason, " (all are in ",
                       (settings.output / "align_report.json").string(), ")"));
  }
  return report;
}

}  // namespace sphereface
