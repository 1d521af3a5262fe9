#include "cc/kernels/spectral/transform.h"

#include <algorithm>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/base/prefetch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/spectral/transform.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/spectral/fft-inl.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::spectral {
namespace HWY_NAMESPACE {

template <class D>
using LanesOf = Complex<hn::Vec<D>>;

// One vector of channels of a pixel: all lanes, next to each other, or `count` of them `step` elements apart.
template <class D>
struct Channels {
  using T = hn::TFromD<D>;
  int64_t count, step;
  bool whole;

  Channels(D d, int64_t channels, int64_t step)
      : count(std::min<int64_t>(hn::Lanes(d), channels)),
        step(step),
        whole(step == 1 && count == static_cast<int64_t>(hn::Lanes(d))) {}
  // Zeros in the other lanes.
  HWY_INLINE hn::Vec<D> Load(D d, const T* from) const {
    if (HWY_LIKELY(whole)) return hn::LoadU(d, from);
    HWY_ALIGN T lanes[kBlock] = {};
    for (int64_t i = 0; i < count; ++i) lanes[i] = from[i * step];
    return hn::Load(d, lanes);
  }
  HWY_INLINE void Store(D d, hn::Vec<D> v, T* to) const {
    if (HWY_LIKELY(whole)) return hn::StoreU(v, d, to);
    HWY_ALIGN T lanes[kBlock] = {};
    hn::Store(v, d, lanes);
    for (int64_t i = 0; i < count; ++i) to[i * step] = lanes[i];
  }
};

// The pieces of a slot's scratch memory.
template <class D, typename T = hn::TFromD<D>>
struct Scratch {
  T *tile, *line, *fft;
  int64_t *place, *slot;
  // Elements from one column of a tile to the next. One vector is left empty: columns a multiple of 1 KiB apart would
  // share a few of the L1 cache's sets.
  int64_t column_size;

