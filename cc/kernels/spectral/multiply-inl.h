// The products of one frequency over all tiles: what both forms of the product share. For each instruction set.
#if defined(DAU_CC_KERNELS_SPECTRAL_MULTIPLY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_SPECTRAL_MULTIPLY_INL_H_
#undef DAU_CC_KERNELS_SPECTRAL_MULTIPLY_INL_H_
#else
#define DAU_CC_KERNELS_SPECTRAL_MULTIPLY_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "cc/kernels/base/prefetch.h"
#include "cc/kernels/spectral/product-inl.h"
#include "cc/kernels/spectral/product.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

// Where the sums of one frequency come from and go to: those of an input channel group that takes several pieces wait
// in memory between them.
struct Step {
  bool first_piece, last_piece;  // start at 0, end in y
  bool first_group;              // y is written; else added to
  bool mirror;                   // y(−u) is the conjugate of y(u)
  int64_t u, v;
};

template <int kVectors, int kValues, class D, typename T = hn::TFromD<D>>
HWY_NOINLINE void MultiplyTiles(D d, const ProductJob<T>& job, const Step& step, const T* kernel, const T* x,
                                int64_t count, int64_t tile, int64_t lane, int64_t out, T* sums_memory) {
  using V = hn::Vec<D>;
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t lanes = hn::Lanes(d);
  T* const memory = sums_memory + tile * 3 * kLanes + lane;
  Sums<kVectors, kValues, V> sums;
  if (step.first_piece) {
    Clear(d, sums);
  } else {
    HWY_UNROLL(8)
    for (int c = 0; c < kValues; ++c) {
      HWY_UNROLL(3)
      for (int part = 0; part < 3; ++part) {
        HWY_UNROLL(2)
        for (int j = 0; j < kVectors; ++j) {
          sums.part[c][part][j] = hn::Load(d, memory + (c * 3 + part) * kLanes + j * lanes);
        }
      }
    }
  }
  const int64_t column = job.tiling.v.length, plane = job.tiling.h.half() * column;
  const auto target = [&](int c, int64_t channel) HWY_ATTR {
    return job.y + (tile + c) * job.y_tile_size() + channel / kBlock * plane * 2 * kBlock +
           step.v * column * 2 * kBlock + channel % kBlock;
  };
  if (step.last_piece) {
    // The sums go to lines far apart: owned by the time that they are written.
    for (int c = 0; c < kValues; ++c) {
      for (int64_t channel = out + lane; channel < out + lane + kVectors * lanes; channel += lanes) {
        if (channel >= job.out_blocks() * kBlock) continue;
        const T* to = target(c, channel) + step.u * 2 * kBlock;
        PrefetchToWrite(to);
        PrefetchToWrite(to + kBlock);
      }
    }
  }
  const T* values = x + tile * 3 * kBlock;
  for (int64_t in = 0; in < count; in += kBlock, values += job.tile_count * 3 * kBlock) {
    // The next block's lines, from L2: they lie too far apart for the hardware to guess.
    HWY_UNROLL(24)
    for (int line = 0; line < kValues * 3 * kBlock; line += 64 / sizeof(T)) {
      hwy::Prefetch(values + job.tile_count * 3 * kBlock + line);
    }
    MultiplyAdd<kVectors, kValues, 1, 3 * kBlock, kBlock>(d, kernel + in * 2 * kLanes + lane, kLanes, values,
                                                          std::min(kBlock, count - in), sums);
  }
  if (!step.last_piece) {
    HWY_UNROLL(8)
    for (int c = 0; c < kValues; ++c) {
      HWY_UNROLL(3)
      for (int part = 0; part < 3; ++part) {
        HWY_UNROLL(2)
        for (int j = 0; j < kVectors; ++j) {
          hn::Store(sums.part[c][part][j], d, memory + (c * 3 + part) * kLanes + j * lanes);
        }
      }
    }
    return;
  }
  HWY_UNROLL(8)
  for (int c = 0; c < kValues; ++c) {
    HWY_UNROLL(2)
    for (int j = 0; j < kVectors; ++j) {
      const int64_t channel = out + lane + j * lanes;
      if (channel >= job.out_blocks() * kBlock) continue;
      T* const base = target(c, channel);
      T* const to = base + step.u * 2 * kBlock;
      V re = hn::Sub(sums.part[c][0][j], sums.part[c][1][j]), im = hn::Add(sums.part[c][0][j], sums.part[c][2][j]);
      if (!step.first_group) {
        re = hn::Add(re, hn::Load(d, to));
        im = hn::Add(im, hn::Load(d, to + kBlock));
      }
      hn::Store(re, d, to);
      hn::Store(im, d, to + kBlock);
      if (step.mirror) {
        T* const conjugate = base + (column - step.u) * 2 * kBlock;
        hn::Store(re, d, conjugate);
        hn::Store(hn::Neg(im), d, conjugate + kBlock);
      }
    }
  }
}

template <int kVectors, class D, typename T = hn::TFromD<D>>
HWY_INLINE void MultiplyAllTiles(D d, const ProductJob<T>& job, const Step& step, const T* kernel, const T* x,
                                 int64_t count, int64_t lane, int64_t out, T* sums) {
  int64_t tile = 0;
  for (; tile + kColumns <= job.tile_count; tile += kColumns) {
    MultiplyTiles<kVectors, kColumns>(d, job, step, kernel, x, count, tile, lane, out, sums);
  }
  if (tile + 2 <= job.tile_count) {
    MultiplyTiles<kVectors, 2>(d, job, step, kernel, x, count, tile, lane, out, sums);
    tile += 2;
  }
  if (tile < job.tile_count) MultiplyTiles<kVectors, 1>(d, job, step, kernel, x, count, tile, lane, out, sums);
}

// The same for all vectors of a block of filters, of which lanes_used are wanted.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void MultiplyAllLanes(D d, const ProductJob<T>& job, const Step& step, const T* kernel, const T* x,
                                 int64_t count, int64_t lanes_used, int64_t out, T* sums) {
  const int64_t lanes = hn::Lanes(d);
  int64_t lane = 0;
  for (; lane + kWide * lanes <= lanes_used; lane += kWide * lanes) {
    MultiplyAllTiles<kWide>(d, job, step, kernel, x, count, lane, out, sums);
  }
  if (lane < lanes_used) MultiplyAllTiles<1>(d, job, step, kernel, x, count, lane, out, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_SPECTRAL_MULTIPLY_INL_H_
