// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Face sets in MXNet's RecordIO, as insightface hands them out (train.rec, train.idx, property).
//
// A payload begins with MXNet's image header of 24 bytes, little endian:
//
//     u32 flag; f32 label; u64 id; u64 id2
//     flag x f32 label vector, when flag > 0
//     the bytes of an image file; none in records that index others
//
// An image's label is the number in the header or the first of its vector. Records without an image
// (insightface's index record and its ranges of keys of each identity) aren't relied on: the ranges
// are 32-bit floats, which count no further than 2^24.

#pragma once

#include <filesystem>

#include "data/import/pack_input.h"

namespace sphereface {

/// The images of a .rec file in the order in which they lie in it: of the records that the .idx
/// file beside it lists, or of all when there is none. They are called "NUMBER", the record's among
/// them counted from 1, which is the key in insightface's sets; identities are called "label N".
/// errors: Error naming file and record, also for a label that is no whole number below 2^24.
PackInput openMxnetRecords(const std::filesystem::path& rec);

}  // namespace sphereface
