// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// Weights as .safetensors: 8 bytes little-endian length of the header, the header in JSON (for each
// tensor dtype, shape and where its bytes begin and end behind the header; texts in __metadata__),
// then the bytes without gaps. Format: https://github.com/huggingface/safetensors
//
// Tensors are F32 and named as in a checkpoint's manifest: conv1_1.0, ..., head.0. The metadata say
// what the names can't: network (NetworkConfig in text format), step, forward_passes, color_order,
// alignment_template, dataset_sha256. Momenta aren't in it.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "convert/trained_model.h"

namespace sphereface {

/// errors: Error when the file can't be written.
void writeSafetensors(const TrainedModel& model, const std::filesystem::path& path);

/// The model of a file that writeSafetensors wrote. `name` stands for the bytes in the message.
/// errors: Error when the header is damaged or too large, tensors overlap or reach beyond the end,
/// the metadata name no network, or a tensor of it is missing or of another type or shape.
TrainedModel parseSafetensors(std::string_view bytes, const std::string& name);

}  // namespace sphereface
