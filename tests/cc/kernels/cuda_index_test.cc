// Indices beyond 2³¹, which no test could allocate, and the layout of shared memory.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/tile.h"
#include "cc/kernels/cuda/units.h"

namespace dau::cuda {
namespace {

constexpr int64_t kBillion = 1000 * 1000 * 1000;

TEST(CudaIndexTest, ImagesOfMoreThan32Bits) {
  const struct {
    const char* name;
    ImageIndex image;
    int64_t n, c, h, w, expected;
  } rows[] = {
      {"manyImages", {70000, 64, 32, 32, true}, 69999, 63, 31, 31, int64_t{70000} * 64 * 32 * 32 - 1},
      {"manyImagesNchw", {70000, 64, 32, 32, false}, 69999, 63, 31, 31, int64_t{70000} * 64 * 32 * 32 - 1},
      {"oneLargeImage", {1, 3, 50000, 50000, true}, 0, 2, 49999, 49999, 3 * 2500000000 - 1},
      {"oneLargeImageNchw", {1, 3, 50000, 50000, false}, 0, 2, 49999, 49999, 3 * 2500000000 - 1},
      {"oneLongRow", {1, 1, 1, 5 * kBillion, true}, 0, 0, 0, 4 * kBillion, 4 * kBillion},
      {"oneTallColumn", {1, 1, 5 * kBillion, 1, false}, 0, 0, 4 * kBillion, 0, 4 * kBillion},
      {"manyChannels", {2, 3 * kBillion, 1, 1, true}, 1, 1, 0, 0, 3 * kBillion + 1},
      {"just2To31", {2, 1, 1 << 15, 1 << 16, true}, 1, 0, 0, 0, int64_t{1} << 31},
      {"just2To32", {3, 1, 1 << 15, 1 << 16, false}, 2, 0, 0, 0, int64_t{1} << 32},
  };
  for (const auto& row : rows) EXPECT_EQ(row.image(row.n, row.c, row.h, row.w), row.expected) << row.name;
}

TEST(CudaIndexTest, PlanesOfMoreThan32Bits) {
  const PlaneIndex planes = MakePlanes(50002, 50005, 1);
  EXPECT_EQ(planes.pitch, 50008);
  EXPECT_EQ(planes.Size(), int64_t{50002} * 50008);
  EXPECT_EQ(planes.Row(3, 7, 5, 50001), (int64_t{3} * 7 + 5) * 50002 * 50008 + int64_t{50001} * 50008);
  // A row of 2³³, and strides that spread a small image over more than 2³¹.
  EXPECT_EQ(MakePlanes(2, (int64_t{1} << 33) + 1, 0).Row(0, 1, 0, 1), (int64_t{1} << 33) + 4);
  EXPECT_EQ(SpreadExtent(3, int64_t{1} << 31, 2), (int64_t{1} << 32) + 5);
}

TEST(CudaIndexTest, PiecesOfWorkOfMoreThan32Bits) {
  // As the gather numbers them: filters, columns, rows, images.
  const int64_t radices[] = {3, 70000, 50000, 9};
  const int64_t digits[] = {2, 69999, 49998, 8};
  int64_t number = 0;
  for (int i = 3; i >= 0; --i) number = number * radices[i] + digits[i];
  EXPECT_GT(number, int64_t{1} << 32);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(TakeDigit(&number, radices[i]), digits[i]);
  EXPECT_EQ(number, 0);
}

TEST(CudaIndexTest, TilesOfHugeImages) {
  const Sampling sampling = {3 * kBillion, 5 * kBillion, 1, 1, 2, 2};
  const Tile tile = MakeTile({8, 4}, sampling, 4, 6144);
  EXPECT_EQ(tile.Count(), (3 * kBillion / 32) * (5 * kBillion / 32));
  const TileCorner corner = CornerOf(tile, 3 * kBillion - 32, 5 * kBillion - 32);
  EXPECT_EQ(corner.top, 3 * kBillion - 32 + 2 - 4);
  EXPECT_EQ(corner.left + corner.shift, 5 * kBillion - 32 + 2 - 4);
}

TEST(CudaIndexTest, DisplacementsBeyondAnyImageAreCutNotWrapped) {
  EXPECT_EQ(InterpolateOrNan(1e300).cell, static_cast<int64_t>(1e15));
  EXPECT_EQ(InterpolateOrNan(-1e300).cell, static_cast<int64_t>(-1e15));
  EXPECT_EQ(InterpolateOrNan(3e9 + 0.5).cell, 3 * kBillion);
  EXPECT_TRUE(std::isnan(InterpolateOrNan(std::nan("")).fraction));
  EXPECT_TRUE(std::isnan(InterpolateOrNan(-HUGE_VAL).fraction));
}

// The banks that the lanes of a warp read at once, wherever a unit looks: each once.
TEST(CudaTileTest, NoBankConflicts) {
  for (const PatchSize& patch : {PatchSize{8, 4}, PatchSize{4, 2}, PatchSize{2, 1}}) {
    for (int64_t step : {1, 2}) {
      if (patch.rows == 8 && step > 1) continue;
      const Tile tile = MakeTile(patch, {100, 100, step, step, 0, 0}, 8, 12288);
      ASSERT_TRUE(tile.staged);
      for (int column = 0; column < 2 * tile.reach; ++column) {
        std::set<int> banks;
        for (int lane = 0; lane < 32; ++lane) {
          const int row = lane / kLaneCols * patch.rows * static_cast<int>(step);
          const int col = column + lane % kLaneCols * patch.cols * static_cast<int>(step);
          banks.insert((row * tile.pitch + tile.Slot(col)) % kBanks);
        }
        EXPECT_EQ(banks.size(), 32u) << patch.rows << "x" << patch.cols << " step " << step << " column " << column;
      }
    }
  }
}

// Every column has a place of its own.
TEST(CudaTileTest, SlotsAreDistinct) {
  for (int64_t step : {1, 2, 3, 7}) {
    const Tile tile = MakeTile({4, 2}, {100, 100, step, step, 0, 0}, 5, 1 << 20);
    std::set<int> slots;
    for (int c = 0; c < tile.in_cols; ++c) slots.insert(tile.Slot(c));
    EXPECT_EQ(slots.size(), static_cast<size_t>(tile.in_cols)) << step;
    EXPECT_LT(*slots.rbegin(), tile.pitch) << step;
  }
}

TEST(CudaTileTest, ReachIsWhatFits) {
  const Sampling sampling = {100, 100, 1, 1, 0, 0};
  EXPECT_EQ(MakeTile({8, 4}, sampling, 4, 6144).reach, 4);
  const Tile cut = MakeTile({8, 4}, sampling, 1000, 6144);
  EXPECT_GE(cut.reach, 18);
  EXPECT_LE(cut.Words(), 6144);
  EXPECT_FALSE(MakeTile({2, 1}, {100, 100, 60, 60, 0, 0}, 4, 6144).staged);
  EXPECT_FALSE(MakeTile({2, 1}, {100, 100, int64_t{1} << 40, 1, 0, 0}, 4, 6144).staged);
}

TEST(CudaTileTest, SmallImagesGetSmallPatches) {
  EXPECT_EQ(ChoosePatch({32, 32, 1, 1, 0, 0}).rows, 8);
  EXPECT_EQ(ChoosePatch({56, 56, 1, 1, 0, 0}).rows, 8);
  EXPECT_EQ(ChoosePatch({14, 14, 1, 1, 0, 0}).rows, 4);
  EXPECT_EQ(ChoosePatch({7, 7, 1, 1, 0, 0}).rows, 2);
  EXPECT_EQ(ChoosePatch({32, 32, 2, 2, 0, 0}).rows, 4);
}

}  // namespace
}  // namespace dau::cuda
