// How a block cuts its outputs, and how the pixels they read lie in shared memory.
//
// A warp computes a tile of outputs: 4 × 8 lanes, each with a patch of kRows × kCols neighbours. At step 1 a patch
// reads (kRows + 1)·(kCols + 1) pixels for kRows·kCols outputs: 45 for 32 with 8 × 4, where one output alone reads 4.
// Shared memory hands out one word a lane and cycle, arithmetic takes a quarter of that: reads are what a gather costs.
//
// Any displacement must read without bank conflicts. Lanes side by side are kCols·step columns apart, so columns are
// stored by phase (column mod kCols·step) first: the same phase of all patches is consecutive, wherever a unit looks.
// The pitch puts the four rows of lanes 8 or 24 banks apart.
#ifndef DAU_CC_KERNELS_CUDA_TILE_H_
#define DAU_CC_KERNELS_CUDA_TILE_H_

#include <cstdint>

#include "cc/kernels/base/host_device.h"
#include "cc/kernels/base/int_math.h"

namespace dau::cuda {

constexpr int kLaneRows = 4, kLaneCols = 8;  // of a warp
constexpr int kBanks = 32;

// Outputs of a lane. Fewer waste less of a small image, more read less for each output: those that share pixels, at
// steps of 1. With steps each output reads its own four.
struct PatchSize {
  int rows, cols;
};

// Where the outputs' grid lies in the planes: output (h, w) at displacement 0 is at (h·step_h + base_h, …).
struct Sampling {
  int64_t out_h, out_w;
  int64_t step_h, step_w;
  int64_t base_h, base_w;

  DAU_HOST_DEVICE bool Dense() const { return step_h == 1 && step_w == 1; }
};

struct Tile {
  Sampling sampling;
  int rows, cols;            // of outputs
  int64_t tiles_h, tiles_w;  // in an image
  bool staged;               // false: the pixels of even the nearest units don't fit
  int reach;                 // units of −reach ≤ cell ≤ reach find their pixels in shared memory, others in the planes
  int in_rows, in_cols;      // staged, in_cols with the alignment to 16 bytes
  int phases, slots, pitch;  // see above: column c is at (c mod phases)·slots + c / phases

  DAU_HOST_DEVICE int64_t Count() const { return tiles_h * tiles_w; }
  DAU_HOST_DEVICE int Words() const { return staged ? in_rows * pitch : 0; }
  DAU_HOST_DEVICE int Slot(int column) const { return column % phases * slots + column / phases; }
};

// The staged piece of the planes: its first row and column, and by how much the column is left of what is needed.
struct TileCorner {
  int64_t top, left;
  int shift;
};
DAU_HOST_DEVICE inline TileCorner CornerOf(const Tile& tile, int64_t h0, int64_t w0) {
  const Sampling& s = tile.sampling;
  const int64_t left = w0 * s.step_w + s.base_w - tile.reach;
  const int64_t aligned = FloorDiv(left, 4) * 4;
  return {h0 * s.step_h + s.base_h - tile.reach, aligned, static_cast<int>(left - aligned)};
}

// The patch that reads least for an image of these outputs: {8, 4}, which only Dense() has, {4, 2} or {2, 1}.
PatchSize ChoosePatch(const Sampling& sampling);

// reach: what the caller expects of the units; less where `max_words` of shared memory hold less.
Tile MakeTile(const PatchSize& patch, const Sampling& sampling, int64_t reach, int64_t max_words);

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_TILE_H_
