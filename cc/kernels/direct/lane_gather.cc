#include "cc/kernels/direct/lane_gather.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/direct/lane_gather.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/direct/pin-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Half of the registers hold sums, the rest the unit and a row.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kRows = 8;
#else
constexpr int kRows = 4;
#endif
constexpr int kCols = kWindowCols;

template <class D, class V, typename T = hn::TFromD<D>>
HWY_INLINE void AddUnit(D d, const GatherUnit<T>& unit, const T* HWY_RESTRICT in, int64_t in_stride,
                        V (&sum)[kRows][kCols]) {
  const V ratio = hn::Set(d, unit.ratio), q0 = hn::Set(d, unit.q0), q1 = hn::Set(d, unit.q1);
  const T* HWY_RESTRICT p = in + unit.a * static_cast<int64_t>(hn::Lanes(d));
  HWY_UNROLL(9)
  for (int row = 0; row <= kRows; ++row, p += in_stride) {
    V left = Pin(hn::LoadU(d, p));
    HWY_UNROLL(2)
    for (int col = 0; col < kCols; ++col) {
      const V right = Pin(hn::LoadU(d, p + (col + 1) * hn::Lanes(d)));
      const V t = hn::MulAdd(right, ratio, left);
      if (row > 0) sum[row - 1][col] = hn::MulAdd(t, q1, sum[row - 1][col]);
      if (row < kRows) sum[row][col] = hn::MulAdd(t, q0, sum[row][col]);
      left = right;
    }
  }
}

template <typename T>
void GatherWindow(const LaneGatherJob<T>& job, int64_t item) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const TileGrid& grid = job.grid;
  const int64_t windows = grid.windows_v() * grid.windows_h(), lanes = hn::Lanes(d);
  const int64_t window = item % windows, part = item / windows % CeilDiv(job.outputs, job.outputs_per_item);
  const int64_t group = item / windows / CeilDiv(job.outputs, job.outputs_per_item);
  const int64_t in_stride = grid.in_cols() * lanes;
  const T* in = job.in + group * job.in_channels * grid.in_size() + window / grid.windows_h() * kRows * in_stride +
                window % grid.windows_h() * kCols * lanes;
  T* const out = job.out + (group * windows + window) * job.stored_outputs * grid.window_size();
  const int64_t o_begin = part * job.outputs_per_item, o_end = std::min(job.outputs, o_begin + job.outputs_per_item);
  for (int64_t block = 0; block < job.blocks; ++block, in += job.block * grid.in_size()) {
    for (int64_t o = o_begin; o < o_end; ++o) {
      T* HWY_RESTRICT sums = out + o * kRows * kCols * lanes;
      V sum[kRows][kCols];
      HWY_UNROLL(8)
      for (int row = 0; row < kRows; ++row) {
        HWY_UNROLL(2)
        for (int col = 0; col < kCols; ++col) {
          sum[row][col] = block == 0 ? hn::Zero(d) : hn::LoadU(d, sums + (row * kCols + col) * lanes);
        }
      }
      const UnitList& list = job.lists[block * job.outputs + o];
      for (const GatherUnit<T>* unit = job.units + list.begin; unit != job.units + list.end; ++unit) {
        AddUnit(d, *unit, in, in_stride, sum);
      }
      HWY_UNROLL(8)
      for (int row = 0; row < kRows; ++row) {
        HWY_UNROLL(2)
        for (int col = 0; col < kCols; ++col) hn::StoreU(sum[row][col], d, sums + (row * kCols + col) * lanes);
      }
    }
  }
}

void GatherF32(const LaneGatherJob<float>& job, int64_t item) { GatherWindow(job, item); }
void GatherF64(const LaneGatherJob<double>& job, int64_t item) { GatherWindow(job, item); }
LaneWindow WindowF32() { return {static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>())), kRows}; }
LaneWindow WindowF64() { return {static_cast<int64_t>(hn::Lanes(hn::ScalableTag<double>())), kRows}; }

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::direct {
HWY_EXPORT(GatherF32);
HWY_EXPORT(GatherF64);
HWY_EXPORT(WindowF32);
HWY_EXPORT(WindowF64);

template <>
void LaneGather(const LaneGatherJob<float>& job, int64_t item) {
  HWY_DYNAMIC_DISPATCH(GatherF32)(job, item);
}
template <>
void LaneGather(const LaneGatherJob<double>& job, int64_t item) {
  HWY_DYNAMIC_DISPATCH(GatherF64)(job, item);
}
template <>
LaneWindow GetLaneWindow<float>() {
  return HWY_DYNAMIC_DISPATCH(WindowF32)();
}
template <>
LaneWindow GetLaneWindow<double>() {
  return HWY_DYNAMIC_DISPATCH(WindowF64)();
}

}  // namespace dau::direct
#endif  // HWY_ONCE
