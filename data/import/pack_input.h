// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// What is to be packed: a numbered list of labelled images, and functions to name and load one of
// them. Each kind of input (a file beside this one for each) makes such a list, as a rule without
// reading the images themselves.

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "base/image_folder.h"
#include "data/align/aligned_list.h"

namespace sphereface {

/// An image as the input holds it.
struct StoredImage {
  std::string bytes;    // an image file; with `planes` its B, G and R planes, size.area() each
  bool planes = false;  // pixels, no file
  cv::Size size;        // of the planes
};

struct PackImage {
  uint64_t at = 0;        // its number for the input's functions
  uint32_t identity = 0;  // index in PackInput::identities
};

struct PackIdentity {
  std::string name;
  int32_t label = 0;  // as the input numbers it
};

struct PackInput {
  std::vector<PackImage> images;         // in the input's order
  std::vector<PackIdentity> identities;  // with labels rising
  /// The labels stand in the input, so that changing them has to be asked for. Otherwise they are
  /// ranks of names, which close up when identities are left out.
  bool labels_given = false;

  /// Relative to the input: what the record's key has after its number.
  std::function<std::string(uint64_t at)> name;
  /// To find it by, in messages.
  std::function<std::string(uint64_t at)> place;
  /// Thread-safe. errors: Error naming the image.
  std::function<StoredImage(uint64_t at)> load;

  /// Of every image, when the input holds aligned faces whose size is its own; else empty.
  cv::Size size;
  /// Template that all faces were aligned to, when the input knows it.
  std::string alignment;
  /// The same by image, of a folder that `align` or `synth` made.
  AlignedList aligned;
  /// Changes when the input's files change.
  std::string fingerprint;
  std::vector<std::string> empty_identities;   // folders without an image
  std::vector<std::string> nested_identities;  // whose images all lie in subfolders
  PassedOver passed_over;                      // files of a folder or an archive that are no image
  std::vector<std::string> notes;              // what the user should know
};

/// Opens an input by what it is: a folder with data.mdb (Caffe's LMDB), a .rec file or a folder
/// with train.rec (MXNet's RecordIO), a tar or zip archive of identity folders, a folder of
/// identity folders, or a text file of lines `path label`. `scratch` is an existing folder for
/// unnamed temporary files. errors: Error naming file and place; UsageError when there is no such
/// input.
PackInput openPackInput(const std::filesystem::path& path, const std::filesystem::path& scratch);

/// One folder per identity, its images anywhere below it; label = rank of the folder among the
/// sorted ones that hold an image. While all images lie in the only folder, and not directly, the
/// identities are looked for in it. Images are in lexicographic order.
/// errors: Error when there is no image, or one outside an identity's folder.
PackInput openIdentityFolders(const std::filesystem::path& folder);

/// By the name: .tar, also compressed (.tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst), or .zip.
bool isArchive(const std::filesystem::path& path);
/// The images of an archive, as openIdentityFolders() would have them from the folder that was put
/// into it: folders that all images share are left out of their names, then the first is the
/// identity. Of a name that occurs twice the last counts, as when it is unpacked.
/// Archives are read from the front to the end, but records are stored shuffled, so the images are
/// first copied into an unnamed file in `scratch`, which needs room for them.
/// errors: Error naming the archive and the entry, also for an image that is a link.
PackInput openArchive(const std::filesystem::path& path, const std::filesystem::path& scratch);

/// Lines `path label`; the last spaces or TABs separate, a relative path starts at the list's
/// folder. So do Caffe's convert_imageset and SphereFace's CASIA-WebFace-112X96.txt. Or, told by
/// the first line, MXNet's .lst (`number label path`, TABs between; of several labels the first
/// counts) and insightface's (`1 path label`). errors: Error naming file and line.
PackInput openImageList(const std::filesystem::path& list);

/// An LMDB of Caffe's Datums, as convert_imageset writes (encoded, or planar B, G, R; grey becomes
/// three equal planes) and `sphereface pack` too, whose manifest then gives the identities' names
/// and the alignment. Images are named by their keys without the eight digits and '_' in front.
/// errors: Error naming the file and the record.
PackInput openCaffeLmdb(const std::filesystem::path& folder);

/// The images of a .rec file (MXNet's RecordIO) in the order in which they lie in it: of the
/// records that the .idx file beside it lists, by whose keys they are called, or of all when there
/// is none, when they are called by the record's number, counted from 1, which is the key in
/// insightface's sets; identities are called "label N".
/// errors: Error naming file and record, also for a label that is no whole number below 2^24.
PackInput openMxnetRecords(const std::filesystem::path& rec);

// For the kinds of input:

/// Makes name, place and load of files, whose paths begin in `folder`.
void takeFiles(PackInput& input, const std::filesystem::path& folder,
               std::vector<std::string> paths);

/// The folder above the identities' folders: the deepest in which all `images` lie, or the one
/// above it when all lie in it directly, as the images of one identity.
std::filesystem::path folderOfIdentities(const std::vector<std::filesystem::path>& images);

/// Takes identities and nested_identities from the first folders of `images` (sorted), of which
/// each becomes the PackImage of its number. errors: Error naming an image without a folder, and
/// `where` it lies.
void groupByFolder(PackInput& input, const std::vector<std::filesystem::path>& images,
                   const std::string& where);

/// Numbers the identities 0, 1, ... in the order of the labels that `label_of` gives for the images
/// of `input` (whose names must be there), and names each after the folder of its first image if
/// that tells them apart, else "label N".
void groupByLabel(PackInput& input, const std::vector<int32_t>& label_of);

/// Size and time of last change, for fingerprints.
std::string fileStamp(const std::filesystem::path& file);

}  // namespace sphereface
