#include "cc/kernels/cuda/product.h"

#include <algorithm>
#include <initializer_list>

#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/launch.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kGroup = Circle::kGroup;
// A thread multiplies 4 filters with 8 tiles at one frequency: 24 words of shared memory for 128 multiply-adds, which
// keeps both busy. Lanes are frequencies: whatever is read or written lies side by side.
constexpr int kFiltersEach = 4, kTilesEach = 8;
constexpr int kPairs = kThreads / kGroup * kFiltersEach * kTilesEach;
// Instructions of a unit and frequency in groups of 8 × 2: 12 for each phase of an axis, shared by the others, and 4.
constexpr double kGenerate = 13, kMultiply = 4;
template <typename R>
constexpr int kBlocksPerSm = sizeof(R) == 4 ? 2 : 1;

template <typename R, int kTiles>
struct BlockShape {
  static constexpr int kFilters = kPairs / kTiles;
  static constexpr int kChannels = sizeof(R) == 4 ? 4 : 2;  // at once
  // A thread generates kRows × 2 frequencies of a pair: fewer where there are more threads than pairs.
  static constexpr int kRows = kTiles == 32 ? 2 : 4;
  static constexpr int kParts = 8 / kRows;
  // One complex number more: threads of neighbouring pairs write to different banks.
  static constexpr int kPitch = kGroup + 1;
  static constexpr int kKernels = kChannels * kFilters * kPitch;
  static constexpr int kSpectra = kChannels * kTiles * kGroup;
};

template <typename R>
struct ProductCall {
  Circle circle;
  UnitOrder order;
  int64_t tiles;
  const Complex<R>* x;
  const CircleUnit<R>* units;
  const Complex<R>*roots_v, *roots_h;
  Complex<R>* y;
};

// kernels: [channel][filter][kPitch], of the channels and filters from c0 and f0 on; zero beyond the last.
template <typename Shape, typename R>
__device__ void GenerateKernels(const ProductCall<R>& call, int group, int64_t c0, int64_t f0,
                                const Complex<R>* roots_v, const Complex<R>* roots_h, Complex<R>* kernels) {
  const int u0 = call.circle.FrequencyV(group * kGroup), b0 = call.circle.FrequencyH(group * kGroup);
  for (int i = threadIdx.x; i < Shape::kChannels * Shape::kFilters * Shape::kParts; i += kThreads) {
    const int filter = i % Shape::kFilters, channel = i / Shape::kFilters % Shape::kChannels;
    const int first = i / (Shape::kFilters * Shape::kChannels) * Shape::kRows;
    const int64_t f = f0 + filter, c = c0 + channel;
    Complex<R> sum[2][Shape::kRows] = {};
    if (f < call.order.out_channels && c < call.order.in_channels) {
      const CircleUnit<R>* unit = call.units + call.order.Unit(c, 0, f);
      for (int64_t k = 0; k < call.order.units; ++k, unit += call.order.out_channels) {
        const CircleUnit<R> here = *unit;
        if (!here.Inside()) continue;
        Complex<R> horizontal[2];
        DAU_UNROLL
        for (int j = 0; j < 2; ++j) {
          horizontal[j] =
              AxisSpectrum<R>(call.circle.h, roots_h, b0 + j, here.place_h).Interpolated(here.left, here.right);
        }
        DAU_UNROLL
        for (int row = 0; row < Shape::kRows; ++row) {
          const Complex<R> vertical = AxisSpectrum<R>(call.circle.v, roots_v, u0 + first + row, here.place_v)
                                          .Interpolated(here.upper, here.lower);
          DAU_UNROLL
          for (int j = 0; j < 2; ++j) MultiplyAdd(vertical, horizontal[j], &sum[j][row]);
        }
      }
    }
    Complex<R>* const to = kernels + (channel * Shape::kFilters + filter) * Shape::kPitch + first;
    DAU_UNROLL
    for (int j = 0; j < 2; ++j) {
      DAU_UNROLL
      for (int row = 0; row < Shape::kRows; ++row) to[j * 8 + row] = sum[j][row];
    }
  }
}

