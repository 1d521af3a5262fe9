#include "cc/kernels/cuda/cross.h"

#include <algorithm>

#include "cc/kernels/cuda/far-inl.h"
#include "cc/kernels/cuda/launch.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kGroup = Circle::kGroup;
// A block's pairs, and a thread's at one frequency: 16 words of shared memory for 64 multiply-adds.
constexpr int kSide = 16, kEach = 4;
constexpr int kPairs = kSide * kSide;
constexpr int kTilesAtOnce = 4;
// The correlations of one group of frequencies, for a thread each: neighbours begin in different banks. In double half
// of the pairs fit at a time.
constexpr int kPitch = kGroup + 1;
template <typename R>
constexpr int kParts = sizeof(R) == 4 ? 1 : 2;
template <typename R>
constexpr int kCrossWords = std::max(kPairs / kParts<R> * kPitch, 2 * kTilesAtOnce * kSide * kGroup);
template <typename R>
constexpr int kBlocksPerSm = sizeof(R) == 4 ? 2 : 1;
// Eight blocks for each of an H100's 132 SMs; fewer splits when the pairs alone make as many.
constexpr int64_t kEnoughBlocks = 8 * 132;

int64_t PairBlocks(const UnitOrder& order) {
  return CeilDiv(order.out_channels, kSide) * CeilDiv(order.in_channels, kSide);
}

template <typename R>
struct CrossCall {
  Circle circle;
  UnitOrder order;
  int64_t tiles, splits;
  const Complex<R>*x, *dy;
  const CircleUnit<R>* units;
  AxisTables<R> v, h;
  bool add;
  R* partial;
};

// Real factors of one frequency.
template <typename R>
struct Gains {
  R smooth, vertical, horizontal, wider;
};

// 0 where a slot is padding, 2 where it stands for its conjugate as well.
template <typename R>
__device__ Gains<R> GainsOf(const CrossCall<R>& call, int slot) {
  const int u = call.circle.FrequencyV(slot), b = call.circle.FrequencyH(slot), last = call.circle.h.length / 2;
  if (b > last) return {0, 0, 0, 0};
  const R times = b == 0 || b == last ? 1 : 2;
  const R v = call.v.smooth[u], h = call.h.smooth[b];
  return {times * v * h, times * call.v.derivative[u] * h, times * v * call.h.derivative[b],
          times * (call.v.perimeter[u] * h + v * call.h.perimeter[b])};
}

// Adds one group of frequencies of a pair to the sums of a unit.
template <bool kExact, typename R>
__device__ void AddGroup(const CrossCall<R>& call, int group, const CircleUnit<R>& unit, const Complex<R>* cross,
                         const Gains<R>* gains, const Complex<R>* roots_v, const Complex<R>* roots_h,
                         R (&sums)[kSums]) {
  const int u0 = call.circle.FrequencyV(group * kGroup), b0 = call.circle.FrequencyH(group * kGroup);
  Complex<R> horizontal[2], slope_h[2];
  DAU_UNROLL
  for (int j = 0; j < 2; ++j) {
    const AxisSpectrum<R> axis(call.circle.h, roots_h, b0 + j, unit.place_h);
    horizontal[j] = axis.Interpolated(unit.left, unit.right);
    slope_h[j] = axis.Slope();
  }
  for (int row = 0; row < 8; ++row) {
    const AxisSpectrum<R> axis(call.circle.v, roots_v, u0 + row, unit.place_v);
    const Complex<R> vertical = axis.Interpolated(unit.upper, unit.lower), slope_v = axis.Slope();
    DAU_UNROLL
    for (int j = 0; j < 2; ++j) {
      const Complex<R> c = cross[j * 8 + row];
      const Gains<R> gain = gains[j * 8 + row];
      const Complex<R> part = horizontal[j] * c, value = vertical * part;
      sums[0] += gain.smooth * value.re;
      sums[3] += gain.wider * value.re;
      if constexpr (kExact) {
        sums[1] += gain.smooth * (slope_v * part).re;
        sums[2] += gain.smooth * (vertical * (slope_h[j] * c)).re;
      } else {  // times i
        sums[1] -= gain.vertical * value.im;
        sums[2] -= gain.horizontal * value.im;
      }
    }
  }
}

