// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "doctor/finding.h"
#include "doctor/record_scan.h"
#include "proto/manifest.pb.h"

namespace sphereface::doctor {

/// Records that are no Datum, or whose image can't be decoded or has another shape than the
/// manifest says.
Finding imagesFinding(const StoredFacts& stored, const ImageFacts& facts, uint64_t records);

/// Images that are black, white or of one colour.
Finding blankFinding(const ImageFacts& facts, const KeyOf& key);
bool isBlank(const ImageFact& image);

/// Whether the planes are B, G, R: skin has more red than blue. Grey images are counted and don't
/// vote.
Finding colourFinding(const ImageFacts& facts);

/// Whether the faces lie as SphereFace's template has them: the mean face has eyes, dark spots in
/// brighter surroundings, where the template's are. Faces aligned to another template are passed
/// over; of those whose alignment is unknown it tells whether it is this one.
Finding alignmentFinding(const ImageFacts& facts, const DatasetManifest& manifest);

}  // namespace sphereface::doctor
