// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "doctor/finding.h"
#include "doctor/record_scan.h"
#include "proto/manifest.pb.h"

namespace sphereface::doctor {

/// Labels outside 0 .. classes-1.
Finding labelsFinding(const StoredFacts& facts, const DatasetManifest& manifest, const KeyOf& key);

/// How many images the classes have: none, one, very many; and whether the manifest says so too.
/// Counts are the manifest's when not all records were read.
Finding classesFinding(const StoredFacts& facts, const DatasetManifest& manifest);

/// Identities of CASIA-WebFace whose people are in LFW too: the published 10,572 classes leave them
/// out, so that the test is of strangers.
Finding overlapFinding(const DatasetManifest& manifest);

/// Whether the labels along the keys look shuffled: by the share of neighbours that are alike, and
/// by the classes that training's own shuffling (windows of data/sample_order.h) brings together.
/// requires: labels in 0 .. classes-1.
Finding orderFinding(const std::vector<int32_t>& labels, uint32_t classes);

}  // namespace sphereface::doctor
