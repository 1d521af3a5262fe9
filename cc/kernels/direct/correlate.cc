#include "cc/kernels/direct/correlate.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/direct/correlate.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// What a kernel sums over: some rows of some images, of one input channel and one filter.
template <typename T>
struct Band {
  const T *x, *dy;
  int64_t images, x_image_size, dy_image_size;
  int64_t rows, x_cols, dy_cols;
};

// C_ij. Two sets of accumulators, for even and odd rows: one alone would wait for its own multiply-adds.
template <bool kShareRows, typename T>
HWY_INLINE void Corners(const Band<T>& band, const int32_t (&offset)[2][2], T (&corners)[2][2]) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const V zero = hn::Zero(d);
  V sum[2][2][2] = {{{zero, zero}, {zero, zero}}, {{zero, zero}, {zero, zero}}};
  for (int64_t image = 0; image < band.images; ++image) {
    for (int64_t col = 0; col < band.dy_cols; col += hn::Lanes(d)) {
      const T* HWY_RESTRICT x = band.x + image * band.x_image_size + col;
      const T* HWY_RESTRICT dy = band.dy + image * band.dy_image_size + col;
      V x00 = hn::LoadU(d, x + offset[0][0]), x01 = hn::LoadU(d, x + offset[0][1]);
      const auto add_row = [&](V(&s)[2][2]) HWY_ATTR {
        const V g = hn::LoadU(d, dy);
        if (!kShareRows) {
          x00 = hn::LoadU(d, x + offset[0][0]);
          x01 = hn::LoadU(d, x + offset[0][1]);
        }
        const V x10 = hn::LoadU(d, x + offset[1][0]), x11 = hn::LoadU(d, x + offset[1][1]);
        s[0][0] = hn::MulAdd(g, x00, s[0][0]);
        s[0][1] = hn::MulAdd(g, x01, s[0][1]);
        s[1][0] = hn::MulAdd(g, x10, s[1][0]);
        s[1][1] = hn::MulAdd(g, x11, s[1][1]);
        x00 = x10;
        x01 = x11;
        x += band.x_cols;
        dy += band.dy_cols;
      };
      int64_t row = 0;
      for (; row + 2 <= band.rows; row += 2) {
        add_row(sum[0]);
        add_row(sum[1]);
      }
      if (row < band.rows) add_row(sum[0]);
    }
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) corners[i][j] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum[0][i][j], sum[1][i][j])));
  }
}

// R_i of kSets sets of planes.
template <int kSets, bool kShareRows, typename T>
HWY_INLINE void Interpolated(const Band<T>& band, int64_t set_size, const int32_t (&offset)[2][2], T ratio,
                             T (&sums)[kSets][2]) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const V zero = hn::Zero(d), r = hn::Set(d, ratio);
  V sum[kSets][2];
  for (V(&s)[2] : sum) s[0] = s[1] = zero;
  const auto along_row = [&](const T* x, const int32_t (&columns)[2]) HWY_ATTR {
    return hn::MulAdd(hn::LoadU(d, x + columns[1]), r, hn::LoadU(d, x + columns[0]));
  };
  for (int64_t image = 0; image < band.images; ++image) {
    for (int64_t col = 0; col < band.dy_cols; col += hn::Lanes(d)) {
      const T* x = band.x + image * band.x_image_size + col;
      const T* dy = band.dy + image * band.dy_image_size + col;
      V upper[kSets];
      HWY_UNROLL(3)
      for (int set = 0; set < kSets; ++set) upper[set] = kShareRows ? along_row(x + set * set_size, offset[0]) : zero;
      for (int64_t row = 0; row < band.rows; ++row) {
        const V g = hn::LoadU(d, dy);
        HWY_UNROLL(3)
        for (int set = 0; set < kSets; ++set) {
          if (!kShareRows) upper[set] = along_row(x + set * set_size, offset[0]);
          const V lower = along_row(x + set * set_size, offset[1]);
          sum[set][0] = hn::MulAdd(g, upper[set], sum[set][0]);
          sum[set][1] = hn::MulAdd(g, lower, sum[set][1]);
          upper[set] = lower;
        }
        x += band.x_cols;
        dy += band.dy_cols;
      }
    }
  }
  for (int set = 0; set < kSets; ++set) {
    for (int i = 0; i < 2; ++i) sums[set][i] = hn::GetLane(hn::SumOfLanes(d, sum[set][i]));
  }
}

