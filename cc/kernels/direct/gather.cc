#include "cc/kernels/direct/gather.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/direct/gather.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/direct/pin-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Accumulators of a tile: 8 of 16 registers on AVX2 and before, 16 of 32 elsewhere. The rest hold the unit.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kVectors = 16;
#else
constexpr int kVectors = 8;
#endif

#if HWY_TARGET <= HWY_AVX3
constexpr bool kHasShift = true;
// The vector one element after `left`, `right` being the next one.
HWY_INLINE hn::Vec512<float> After(hn::Vec512<float> left, hn::Vec512<float> right) {
  return {_mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(right.raw), _mm512_castps_si512(left.raw), 1))};
}
HWY_INLINE hn::Vec512<double> After(hn::Vec512<double> left, hn::Vec512<double> right) {
  return {_mm512_castsi512_pd(_mm512_alignr_epi64(_mm512_castpd_si512(right.raw), _mm512_castpd_si512(left.raw), 1))};
}
#else
constexpr bool kHasShift = false;
template <class V>
HWY_INLINE V After(V left, V) {
  return left;
}
#endif

// kShift: b is a + 1, and its vectors are made of a's: loads that cross a cache line run at half rate, so that 36 of
// them for 50 multiply-adds would be the limit; this way there are 27.
template <int kRows, int kCols, bool kPairs, bool kShift, class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE void AddUnit(D d, const GatherUnit<T>& unit, const T* HWY_RESTRICT in, int64_t in_cols,
                        V (&sum)[kRows][kCols]) {
  const V ratio = hn::Set(d, unit.ratio), q0 = hn::Set(d, unit.q0), q1 = hn::Set(d, unit.q1);
  const T* HWY_RESTRICT a = in + unit.a;
  const T* HWY_RESTRICT b = in + unit.b;
  HWY_UNROLL(17)
  for (int row = 0; row < kRows + (kPairs ? 1 : 0); ++row) {
    V left = hn::LoadU(d, a);
    if (kShift) left = Pin(left);
    HWY_UNROLL(16)
    for (int col = 0; col < kCols; ++col) {
      V right, next = left;
      if (kShift) {
        next = Pin(hn::LoadU(d, a + (col + 1) * hn::Lanes(d)));
        right = After(left, next);
      } else {
        if (col > 0) left = hn::LoadU(d, a + col * hn::Lanes(d));
        right = hn::LoadU(d, b + col * hn::Lanes(d));
      }
      const V t = hn::MulAdd(right, ratio, left);
      left = next;
      if (kPairs && row > 0) sum[row - 1][col] = hn::MulAdd(t, q1, sum[row - 1][col]);
      if (row < kRows) sum[row][col] = hn::MulAdd(t, q0, sum[row][col]);
    }
    a += in_cols;
    b += in_cols;
  }
}

template <int kRows, int kCols, bool kPairs, bool kShift, typename T>
void GatherTilePlanes(const GatherJob<T>& job, const T* HWY_RESTRICT in, T* HWY_RESTRICT out, int64_t o_begin,
                      int64_t o_end) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  for (int64_t block = 0; block < job.blocks; ++block, in += job.in_block_size) {
    for (int64_t o = o_begin; o < o_end; ++o) {
      T* HWY_RESTRICT plane = out + o * job.out_rows * job.out_cols;
      V sum[kRows][kCols];
      HWY_UNROLL(16)
      for (int row = 0; row < kRows; ++row) {
        HWY_UNROLL(16)
        for (int col = 0; col < kCols; ++col) {
          sum[row][col] = block == 0 ? hn::Zero(d) : hn::LoadU(d, plane + row * job.out_cols + col * hn::Lanes(d));
        }
      }
      const UnitList& list = job.lists[block * job.outputs + o];
      for (const GatherUnit<T>* unit = job.units + list.begin; unit != job.units + list.end; ++unit) {
        AddUnit<kRows, kCols, kPairs, kShift>(d, *unit, in, job.in_cols, sum);
      }
      HWY_UNROLL(16)
      for (int row = 0; row < kRows; ++row) {
        HWY_UNROLL(16)
        for (int col = 0; col < kCols; ++col) {
          hn::StoreU(sum[row][col], d, plane + row * job.out_cols + col * hn::Lanes(d));
        }
      }
    }
  }
}

