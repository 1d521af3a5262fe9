#include "cc/kernels/direct/lane_correlate.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/direct/lane_correlate.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/direct/pin-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Columns taken together: two rows of x and the sums must fit into the registers.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kCols = 4;
#else
constexpr int kCols = 2;
#endif
static_assert(kTileCols % kCols == 0, "a tile is some blocks of columns");

// What a kernel sums over: some rows of a group of tiles, of one input channel and one filter.
template <typename T>
struct Band {
  const T *x, *dy;
  int64_t rows, cols, x_stride, dy_stride;
};

template <class D, class V, typename T = hn::TFromD<D>, int kCount>
HWY_INLINE void LoadRow(D d, const T* p, V (&row)[kCount]) {
  HWY_UNROLL(5)
  for (int i = 0; i < kCount; ++i) row[i] = Pin(hn::LoadU(d, p + i * hn::Lanes(d)));
}

template <typename T>
HWY_INLINE void Corners(const Band<T>& band, int64_t base, T (&corners)[2][2]) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = hn::Lanes(d);
  const V zero = hn::Zero(d);
  V sum[2][2][2] = {{{zero, zero}, {zero, zero}}, {{zero, zero}, {zero, zero}}};
  for (int64_t col = 0; col < band.cols; col += kCols) {
    const T* x = band.x + (base + col) * lanes;
    const T* dy = band.dy + col * lanes;
    V even[kCols + 1], odd[kCols + 1];
    LoadRow(d, x, even);
    const auto add_row = [&](const V(&upper)[kCols + 1], V(&lower)[kCols + 1]) HWY_ATTR {
      x += band.x_stride;
      LoadRow(d, x, lower);
      HWY_UNROLL(4)
      for (int i = 0; i < kCols; ++i) {
        const V g = Pin(hn::LoadU(d, dy + i * lanes));
        V(&s)[2][2] = sum[i % 2];
        s[0][0] = hn::MulAdd(g, upper[i], s[0][0]);
        s[0][1] = hn::MulAdd(g, upper[i + 1], s[0][1]);
        s[1][0] = hn::MulAdd(g, lower[i], s[1][0]);
        s[1][1] = hn::MulAdd(g, lower[i + 1], s[1][1]);
      }
      dy += band.dy_stride;
    };
    for (int64_t row = 0; row < band.rows; row += 2) {
      add_row(even, odd);
      add_row(odd, even);
    }
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) corners[i][j] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum[0][i][j], sum[1][i][j])));
  }
}

// sums[i]: with the upper or the lower row's x(left) + ratio·x(right).
template <typename T>
HWY_INLINE void Interpolated(const Band<T>& band, int64_t base, T ratio, T (&sums)[2]) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = hn::Lanes(d);
  const V zero = hn::Zero(d), r = hn::Set(d, ratio);
  V sum[4][2] = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
  for (int64_t col = 0; col < band.cols; col += kCols) {
    const T* x = band.x + (base + col) * lanes;
    const T* dy = band.dy + col * lanes;
    V even[kCols], odd[kCols];
    const auto load = [&](V(&t)[kCols]) HWY_ATTR {
      V left = Pin(hn::LoadU(d, x));
      HWY_UNROLL(4)
      for (int i = 0; i < kCols; ++i) {
        const V right = Pin(hn::LoadU(d, x + (i + 1) * lanes));
        t[i] = hn::MulAdd(right, r, left);
        left = right;
      }
      x += band.x_stride;
    };
    load(even);
    const auto add_row = [&](const V(&upper)[kCols], V(&lower)[kCols]) HWY_ATTR {
      load(lower);
      HWY_UNROLL(4)
      for (int i = 0; i < kCols; ++i) {
        const V g = Pin(hn::LoadU(d, dy + i * lanes));
        sum[i][0] = hn::MulAdd(g, upper[i], sum[i][0]);
        sum[i][1] = hn::MulAdd(g, lower[i], sum[i][1]);
      }
      dy += band.dy_stride;
    };
    for (int64_t row = 0; row < band.rows; row += 2) {
      add_row(even, odd);
      add_row(odd, even);
    }
  }
  for (int i = 0; i < 2; ++i) {
    sums[i] = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum[0][i], sum[1][i]), hn::Add(sum[2][i], sum[3][i]))));
  }
}