template <bool kShareRows, typename T>
HWY_INLINE void AddExact(const Band<T>& band, const CorrelateUnit<T>& unit, UnitSums& sums) {
  T c[2][2];
  Corners<kShareRows>(band, unit.offset, c);
  const double v = unit.fraction_v, h = unit.column;
  sums.weight += (1 - v) * ((1 - h) * c[0][0] + h * c[0][1]) + v * ((1 - h) * c[1][0] + h * c[1][1]);
  sums.displacement_v += (1 - h) * (c[1][0] - c[0][0]) + h * (c[1][1] - c[0][1]);
  sums.displacement_h += (1 - v) * (c[0][1] - c[0][0]) + v * (c[1][1] - c[1][0]);
}

template <int kSets, bool kShareRows, typename T>
HWY_INLINE void AddInterpolated(const Band<T>& band, int64_t set_size, const CorrelateUnit<T>& unit, UnitSums& sums) {
  T r[kSets][2];
  Interpolated<kSets, kShareRows>(band, set_size, unit.offset, unit.column, r);
  const double v = unit.fraction_v, heavier = 1 / (1 + static_cast<double>(unit.column));
  double* const targets[] = {&sums.weight, &sums.displacement_v, &sums.displacement_h};
  for (int set = 0; set < kSets; ++set) *targets[set] += heavier * ((1 - v) * r[set][0] + v * r[set][1]);
}

template <bool kShareRows, typename T>
void CorrelateItem(const CorrelateJob<T>& job, int64_t item) {
  const int64_t filter_blocks = (job.filters + job.filter_block - 1) / job.filter_block;
  const int64_t s_begin = item / filter_blocks * job.channel_block;
  const int64_t s_end = std::min(job.channels, s_begin + job.channel_block);
  const int64_t f_begin = item % filter_blocks * job.filter_block;
  const int64_t f_end = std::min(job.filters, f_begin + job.filter_block);
  const int64_t dy_size = job.rows * job.dy_cols;
  Band<T> band{nullptr, nullptr,    0,          job.channels * job.x_channel_size, job.filters * dy_size,
               0,       job.x_cols, job.dy_cols};
  const int64_t set_size = job.images * band.x_image_size;
  for (int64_t image = 0; image < job.images; image += job.band_images) {
    band.images = std::min(job.band_images, job.images - image);
    for (int64_t row = 0; row < job.rows; row += job.band_rows) {
      band.rows = std::min(job.band_rows, job.rows - row);
      for (int64_t s = s_begin; s < s_end; ++s) {
        band.x = job.x + image * band.x_image_size + s * job.x_channel_size + row * job.x_cols;
        for (int64_t f = f_begin; f < f_end; ++f) {
          band.dy = job.dy + image * band.dy_image_size + f * dy_size + row * job.dy_cols;
          for (int64_t k = 0; k < job.units_per_pair; ++k) {
            const int64_t i = (s * job.filters + f) * job.units_per_pair + k;
            const CorrelateUnit<T>& unit = job.units[i];
            if (unit.offset[0][0] < 0) continue;
            if (job.corners) {
              AddExact<kShareRows>(band, unit, job.sums[i]);
            } else if (job.sets == 1) {
              AddInterpolated<1, kShareRows>(band, set_size, unit, job.sums[i]);
            } else {
              AddInterpolated<3, kShareRows>(band, set_size, unit, job.sums[i]);
            }
          }
        }
      }
    }
  }
}

template <typename T>
void CorrelateAny(const CorrelateJob<T>& job, int64_t item) {
  if (job.share_rows) {
    CorrelateItem<true>(job, item);
  } else {
    CorrelateItem<false>(job, item);
  }
}

void CorrelateF32(const CorrelateJob<float>& job, int64_t item) { CorrelateAny(job, item); }
void CorrelateF64(const CorrelateJob<double>& job, int64_t item) { CorrelateAny(job, item); }
int64_t LanesF32() { return hn::Lanes(hn::ScalableTag<float>()); }
int64_t LanesF64() { return hn::Lanes(hn::ScalableTag<double>()); }

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::direct {
HWY_EXPORT(CorrelateF32);
HWY_EXPORT(CorrelateF64);
HWY_EXPORT(LanesF32);
HWY_EXPORT(LanesF64);

template <>
void Correlate(const CorrelateJob<float>& job, int64_t item) {
  HWY_DYNAMIC_DISPATCH(CorrelateF32)(job, item);
}
template <>
void Correlate(const CorrelateJob<double>& job, int64_t item) {
  HWY_DYNAMIC_DISPATCH(CorrelateF64)(job, item);
}
template <>
int64_t CorrelateLanes<float>() {
  return HWY_DYNAMIC_DISPATCH(LanesF32)();
}
template <>
int64_t CorrelateLanes<double>() {
  return HWY_DYNAMIC_DISPATCH(LanesF64)();
}

}  // namespace dau::direct
#endif  // HWY_ONCE
