#include "cc/kernels/cuda/tile.h"

#include <algorithm>
#include <iterator>

namespace dau::cuda {
namespace {

// The next pitch at which the rows of lanes, `distance` pitches apart, share no bank: 8 lanes side by side, 4 such
// rows.
int ConflictFreePitch(int pitch, int64_t distance) {
  for (int p = pitch; p < pitch + kBanks; ++p) {
    const int64_t banks = distance * p % kBanks;
    if (banks == 8 || banks == 24) return p;
  }
  return pitch;  // steps of 4 or more leave none
}

void SetReach(const PatchSize& patch, int64_t reach, Tile* tile) {
  const Sampling& s = tile->sampling;
  const int64_t in_rows = (tile->rows - 1) * s.step_h + 2 * reach + 2;
  const int64_t in_cols = RoundUp((tile->cols - 1) * s.step_w + 2 * reach + 2 + 3, 4);
  tile->reach = static_cast<int>(reach);
  tile->in_rows = static_cast<int>(in_rows);
  tile->in_cols = static_cast<int>(in_cols);
  tile->phases = static_cast<int>(patch.cols * s.step_w);
  tile->slots = static_cast<int>(CeilDiv(in_cols, tile->phases));
  tile->pitch = ConflictFreePitch(tile->phases * tile->slots, patch.rows * s.step_h);
}

}  // namespace

PatchSize ChoosePatch(const Sampling& s) {
  constexpr PatchSize kPatches[] = {{8, 4}, {4, 2}, {2, 1}};
  const auto reads = [&](const PatchSize& patch) {
    const int64_t tiles = CeilDiv(s.out_h, kLaneRows * patch.rows) * CeilDiv(s.out_w, kLaneCols * patch.cols);
    return tiles * (s.Dense() ? (patch.rows + 1) * (patch.cols + 1) : 4 * patch.rows * patch.cols);
  };
  return *std::min_element(kPatches + (s.Dense() ? 0 : 1), std::end(kPatches),
                           [&](const PatchSize& a, const PatchSize& b) { return reads(a) < reads(b); });
}

Tile MakeTile(const PatchSize& patch, const Sampling& sampling, int64_t reach, int64_t max_words) {
  Tile tile = {};
  tile.sampling = sampling;
  tile.rows = kLaneRows * patch.rows;
  tile.cols = kLaneCols * patch.cols;
  tile.tiles_h = CeilDiv(sampling.out_h, tile.rows);
  tile.tiles_w = CeilDiv(sampling.out_w, tile.cols);
  // Beyond these no tile fits, and the sizes would not fit an int.
  constexpr int64_t kMaxReach = 256, kMaxStep = 64;
  if (sampling.step_h > kMaxStep || sampling.step_w > kMaxStep) return tile;
  tile.staged = true;
  for (int64_t r = std::min(reach, kMaxReach); r >= 0; --r) {
    SetReach(patch, r, &tile);
    if (tile.Words() <= max_words) return tile;
  }
  tile.staged = false;
  return tile;
}

}  // namespace dau::cuda