// A block: kSide channels × kSide filters, and every splits-th group of frequencies.
template <typename R, bool kExact>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm<R>) CrossKernel(CrossCall<R> call, int64_t blocks) {
  constexpr int kLoads = kTilesAtOnce * kSide * kGroup / kThreads;
  DAU_SHARED_MEMORY(memory);
  Complex<R>* const cross = reinterpret_cast<Complex<R>*>(memory);  // [pair][kPitch], in the place of the spectra
  Complex<R>* const x = cross;                                      // [tile][channel][kGroup]
  Complex<R>* const dy = x + kTilesAtOnce * kSide * kGroup;
  Complex<R>* const roots_v = cross + kCrossWords<R>;
  Complex<R>* const roots_h = roots_v + call.circle.v.length;
  Gains<R>* const gains = reinterpret_cast<Gains<R>*>(roots_h + call.circle.h.length);
  for (int i = threadIdx.x; i < call.circle.v.length; i += kThreads) roots_v[i] = call.v.roots[i];
  for (int i = threadIdx.x; i < call.circle.h.length; i += kThreads) roots_h[i] = call.h.roots[i];
  const int freq = threadIdx.x % kGroup, place = threadIdx.x / kGroup;
  const int filter = place % kEach, channel = place / kEach;  // and each kEach-th from there
  const int64_t in = call.order.in_channels, out = call.order.out_channels, slots = call.circle.Slots();
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    int64_t rest = block;
    const int64_t f0 = TakeDigit(&rest, CeilDiv(out, kSide)) * kSide;
    const int64_t s0 = TakeDigit(&rest, CeilDiv(in, kSide)) * kSide, split = rest;
    R* const partial = call.partial + split * kSums * call.order.Count();
    bool add = call.add;
    for (int group = static_cast<int>(split); group < call.circle.Groups(); group += static_cast<int>(call.splits)) {
      Complex<R> sum[kEach][kEach] = {};
      for (int64_t t0 = 0; t0 < call.tiles; t0 += kTilesAtOnce) {
        __syncthreads();  // nobody reads what was there before
        Complex<R> loaded_x[kLoads], loaded_dy[kLoads];
        DAU_UNROLL
        for (int i = 0; i < kLoads; ++i) {
          const int e = i * kThreads + static_cast<int>(threadIdx.x);
          const int64_t t = t0 + e / (kGroup * kSide), s = s0 + e / kGroup % kSide, f = f0 + e / kGroup % kSide;
          const int slot = group * kGroup + e % kGroup;
          loaded_x[i] = loaded_dy[i] = {0, 0};
          if (t < call.tiles && s < in) loaded_x[i] = call.x[(t * in + s) * slots + slot];
          if (t < call.tiles && f < out) loaded_dy[i] = call.dy[(t * out + f) * slots + slot];
        }
        DAU_UNROLL
        for (int i = 0; i < kLoads; ++i) {
          x[i * kThreads + threadIdx.x] = loaded_x[i];
          dy[i * kThreads + threadIdx.x] = loaded_dy[i];
        }
        __syncthreads();
        DAU_UNROLL
        for (int t = 0; t < kTilesAtOnce; ++t) {
          Complex<R> own[kEach];
          DAU_UNROLL
          for (int i = 0; i < kEach; ++i) own[i] = dy[(t * kSide + filter + i * kEach) * kGroup + freq];
          DAU_UNROLL
          for (int j = 0; j < kEach; ++j) {
            const Complex<R> other = x[(t * kSide + channel + j * kEach) * kGroup + freq];
            DAU_UNROLL
            for (int i = 0; i < kEach; ++i) ConjugateMultiplyAdd(own[i], other, &sum[j][i]);
          }
        }
      }
      __syncthreads();  // nobody uses the gains before
      if (threadIdx.x < kGroup) gains[threadIdx.x] = GainsOf(call, group * kGroup + static_cast<int>(threadIdx.x));
      DAU_UNROLL
      for (int part = 0; part < kParts<R>; ++part) {
        constexpr int kChannels = kEach / kParts<R>;  // of a thread
        __syncthreads();
        DAU_UNROLL
        for (int j = 0; j < kChannels; ++j) {
          DAU_UNROLL
          for (int i = 0; i < kEach; ++i) {
            const int pair = (channel + j * kEach) * kSide + filter + i * kEach;
            cross[pair * kPitch + freq] = sum[part * kChannels + j][i];
          }
        }
        __syncthreads();
        const int64_t f = f0 + threadIdx.x % kSide;
        const int64_t s = s0 + threadIdx.x / kSide + part * kChannels * kEach;
        if (threadIdx.x >= kPairs / kParts<R> || f >= out || s >= in) continue;
        for (int64_t k = 0; k < call.order.units; ++k) {
          const int64_t unit = call.order.Unit(s, k, f);
          const CircleUnit<R> here = call.units[unit];
          R sums[kSums] = {};
          if (here.Inside()) {
            AddGroup<kExact>(call, group, here, cross + threadIdx.x * kPitch, gains, roots_v, roots_h, sums);
          }
          DAU_UNROLL
          for (int e = 0; e < kSums; ++e) {
            R* const to = partial + e * call.order.Count() + unit;
            *to = add ? *to + sums[e] : sums[e];
          }
        }
      }
      add = true;
    }
  }
}