// A block: one group of frequencies of kTiles tiles and as many filters as that leaves.
template <typename R, int kTiles>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm<R>) ProductKernel(ProductCall<R> call, int64_t blocks) {
  using Shape = BlockShape<R, kTiles>;
  constexpr int kLoads = Shape::kSpectra / kThreads;
  constexpr int kFilterThreads = Shape::kFilters / kFiltersEach, kTileThreads = kTiles / kTilesEach;
  static_assert(kFilterThreads * kTileThreads * kGroup == kThreads && Shape::kSpectra % kThreads == 0);
  DAU_SHARED_MEMORY(memory);
  Complex<R>* const kernels = reinterpret_cast<Complex<R>*>(memory);
  Complex<R>* const spectra = kernels + Shape::kKernels;  // [channel][tile][kGroup]
  Complex<R>* const roots_v = spectra + Shape::kSpectra;
  Complex<R>* const roots_h = roots_v + call.circle.v.length;
  for (int i = threadIdx.x; i < call.circle.v.length; i += kThreads) roots_v[i] = call.roots_v[i];
  for (int i = threadIdx.x; i < call.circle.h.length; i += kThreads) roots_h[i] = call.roots_h[i];
  const int freq = threadIdx.x % kGroup, place = threadIdx.x / kGroup;
  const int filter = place % kFilterThreads, tile = place / kFilterThreads;
  const int64_t in = call.order.in_channels, out = call.order.out_channels, slots = call.circle.Slots();
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    // Filters change fastest: blocks that run together read the same spectra.
    int64_t rest = block;
    const int64_t f0 = TakeDigit(&rest, CeilDiv(out, Shape::kFilters)) * Shape::kFilters;
    const int64_t t0 = TakeDigit(&rest, CeilDiv(call.tiles, kTiles)) * kTiles;
    const int group = static_cast<int>(rest);
    Complex<R> sum[kFiltersEach][kTilesEach] = {};
    for (int64_t c0 = 0; c0 < in; c0 += Shape::kChannels) {
      __syncthreads();  // the roots are there, and nobody multiplies any more
      // As many loads in flight as registers are left for.
      constexpr int kInFlight = kLoads < 2 ? kLoads : 2;
      DAU_NO_UNROLL
      for (int first = 0; first < kLoads; first += kInFlight) {
        Complex<R> loaded[kInFlight];
        DAU_UNROLL
        for (int i = 0; i < kInFlight; ++i) {
          const int e = (first + i) * kThreads + static_cast<int>(threadIdx.x);
          const int64_t t = t0 + e / kGroup % kTiles, c = c0 + e / (kGroup * kTiles);
          loaded[i] = {0, 0};
          if (t < call.tiles && c < in) loaded[i] = call.x[(t * in + c) * slots + group * kGroup + e % kGroup];
        }
        DAU_UNROLL
        for (int i = 0; i < kInFlight; ++i) spectra[(first + i) * kThreads + threadIdx.x] = loaded[i];
      }
      GenerateKernels<Shape>(call, group, c0, f0, roots_v, roots_h, kernels);
      __syncthreads();
      DAU_NO_UNROLL
      for (int channel = 0; channel < Shape::kChannels; ++channel) {
        Complex<R> kernel[kFiltersEach];
        DAU_UNROLL
        for (int i = 0; i < kFiltersEach; ++i) {
          kernel[i] = kernels[(channel * Shape::kFilters + filter + i * kFilterThreads) * Shape::kPitch + freq];
        }
        DAU_UNROLL
        for (int j = 0; j < kTilesEach; ++j) {
          const Complex<R> x = spectra[(channel * kTiles + tile + j * kTileThreads) * kGroup + freq];
          DAU_UNROLL
          for (int i = 0; i < kFiltersEach; ++i) MultiplyAdd(kernel[i], x, &sum[i][j]);
        }
      }
    }
    DAU_UNROLL
    for (int i = 0; i < kFiltersEach; ++i) {
      DAU_UNROLL
      for (int j = 0; j < kTilesEach; ++j) {
        const int64_t f = f0 + filter + i * kFilterThreads, t = t0 + tile + j * kTileThreads;
        if (f < out && t < call.tiles) call.y[(t * out + f) * slots + group * kGroup + freq] = sum[i][j];
      }
    }
  }
}

template <int kTiles, typename R>
Status ProductWith(const ProductCall<R>& call, cudaStream_t stream) {
  using Shape = BlockShape<R, kTiles>;
  const int64_t blocks =
      CeilDiv(call.order.out_channels, Shape::kFilters) * CeilDiv(call.tiles, kTiles) * call.circle.Groups();
  const int64_t shared = (Shape::kKernels + Shape::kSpectra + call.circle.v.length + call.circle.h.length) *
                         static_cast<int64_t>(sizeof(Complex<R>));
  return Launch("Product", stream, {blocks, kThreads, shared}, ProductKernel<R, kTiles>, call, blocks);
}

}  // namespace

double ProductCost(int at_once, int64_t tiles, int64_t in_channels, int64_t out_channels, int64_t units) {
  const int filters = kPairs / at_once;
  const double blocks =
      static_cast<double>(CeilDiv(tiles, at_once)) * static_cast<double>(CeilDiv(out_channels, filters));
  return blocks * static_cast<double>(in_channels) * kGroup *
         (kMultiply * kPairs + kGenerate * filters * static_cast<double>(units));
}

int ChooseTilesAtOnce(int64_t tiles, int64_t in_channels, int64_t out_channels, int64_t units) {
  const auto cost = [&](int at_once) { return ProductCost(at_once, tiles, in_channels, out_channels, units); };
  return std::min({8, 16, 32}, [&](int a, int b) { return cost(a) < cost(b); });
}

template <typename R>
Status Product(const Circle& circle, const CircleTables<R>& tables, const UnitOrder& order, int at_once, int64_t tiles,
               const Complex<R>* x, const CircleUnit<R>* units, Complex<R>* y, cudaStream_t stream) {
  const ProductCall<R> call = {circle, order, tiles, x, units, tables.v.roots, tables.h.roots, y};
  if (at_once == 8) return ProductWith<8>(call, stream);
  if (at_once == 16) return ProductWith<16>(call, stream);
  return ProductWith<32>(call, stream);
}

#define DAU_INSTANTIATE(R)                                                                                          \
  template Status Product(const Circle&, const CircleTables<R>&, const UnitOrder&, int, int64_t, const Complex<R>*, \
                          const CircleUnit<R>*, Complex<R>*, cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda
