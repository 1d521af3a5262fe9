// The correlation spectrum of one frequency: what both forms of the gradients share. For each instruction set.
#if defined(DAU_CC_KERNELS_SPECTRAL_CORRELATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_CORRELATE_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_CORRELATE_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_CORRELATE_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "cc/kernels/base/prefetch.h"
#include "cc/kernels/spectral/correlate.h"
#include "cc/kernels/spectral/product-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// C of kInputs input channels at one frequency: the sums over the tiles.
template <int kVectors, class D, typename T = hn::TFromD<D>>
HWY_INLINE void CorrelateTiles(D d, const T* dy, const T* x, int64_t tile_count, hn::Vec<D> (&re)[kInputs][kVectors],
                               hn::Vec<D> (&im)[kInputs][kVectors]) {
  Sums<kVectors, kInputs, hn::Vec<D>> sums;
  Clear(d, sums);
  MultiplyAdd<kVectors, kInputs, 3 * kBlock, 1, kBlock>(d, dy, FilterBlock<T>(), x, tile_count, sums);
  HWY_UNROLL(4)
  for (int c = 0; c < kInputs; ++c) {
    HWY_UNROLL(2)
    for (int j = 0; j < kVectors; ++j) {
      re[c][j] = hn::Sub(sums.part[c][0][j], sums.part[c][1][j]);
      im[c][j] = hn::Add(sums.part[c][0][j], sums.part[c][2][j]);
    }
  }
}

// sums[input][S_re, S_im, D_re, D_im][FilterBlock] for kVectors vectors of filters: of C at u and at −u the sum S and
// the difference D. x_minus is null where −u is another frequency's conjugate; C times `share` stands for both then.
template <int kVectors, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void MakeSums(D d, const T* dy, const T* dy_minus, const T* x, const T* x_minus, int64_t tile_count,
                           T share, T* pair, T* sums) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t lanes = hn::Lanes(d);
  V re[kInputs][kVectors], im[kInputs][kVectors];
  CorrelateTiles<kVectors>(d, dy, x, tile_count, re, im);
  if (x_minus == nullptr) {
    const V scale = hn::Set(d, share);
    HWY_UNROLL(4)
    for (int c = 0; c < kInputs; ++c) {
      HWY_UNROLL(2)
      for (int j = 0; j < kVectors; ++j) {
        T* const to = sums + 4 * c * kLanes + j * lanes;
        const V scaled_re = hn::Mul(re[c][j], scale), scaled_im = hn::Mul(im[c][j], scale);
        hn::Store(scaled_re, d, to);
        hn::Store(scaled_im, d, to + kLanes);
        hn::Store(scaled_re, d, to + 2 * kLanes);
        hn::Store(scaled_im, d, to + 3 * kLanes);
      }
    }
    return;
  }
  HWY_UNROLL(4)
  for (int c = 0; c < kInputs; ++c) {
    HWY_UNROLL(2)
    for (int j = 0; j < kVectors; ++j) {
      hn::Store(re[c][j], d, pair + 2 * c * kLanes + j * lanes);
      hn::Store(im[c][j], d, pair + (2 * c + 1) * kLanes + j * lanes);
    }
  }
  CorrelateTiles<kVectors>(d, dy_minus, x_minus, tile_count, re, im);
  HWY_UNROLL(4)
  for (int c = 0; c < kInputs; ++c) {
    HWY_UNROLL(2)
    for (int j = 0; j < kVectors; ++j) {
      T* const to = sums + 4 * c * kLanes + j * lanes;
      const V p_re = hn::Load(d, pair + 2 * c * kLanes + j * lanes);
      const V p_im = hn::Load(d, pair + (2 * c + 1) * kLanes + j * lanes);
      hn::Store(hn::Add(p_re, re[c][j]), d, to);
      hn::Store(hn::Add(p_im, im[c][j]), d, to + kLanes);
      hn::Store(hn::Sub(p_re, re[c][j]), d, to + 2 * kLanes);
      hn::Store(hn::Sub(p_im, im[c][j]), d, to + 3 * kLanes);
    }
  }
}

// Where an item's correlations stand.
struct CorrelatePlace {
  int64_t group, in_begin, in_count, lanes_used;
};

// The sums of all lanes at (±u, v), of the kInputs channels from `in` of the place on.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void SumsOfFrequency(D d, const CorrelateJob<T>& job, const CorrelatePlace& at, int64_t u, int64_t v,
                                int64_t in, T* pair, T* sums) {
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t lanes = hn::Lanes(d), channel = at.in_begin + in;
  const bool edge = job.tiling.edge(v), middle = u > 0 && u < job.tiling.v.length / 2;
  const int64_t slot = job.tiling.first_slot(v) + job.tiling.slot_of(u, edge);
  // The four frequencies that are their own conjugates count once, all others twice.
  const T share = edge && !middle ? T(0.5) : T{1};
  const T* x = job.x + slot * job.x_slot_size() + channel / kBlock * job.tile_count * 3 * kBlock + channel % kBlock;
  const T* x_minus = middle && !edge ? x + job.x_slot_size() : nullptr;
  const T* dy = job.dy + slot * job.dy_slot_size() + at.group * job.tile_count * 2 * kLanes;
  const T* dy_minus = dy + job.dy_slot_size();
  int64_t lane = 0;
  for (; lane + kWide * lanes <= at.lanes_used; lane += kWide * lanes) {
    MakeSums<kWide>(d, dy + lane, dy_minus + lane, x, x_minus, job.tile_count, share, pair + lane, sums + lane);
  }
  if (lane < at.lanes_used) {
    MakeSums<1>(d, dy + lane, dy_minus + lane, x, x_minus, job.tile_count, share, pair + lane, sums + lane);
  }
}

// The same at neighbouring v, one behind the other.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void SumsOfFrequencies(D d, const CorrelateJob<T>& job, const CorrelatePlace& at, int64_t u, int64_t v_begin,
                                  int64_t count, int64_t in, T* pair, T* sums) {
  constexpr int64_t kSize = kInputs * 4 * FilterBlock<T>();
  for (int64_t i = 0; i < count; ++i) SumsOfFrequency(d, job, at, u, v_begin + i, in, pair, sums + i * kSize);
}

// What SumsOfFrequency will read at (±u, v), for all channels of the place.
template <typename T>
HWY_INLINE void PrefetchSpectra(const CorrelateJob<T>& job, const CorrelatePlace& at, int64_t u, int64_t v) {
  const bool edge = job.tiling.edge(v), middle = u > 0 && u < job.tiling.v.length / 2;
  const int64_t slot = job.tiling.first_slot(v) + job.tiling.slot_of(u, edge);
  for (int sign = 0; sign < (middle && !edge ? 2 : 1); ++sign) {
    PrefetchToL2(job.x + (slot + sign) * job.x_slot_size() + at.in_begin * job.tile_count * 3,
                 at.in_count * job.tile_count * 3);
    PrefetchToL2(job.dy + (slot + sign) * job.dy_slot_size() + at.group * job.tile_count * 2 * FilterBlock<T>(),
                 job.tile_count * 2 * FilterBlock<T>());
  }
}

template <typename T>
HWY_INLINE void PrefetchSpectra(const CorrelateJob<T>& job, const CorrelatePlace& at, int64_t u, int64_t v_begin,
                                int64_t count) {
  for (int64_t v = v_begin; v < std::min(v_begin + count, job.tiling.h.half()); ++v) PrefetchSpectra(job, at, u, v);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_CORRELATE_INL_H_
