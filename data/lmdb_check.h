// SPDX-FileCopyrightText: 2026 The sphereface-train authors
// SPDX-License-Identifier: MIT
//
// LMDB trusts the file it maps: a damaged page number or offset makes it read memory that isn't
// there, which ends the process with SIGSEGV or SIGBUS. This reads a data.mdb without LMDB and
// checks all that LMDB goes by.
//
// Layout (lmdb 0.9, little endian; P = page size):
//
//     page   u64 number, u16 pad, u16 flags, u16 lower, u16 upper; then (lower - 16) / 2 u16
//            offsets of nodes. Flags: 1 branch, 2 leaf, 4 overflow, 8 meta
//     meta   pages 0 and 1, after their header of 16 bytes: u32 magic 0xBEEFC0DE, u32 version 1,
//            u64 address, u64 map size, tree of free pages, main tree, u64 last page, u64
//            transaction; the one with the larger transaction counts
//     tree   u32 pad (of the free pages: P), u16 flags, u16 depth, u64 branch pages, leaf pages,
//            overflow pages, entries, root page (all ones: empty)
//     node   u16 lo, u16 hi, u16 flags, u16 key size, key, data. Leaf: lo | hi << 16 bytes of data,
//     or
//            with flag 1 the u64 number of the first of the overflow pages that hold them after a
//            header of 16 bytes. Branch: child page lo | hi << 16 | flags << 32

#pragma once

#include <cstdint>
#include <filesystem>

namespace sphereface {

/// Walks both trees of a data.mdb. ensures: every page that a lookup can reach is in the file and
/// of the right kind, every node within its page, every value within the file, keys rise, and there
/// are as many entries as the tree's record says. Reads branch and leaf pages alone, about a
/// hundredth of a set of images. errors: Error naming the file and the page.
void checkLmdb(const std::filesystem::path& file);

}  // namespace sphereface