  Scratch(D d, const Tiling& tiling, T* memory) {
    const int64_t lanes = hn::Lanes(d), longest = std::max(tiling.v.length, tiling.h.length);
    column_size = (2 * tiling.v.length + 1) * lanes;
    tile = memory;
    line = tile + tiling.h.half() * column_size;
    fft = line + 2 * longest * lanes;
    place = reinterpret_cast<int64_t*>(fft + 4 * longest * lanes);
    slot = place + longest;
  }
  static int64_t Size(D d, const Tiling& tiling) {
    const int64_t lanes = hn::Lanes(d), longest = std::max(tiling.v.length, tiling.h.length);
    const int64_t samples = tiling.h.half() * (tiling.v.length + 1) + 3 * longest;
    return RoundUp(2 * lanes * samples + 2 * longest * static_cast<int64_t>(sizeof(int64_t) / sizeof(T)), 16);
  }
};

struct Item {
  int64_t tile, first_channel;  // tile: in the chunk
  int64_t image, tile_v, tile_h;
};
template <typename T>
Item Locate(const SpectraJob<T>& job, int64_t item, int64_t channels, int64_t lanes) {
  const int64_t vectors = CeilDiv(channels, lanes);
  const int64_t tile = item / vectors, all = job.first_tile + tile, per_image = job.tiling.tiles();
  const int64_t in_image = all % per_image;
  return {tile, item % vectors * lanes, all / per_image, in_image / job.tiling.h.tiles, in_image % job.tiling.h.tiles};
}

template <typename T>
void ToSpectraItem(const ToSpectraJob<T>& job, int64_t item, T* memory) {
  const hn::ScalableTag<T, 0> d;
  using D = decltype(d);
  using V = hn::Vec<D>;
  const int64_t lanes = hn::Lanes(d);
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  const Item at = Locate(job, item, job.source.channels, lanes);
  const Scratch<D> scratch(d, job.tiling, memory);
  const Channels<D> channels(d, job.source.channels - at.first_channel, job.source.channel);
  const T* image = job.source.data + at.image * job.source.image + at.first_channel * job.source.channel;

  // Inputs of the tile, as multiples of in_step.
  const auto first = [&](const Axis& axis, int64_t t) {
    return CeilDiv(job.own_outputs_only ? t * axis.outputs : axis.InFirst(t), axis.in_step);
  };
  const auto end = [&](const Axis& axis, int64_t t) {
    const int64_t last =
        job.own_outputs_only ? std::min(axis.in_extent, t * axis.outputs + axis.outputs) : axis.InEnd(t);
    return CeilDiv(std::max<int64_t>(0, last), axis.in_step);
  };
  const auto place = [&](const Axis& axis, int64_t t, int64_t stored) {
    const int64_t centre = job.own_outputs_only ? 0 : axis.centre;
    return FloorMod(stored * axis.in_step - centre - t * axis.outputs, axis.length);
  };

  const int64_t col_first = first(ah, at.tile_h), col_end = end(ah, at.tile_h);
  std::fill_n(scratch.place, ah.length, -1);
  for (int64_t col = col_first; col < col_end; ++col) scratch.place[place(ah, at.tile_h, col)] = col * job.source.pixel;

  // Rows, two at a time, into the tile: [freq_h][row][Re, Im][lane].
  const int64_t row_first = first(av, at.tile_v), row_end = std::max(row_first, end(av, at.tile_v));
  const int64_t column_size = scratch.column_size;
  if (row_end - row_first < av.length) {
    // What the rows do not fill is 0.
    for (int64_t freq = 0; freq < ah.half(); ++freq) {
      T* column = scratch.tile + freq * column_size;
      if (av.in_step == 1) {
        int64_t row = place(av, at.tile_v, row_end);
        for (int64_t i = row_end - row_first; i < av.length; ++i) {
          hn::Store(hn::Zero(d), d, column + row * 2 * lanes);
          hn::Store(hn::Zero(d), d, column + row * 2 * lanes + lanes);
          if (++row == av.length) row = 0;
        }
      } else {
        std::fill_n(column, column_size, T{0});
      }
    }
  }
  for (int64_t row = row_first; row < row_end; row += 2) {
    const bool pair = row + 1 < row_end;
    const int64_t line_size = job.source.width * job.source.pixel;
    const T* a = image + row * line_size;
    const T* b = pair ? a + line_size : a;
    if (row + 2 < row_end) {
      // The next rows: pixels of a vector of channels lie too far apart for the hardware to guess.
      const T* next = a + 2 * line_size;
      for (int64_t col = col_first; col < col_end; ++col) {
        hwy::Prefetch(next + col * job.source.pixel);
        hwy::Prefetch(next + line_size + col * job.source.pixel);
      }
    }
    const auto load = [d, a, b, channels, place = scratch.place](int64_t i) HWY_ATTR -> Complex<V> {
      const int64_t offset = place[i];
      if (offset < 0) return {hn::Zero(d), hn::Zero(d)};
      return {channels.Load(d, a + offset), channels.Load(d, b + offset)};
    };
    const Samples<D> line{d, scratch.line};
    Transform(d, job.fft_h, scratch.fft, load, line);
    T* to_a = scratch.tile + place(av, at.tile_v, row) * 2 * lanes;
    T* to_b = pair ? scratch.tile + place(av, at.tile_v, row + 1) * 2 * lanes : nullptr;
    for (int64_t freq = 0; freq < ah.half(); ++freq) {
      const Complex<V> z = line(freq), w = line(freq == 0 ? 0 : ah.length - freq);
      const V gain = hn::Set(d, job.gain_h[freq] * T(0.5));
      hn::Store(hn::Mul(gain, hn::Add(z.re, w.re)), d, to_a + freq * column_size);
      hn::Store(hn::Mul(gain, hn::Sub(z.im, w.im)), d, to_a + freq * column_size + lanes);
      if (!pair) continue;
      hn::Store(hn::Mul(gain, hn::Add(z.im, w.im)), d, to_b + freq * column_size);
      hn::Store(hn::Mul(gain, hn::Sub(w.re, z.re)), d, to_b + freq * column_size + lanes);
    }
  }

  // Columns, out as three numbers or two.
  T* out = job.out + at.first_channel / job.wide * job.tile_count * job.tile_size + at.first_channel % job.wide +
           at.tile * job.tile_size;
  for (int64_t freq = 0; freq < ah.half(); ++freq) {
    const bool edge = job.tiling.edge(freq);
    if (freq <= 1 || edge) {
      for (int64_t u = 0; u < av.length; ++u) {
        const int64_t slot = job.tiling.slot_of(u, edge);
        scratch.slot[u] = slot < 0 ? -1 : slot * job.slot_size;
      }
    }
    T* slots = out + job.tiling.first_slot(freq) * job.slot_size;
    if (freq + 1 < ah.half() && !job.tiling.edge(freq + 1)) {
      // The next column's lines, a slot apart each.
      const int64_t parts = job.conjugate_kernel ? 2 : 3;
      const T* next = out + job.tiling.first_slot(freq + 1) * job.slot_size;
      for (int64_t i = 0; i < av.length; ++i) {
        for (int64_t part = 0; part < parts; ++part) PrefetchToWrite(next + i * job.slot_size + part * job.part_size);
      }
    }
    const Samples<D> column{d, scratch.tile + freq * column_size};
    const auto store = [d, slots, slot = scratch.slot, gains = job.gain_v, length = av.length, part = job.part_size,
                        kernel = job.conjugate_kernel](int64_t u, const Complex<V>& z) HWY_ATTR {
      const int64_t offset = slot[u];
      if (offset < 0) return;
      T* to = slots + offset;
      const V gain = hn::Set(d, gains[std::min(u, length - u)]);
      const V re = hn::Mul(z.re, gain), im = hn::Mul(z.im, gain);
      if (kernel) {
        hn::Store(re, d, to);
        hn::Store(hn::Neg(im), d, to + part);
      } else {
        hn::Store(hn::Add(re, im), d, to);
        hn::Store(im, d, to + part);
        hn::Store(re, d, to + 2 * part);
      }
    };
    Transform(d, job.fft_v, scratch.fft, column, store);
  }
}

template <typename T>
void FromSpectraItem(const FromSpectraJob<T>& job, int64_t item, T* memory) {
  const hn::ScalableTag<T, 0> d;
  using D = decltype(d);
  using V = hn::Vec<D>;
  const int64_t lanes = hn::Lanes(d);
  const Axis &av = job.tiling.v, &ah = job.tiling.h;
  const Item at = Locate(job, item, job.target.channels, lanes);
  const Scratch<D> scratch(d, job.tiling, memory);
  const int64_t blocks = CeilDiv(job.target.channels, kBlock);
  const T* in = job.in + (at.tile * blocks + at.first_channel / kBlock) * ah.half() * av.length * 2 * kBlock +
                at.first_channel % kBlock;
  const Channels<D> channels(d, job.target.channels - at.first_channel, job.target.channel);
  const int64_t top = at.tile_v * av.outputs, left = at.tile_h * ah.outputs;
  const int64_t rows = av.OutCount(at.tile_v), cols = ah.OutCount(at.tile_h);

  // Columns back: rows of [freq_h][Re, Im][lane], the wanted ones only.
  const int64_t row_size = ah.half() * 2 * lanes;
  for (int64_t freq = 0; freq < ah.half(); ++freq) {
    const T* column = in + freq * av.length * 2 * kBlock;
    if (freq + 1 < ah.half()) PrefetchToL2(column + av.length * 2 * kBlock, av.length * 2 * kBlock);
    const auto load = [d, column](int64_t u) HWY_ATTR -> Complex<V> {
      const T* z = column + u * 2 * kBlock;
      return {hn::Load(d, z + kBlock), hn::Load(d, z)};
    };
    T* const first = scratch.tile + freq * 2 * lanes;
    const auto store = [d, first, rows, row_size, lanes](int64_t row, const Complex<V>& z) HWY_ATTR {
      if (row >= rows) return;
      T* to = first + row * row_size;
      hn::Store(z.im, d, to);
      hn::Store(z.re, d, to + lanes);
    };
    Transform(d, job.fft_v, scratch.fft, load, store);
  }

  for (int64_t i = 0; i < ah.length; ++i) {
    scratch.place[i] = i < cols && (left + i) % ah.out_step == 0 ? (left + i) / ah.out_step * job.target.pixel : -1;
  }
  T* image = job.target.data + at.image * job.target.image + at.first_channel * job.target.channel;
  const int64_t line_size = job.target.width * job.target.pixel;
  int64_t row = FloorMod(-top, av.out_step);
  while (row < rows) {
    const int64_t next = row + av.out_step;
    const bool pair = next < rows;
    const Samples<D> a{d, scratch.tile + row * row_size}, b{d, scratch.tile + (pair ? next : row) * row_size};
    // Z = A + i·B of the whole circle, Re and Im swapped.
    const auto load = [a, b, half = ah.half(), length = ah.length](int64_t i) HWY_ATTR -> Complex<V> {
      if (i < half) {
        const Complex<V> p = a(i), q = b(i);
        return {hn::Add(p.im, q.re), hn::Sub(p.re, q.im)};
      }
      const Complex<V> p = a(length - i), q = b(length - i);
      return {hn::Sub(q.re, p.im), hn::Add(p.re, q.im)};
    };
    T* to_a = image + (top + row) / av.out_step * line_size;
    T* to_b = to_a + line_size;
    const auto store = [d, to_a, to_b, pair, channels, place = scratch.place](int64_t i, const Complex<V>& z) HWY_ATTR {
      const int64_t offset = place[i];
      if (offset < 0) return;
      channels.Store(d, z.im, to_a + offset);
      if (pair) channels.Store(d, z.re, to_b + offset);
    };
    Transform(d, job.fft_h, scratch.fft, load, store);
    row = next + av.out_step;
  }
}

void ToSpectraF32(const ToSpectraJob<float>& job, int64_t item, float* scratch) { ToSpectraItem(job, item, scratch); }
void ToSpectraF64(const ToSpectraJob<double>& job, int64_t item, double* scratch) { ToSpectraItem(job, item, scratch); }
void FromSpectraF32(const FromSpectraJob<float>& job, int64_t item, float* scratch) {
  FromSpectraItem(job, item, scratch);
}
void FromSpectraF64(const FromSpectraJob<double>& job, int64_t item, double* scratch) {
  FromSpectraItem(job, item, scratch);
}
int64_t LanesF32() { return hn::Lanes(hn::ScalableTag<float>()); }
int64_t LanesF64() { return hn::Lanes(hn::ScalableTag<double>()); }
int64_t ScratchF32(const Tiling& tiling) {
  const hn::ScalableTag<float> d;
  return Scratch<decltype(d)>::Size(d, tiling);
}
int64_t ScratchF64(const Tiling& tiling) {
  const hn::ScalableTag<double> d;
  return Scratch<decltype(d)>::Size(d, tiling);
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::spectral
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::spectral {
HWY_EXPORT(ToSpectraF32);
HWY_EXPORT(ToSpectraF64);
HWY_EXPORT(FromSpectraF32);
HWY_EXPORT(FromSpectraF64);
HWY_EXPORT(LanesF32);
HWY_EXPORT(LanesF64);
HWY_EXPORT(ScratchF32);
HWY_EXPORT(ScratchF64);

template <>
void ToSpectra(const ToSpectraJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(ToSpectraF32)(job, item, scratch);
}
template <>
void ToSpectra(const ToSpectraJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(ToSpectraF64)(job, item, scratch);
}
template <>
void FromSpectra(const FromSpectraJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(FromSpectraF32)(job, item, scratch);
}
template <>
void FromSpectra(const FromSpectraJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(FromSpectraF64)(job, item, scratch);
}
template <>
int64_t TransformLanes<float>() {
  return HWY_DYNAMIC_DISPATCH(LanesF32)();
}
template <>
int64_t TransformLanes<double>() {
  return HWY_DYNAMIC_DISPATCH(LanesF64)();
}
template <>
int64_t TransformScratchSize<float>(const Tiling& tiling) {
  return HWY_DYNAMIC_DISPATCH(ScratchF32)(tiling);
}
template <>
int64_t TransformScratchSize<double>(const Tiling& tiling) {
  return HWY_DYNAMIC_DISPATCH(ScratchF64)(tiling);
}

}  // namespace dau::spectral
#endif  // HWY_ONCE