template <int kRows, typename T>
void GatherItem(const GatherJob<T>& job, int64_t item) {
  const int64_t tiles_w = job.out_cols / job.tile.cols, tiles_h = job.out_rows / job.tile.rows;
  const int64_t groups = (job.outputs + job.outputs_per_item - 1) / job.outputs_per_item;
  const int64_t group = item % groups, col = item / groups % tiles_w * job.tile.cols;
  const int64_t row = item / groups / tiles_w % tiles_h * job.tile.rows, image = item / groups / tiles_w / tiles_h;
  const T* in = job.in + image * job.in_image_size + row * job.in_cols + col;
  T* out = job.out + image * job.outputs * job.out_rows * job.out_cols + row * job.out_cols + col;
  const int64_t o_begin = group * job.outputs_per_item;
  const int64_t o_end = std::min(job.outputs, o_begin + job.outputs_per_item);
  constexpr int kCols = kVectors / kRows;
  if (job.row_pairs && job.neighbours) {
    GatherTilePlanes<kRows, kCols, true, kHasShift>(job, in, out, o_begin, o_end);
  } else if (job.row_pairs) {
    GatherTilePlanes<kRows, kCols, true, false>(job, in, out, o_begin, o_end);
  } else {
    GatherTilePlanes<kRows, kCols, false, false>(job, in, out, o_begin, o_end);
  }
}

// Tall tiles need fewest loads; flat ones serve images of few rows.
template <typename T>
void GatherAnyTile(const GatherJob<T>& job, int64_t item) {
  switch (job.tile.index) {
    case 0:
      return GatherItem<8>(job, item);
    case 1:
      return GatherItem<4>(job, item);
    case 2:
      return GatherItem<2>(job, item);
    default:
      return GatherItem<1>(job, item);
  }
}

template <typename T>
GatherTile ChooseTile(int64_t rows, int64_t cols) {
  const int64_t lanes = hn::Lanes(hn::ScalableTag<T>());
  GatherTile best{};
  double best_cost = 0;
  for (int index = 0; index < 4; ++index) {
    const int64_t tile_rows = 8 >> index, tile_cols = kVectors / tile_rows * lanes;
    const int64_t tiles = ((rows + tile_rows - 1) / tile_rows) * ((cols + tile_cols - 1) / tile_cols);
    // Multiply-adds of a unit: one for each t, two for each output; see gather.h.
    const double cost = static_cast<double>(tiles) * (tile_cols * (tile_rows + 1) + 2 * tile_rows * tile_cols);
    if (index == 0 || cost < best_cost) {
      best = {index, tile_rows, tile_cols};
      best_cost = cost;
    }
  }
  return best;
}

void GatherF32(const GatherJob<float>& job, int64_t item) { GatherAnyTile(job, item); }
void GatherF64(const GatherJob<double>& job, int64_t item) { GatherAnyTile(job, item); }
GatherTile ChooseTileF32(int64_t rows, int64_t cols) { return ChooseTile<float>(rows, cols); }
GatherTile ChooseTileF64(int64_t rows, int64_t cols) { return ChooseTile<double>(rows, cols); }

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::direct {
HWY_EXPORT(GatherF32);
HWY_EXPORT(GatherF64);
HWY_EXPORT(ChooseTileF32);
HWY_EXPORT(ChooseTileF64);

template <>
void Gather(const GatherJob<float>& job, int64_t item) {
  HWY_DYNAMIC_DISPATCH(GatherF32)(job, item);
}
template <>
void Gather(const GatherJob<double>& job, int64_t item) {
  HWY_DYNAMIC_DISPATCH(GatherF64)(job, item);
}
template <>
GatherTile ChooseGatherTile<float>(int64_t rows, int64_t cols) {
  return HWY_DYNAMIC_DISPATCH(ChooseTileF32)(rows, cols);
}
template <>
GatherTile ChooseGatherTile<double>(int64_t rows, int64_t cols) {
  return HWY_DYNAMIC_DISPATCH(ChooseTileF64)(rows, cols);
}

}  // namespace dau::direct
#endif  // HWY_ONCE