// What one output and a far unit have to do with each other: the four sums, before the gradient of the output.
template <typename R>
struct CrossFarCall {
  Circle circle;
  UnitOrder order;
  Taps<R> taps;
  bool exact;
  int64_t batch;
  PlaneIndex x_planes, dy_planes;
  const R *x, *dy;
  const CircleUnit<R>* units;
  const R* displacement;
  R* partial;
};

template <typename R>
__device__ __forceinline__ void AddFarOutput(const CrossFarCall<R>& call, const CircleUnit<R>& unit, const R* plane,
                                             int64_t q, int64_t p, double dy, double (&sums)[kSums]) {
  const Taps<R>& taps = call.taps;
  DAU_NO_UNROLL
  for (int corner = 0; corner < 4; ++corner) {
    R smooth = 0, vertical = 0, horizontal = 0, wider = 0;
    ForEachTap(call.circle, call.x_planes, plane, taps.radius, q + corner / 2, p + corner % 2,
               [&](int i, int j, R pixel) {
                 smooth += taps.smooth[i] * taps.smooth[j] * pixel;
                 vertical += taps.derivative[i] * taps.smooth[j] * pixel;
                 horizontal += taps.smooth[i] * taps.derivative[j] * pixel;
                 wider += (taps.perimeter[i] * taps.smooth[j] + taps.smooth[i] * taps.perimeter[j]) * pixel;
               });
    const R v = corner < 2 ? unit.upper : unit.lower, h = corner % 2 == 0 ? unit.left : unit.right;
    const R slope_v = corner < 2 ? -h : h, slope_h = corner % 2 == 0 ? -v : v;
    sums[0] += dy * (v * h * smooth);
    sums[1] += dy * (call.exact ? slope_v * smooth : v * h * vertical);
    sums[2] += dy * (call.exact ? slope_h * smooth : v * h * horizontal);
    sums[3] += dy * (v * h * wider);
  }
}

// A block: kThreads units, one after the other where any is far.
template <typename R>
__global__ void __launch_bounds__(kThreads, 1) CrossFarKernel(CrossFarCall<R> call, int64_t blocks) {
  DAU_SHARED_MEMORY(memory);
  double* const sums = reinterpret_cast<double*>(memory);  // [sum][thread]
  const int self = threadIdx.x;
  const int64_t count = call.order.Count();
  const CircleAxis &axis_v = call.circle.v, &axis_h = call.circle.h;
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    const int64_t first = block * kThreads, last = first + kThreads < count ? first + kThreads : count;
    if (first + self < last) {
      for (int e = 0; e < kSums; ++e) call.partial[e * count + first + self] = 0;
    }
    __syncthreads();
    for (int64_t i = first; i < last; ++i) {
      const CircleUnit<R> unit = call.units[i];
      if (!unit.Far()) continue;
      int64_t rest = i;
      const int64_t f = TakeDigit(&rest, call.order.out_channels), k = TakeDigit(&rest, call.order.units), s = rest;
      const FarPlace place(call.order, call.circle, call.displacement, call.order.Array(s, k, f));
      const int64_t rows = CeilDiv(axis_v.out_extent, axis_v.out_step);
      const int64_t cols = CeilDiv(axis_h.out_extent, axis_h.out_step);
      double mine[kSums] = {};
      for (int64_t n = 0; n < call.batch; ++n) {
        const R* const plane = call.x + call.x_planes.Row(n, call.order.in_channels, s, 0);
        for (int64_t h = self / kWarp; h < rows; h += kThreads / kWarp) {
          const R* const dy = call.dy + call.dy_planes.Row(n, call.order.out_channels, f, h);
          for (int64_t w = self % kWarp; w < cols; w += kWarp) {
            AddFarOutput(call, unit, plane, h * axis_v.out_step + place.v, w * axis_h.out_step + place.h,
                         static_cast<double>(dy[w]), mine);
          }
        }
      }
      for (int e = 0; e < kSums; ++e) sums[e * kThreads + self] = mine[e];
      for (int half = kThreads / 2; half > 0; half /= 2) {
        __syncthreads();
        for (int e = 0; self < half && e < kSums; ++e) sums[e * kThreads + self] += sums[e * kThreads + self + half];
      }
      __syncthreads();
      if (self < kSums) call.partial[self * count + i] = static_cast<R>(sums[self * kThreads]);
      __syncthreads();
    }
  }
}

}  // namespace