template <typename T>
HWY_INLINE void AddCorners(const Band<T>& band, const LaneCorrelateUnit<T>& unit, UnitSums& sums) {
  T c[2][2];
  Corners(band, unit.base, c);
  const double v = unit.fraction_v, h = unit.column;
  sums.weight += (1 - v) * ((1 - h) * c[0][0] + h * c[0][1]) + v * ((1 - h) * c[1][0] + h * c[1][1]);
  sums.displacement_v += (1 - h) * (c[1][0] - c[0][0]) + h * (c[1][1] - c[0][1]);
  sums.displacement_h += (1 - v) * (c[0][1] - c[0][0]) + v * (c[1][1] - c[1][0]);
}

template <typename T>
HWY_INLINE void AddInterpolated(const Band<T>& band, const LaneCorrelateUnit<T>& unit, double* sum) {
  T r[2];
  Interpolated(band, unit.base, unit.column, r);
  const double v = unit.fraction_v, left = 1 / (1 + static_cast<double>(unit.column));
  *sum += left * ((1 - v) * r[0] + v * r[1]);
}

template <typename T>
void CorrelateItem(const LaneCorrelateJob<T>& job, int64_t item) {
  const TileGrid& grid = job.grid;
  const int64_t filter_blocks = CeilDiv(job.filters, job.filter_block);
  const int64_t s_begin = item / filter_blocks * job.channel_block;
  const int64_t s_end = std::min(job.channels, s_begin + job.channel_block);
  const int64_t f_begin = item % filter_blocks * job.filter_block;
  const int64_t f_end = std::min(job.filters, f_begin + job.filter_block);
  Band<T> band{nullptr, nullptr, 0, grid.tile_cols, grid.in_cols() * grid.lanes, grid.tile_cols * grid.lanes};
  for (int64_t group = 0; group < job.groups; ++group) {
    for (int64_t row = 0; row < grid.tile_rows; row += job.band_rows) {
      band.rows = std::min(job.band_rows, grid.tile_rows - row);
      for (int64_t s = s_begin; s < s_end; ++s) {
        band.x = job.x + (group * job.in_channels + s) * grid.in_size() + row * band.x_stride;
        for (int64_t f = f_begin; f < f_end; ++f) {
          band.dy = job.dy + (group * job.stored_filters + f) * grid.out_size() + row * band.dy_stride;
          for (int64_t k = 0; k < job.units_per_pair; ++k) {
            const int64_t i = (s * job.filters + f) * job.units_per_pair + k;
            const LaneCorrelateUnit<T>& unit = job.units[i];
            if (unit.base < 0) continue;
            UnitSums& sums = job.sums[i];
            switch (job.sums_kind) {
              case LaneSums::kCorners:
                AddCorners(band, unit, sums);
                break;
              case LaneSums::kWeight:
                AddInterpolated(band, unit, &sums.weight);
                break;
              case LaneSums::kDisplacementV:
                AddInterpolated(band, unit, &sums.displacement_v);
                break;
              case LaneSums::kDisplacementH:
                AddInterpolated(band, unit, &sums.displacement_h);
                break;
            }
          }
        }
      }
    }
  }
}

void CorrelateF32(const LaneCorrelateJob<float>& job, int64_t item) { CorrelateItem(job, item); }
void CorrelateF64(const LaneCorrelateJob<double>& job, int64_t item) { CorrelateItem(job, item); }

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::direct {
HWY_EXPORT(CorrelateF32);
HWY_EXPORT(CorrelateF64);

template <>
void LaneCorrelate(const LaneCorrelateJob<float>& job, int64_t item) {
  HWY_DYNAMIC_DISPATCH(CorrelateF32)(job, item);
}
template <>
void LaneCorrelate(const LaneCorrelateJob<double>& job, int64_t item) {
  HWY_DYNAMIC_DISPATCH(CorrelateF64)(job, item);
}

}  // namespace dau::direct
#endif  // HWY_ONCE
