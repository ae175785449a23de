// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "identify/identify_report.h"

namespace sphereface {

/// The result as an HTML page that holds all it shows: of each person who was found the photograph
/// of the gallery beside the faces with the highest scores (of a video, one for each track), then
/// the unknown faces.
std::string identifyPage(const IdentifyInput& input, const IdentifiedFaces& identified,
                         const Gallery& gallery, const NamingRule& rule);

}  // namespace sphereface