int64_t CrossSplits(const Circle& circle, const UnitOrder& order) {
  return std::clamp<int64_t>(CeilDiv(kEnoughBlocks, PairBlocks(order)), 1, circle.Groups());
}

double CrossCost(const Circle& circle, const UnitOrder& order, DisplacementGradient kind, int64_t tiles) {
  const double use = kind == DisplacementGradient::kExact ? 35 : 25;  // instructions of a unit and frequency
  return static_cast<double>(PairBlocks(order)) * circle.Slots() * kPairs *
         (4 * static_cast<double>(RoundUp(tiles, kTilesAtOnce)) + use * static_cast<double>(order.units));
}

template <typename R>
Status Cross(const Circle& circle, const CircleTables<R>& tables, const UnitOrder& order, DisplacementGradient kind,
             int64_t tiles, const Complex<R>* x, const Complex<R>* dy, const CircleUnit<R>* units, bool add, R* partial,
             cudaStream_t stream) {
  const CrossCall<R> call = {circle,   order, tiles,  CrossSplits(circle, order), x, dy, units, tables.v,
                             tables.h, add,   partial};
  const int64_t blocks = PairBlocks(order) * call.splits;
  const int64_t shared =
      (kCrossWords<R> + circle.v.length + circle.h.length) * static_cast<int64_t>(sizeof(Complex<R>)) +
      kGroup * static_cast<int64_t>(sizeof(Gains<R>));
  const auto kernel = kind == DisplacementGradient::kExact ? CrossKernel<R, true> : CrossKernel<R, false>;
  return Launch("Cross", stream, {blocks, kThreads, shared}, kernel, call, blocks);
}

template <typename R>
Status CrossFar(const Circle& circle, const CircleTables<R>& tables, const UnitOrder& order, DisplacementGradient kind,
                int64_t batch, const PlaneIndex& x_planes, const R* x, const PlaneIndex& dy_planes, const R* dy,
                const CircleUnit<R>* units, const R* displacement, R* partial, cudaStream_t stream) {
  const CrossFarCall<R> call = {
      circle, order,    tables.taps,  kind == DisplacementGradient::kExact,
      batch,  x_planes, dy_planes,    x,
      dy,     units,    displacement, partial + CrossSplits(circle, order) * kSums * order.Count()};
  const int64_t blocks = CeilDiv(order.Count(), kThreads);
  return Launch("CrossFar", stream, {blocks, kThreads, kSums * kThreads * static_cast<int64_t>(sizeof(double))},
                CrossFarKernel<R>, call, blocks);
}

#define DAU_INSTANTIATE(R)                                                                                           \
  template Status Cross(const Circle&, const CircleTables<R>&, const UnitOrder&, DisplacementGradient, int64_t,      \
                        const Complex<R>*, const Complex<R>*, const CircleUnit<R>*, bool, R*, cudaStream_t);         \
  template Status CrossFar(const Circle&, const CircleTables<R>&, const UnitOrder&, DisplacementGradient, int64_t,   \
                           const PlaneIndex&, const R*, const PlaneIndex&, const R*, const CircleUnit<R>*, const R*, \
                           R*, cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda
