// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// A model in Caffe's form, as the published ones are: a .caffemodel with the weights, and a deploy
// .prototxt from an image to the embedding, which Caffe and OpenCV's dnn read. The classifier is in
// the .caffemodel alone, as layer fcN+1, which readers of the prototxt pass over.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "convert/trained_model.h"
#include "proto/caffe.pb.h"

namespace sphereface {

/// The layers from the input `data` (normalised, 1 x 3 x height x width) to the embedding, without
/// weights, named as in the published prototxts.
caffe::NetParameter describeDeployNet(const Network& network);

/// Writes `path` (.caffemodel) and beside it the .prototxt of the same stem; answers the latter's
/// path. A head that would make the file larger than protobuf's 2 GB is left out, with a note.
/// errors: Error when a file can't be written, or the network alone is too large.
std::filesystem::path writeCaffeModel(const TrainedModel& model, const std::filesystem::path& path,
                                      std::vector<std::string>& notes);

}  // namespace sphereface
