#include "cc/kernels/cuda/correlate.h"

#include <algorithm>

#include "cc/kernels/cuda/launch.h"
#include "cc/kernels/cuda/patch-inl.h"

namespace dau::cuda {
namespace {

// Each warp of a block holds another filter's dy in registers and correlates it with the same staged tile.
constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kWarp;
// A block's share of the units (c, k) of a filter: dy is read once a tile for all of them, and their sums wait in
// shared memory, where each has one owner.
constexpr int kUnitsAtOnce = 32;
constexpr int kSumWords = kWarps * kUnitsAtOnce * 4;
// Eight blocks for each of an H100's 132 SMs; fewer groups when the units alone make as many.
constexpr int64_t kEnoughBlocks = 8 * 132;
template <typename R>
constexpr int kBlocksPerSm = sizeof(R) == 4 ? 2 : 1;

int64_t BlocksPerGroup(const CorrelateCall& call) {
  return CeilDiv(call.filters, kWarps) * CeilDiv(call.in_channels * call.units, kUnitsAtOnce);
}

// Sums four numbers over the 32 lanes with 6 shuffles instead of 20: two steps halve the numbers, three the lanes.
// Lanes 0, 8, 16 and 24 return the four, in this order.
template <typename R>
__device__ inline R SumCorners(const R (&corners)[4], int lane) {
  constexpr unsigned kAll = 0xffffffffu;
  const bool half = lane & 16, quarter = lane & 8;
  R first = half ? corners[2] : corners[0], second = half ? corners[3] : corners[1];
  first += __shfl_xor_sync(kAll, half ? corners[0] : corners[2], 16);
  second += __shfl_xor_sync(kAll, half ? corners[1] : corners[3], 16);
  R sum = (quarter ? second : first) + __shfl_xor_sync(kAll, quarter ? first : second, 8);
  DAU_UNROLL
  for (int distance = 4; distance > 0; distance /= 2) sum += __shfl_xor_sync(kAll, sum, distance);
  return sum;
}

template <typename P, typename R>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm<R>)
    CorrelateKernel(CorrelateCall call, Tile tile, int64_t groups, int64_t blocks, const R* dy, const R* planes,
                    const Unit<R>* units, R* partial) {
  DAU_SHARED_MEMORY(memory);
  R* const sums = reinterpret_cast<R*>(memory);  // [warp][unit][corner]
  R* const buffers = sums + kSumWords;
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const int64_t pairs = call.in_channels * call.units, tiles = call.batch * tile.Count();
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    int64_t rest = block;
    const int64_t f = TakeDigit(&rest, CeilDiv(call.filters, kWarps)) * kWarps + warp;
    const int64_t u0 = TakeDigit(&rest, CeilDiv(pairs, kUnitsAtOnce)) * kUnitsAtOnce, group = rest;
    const int64_t u1 = u0 + kUnitsAtOnce < pairs ? u0 + kUnitsAtOnce : pairs;
    const int64_t c0 = u0 / call.units, channels = (u1 - 1) / call.units - c0 + 1;
    const bool works = f < call.filters, collects = works && lane % 8 == 0;
    const Unit<R>* const mine = units + f * pairs;
    R* const sum = sums + (warp * kUnitsAtOnce) * 4 + lane / 8;
    if (collects) {
      for (int u = 0; u < u1 - u0; ++u) sum[u * 4] = 0;
    }
    Stager<R, kThreads> stager(threadIdx.x);
    for (int64_t t = group; t < tiles; t += groups) {
      rest = t;
      const int64_t w0 = TakeDigit(&rest, tile.tiles_w) * tile.cols, h0 = TakeDigit(&rest, tile.tiles_h) * tile.rows;
      const int64_t n = rest;
      const int64_t h = h0 + lane / kLaneCols * P::kRows, w = w0 + lane % kLaneCols * P::kCols;
      const TileCorner corner = CornerOf(tile, h0, w0);
      const R* plane = planes + call.planes.Row(n, call.in_channels, c0, 0);
      if (tile.staged) stager.Fetch(tile, corner, call.planes, plane);
      R d[P::kRows][P::kCols] = {};
      DAU_UNROLL
      for (int i = 0; i < P::kRows; ++i) {
        if (!works || h + i >= call.dy.rows) continue;
        const R* const row = dy + call.dy.Row(n, call.filters, f, h + i);
        DAU_UNROLL
        for (int j = 0; j < P::kCols; ++j) d[i][j] = w + j < call.dy.cols ? row[w + j] : R{0};
      }
      if (tile.staged) stager.Store(tile, corner, call.planes, plane, buffers);
      for (int64_t c = 0; c < channels; ++c) {
        __syncthreads();
        const R* const current = buffers + (c % 2) * tile.Words();
        const R* const next = plane + call.planes.Size();
        const bool more = tile.staged && c + 1 < channels;
        if (more) stager.Fetch(tile, corner, call.planes, next);
        const int64_t begin = (c0 + c) * call.units > u0 ? (c0 + c) * call.units : u0;
        const int64_t end = (c0 + c + 1) * call.units < u1 ? (c0 + c + 1) * call.units : u1;
        for (int64_t u = begin; works && u < end; ++u) {
          const Unit<R>& unit = mine[u];
          R corners[4] = {};
          if (InReach(tile, unit)) {
            AddCorners<P>(SharedReader<P, R>(tile, corner, current, unit, lane), d, corners);
          } else if (SeesPlane(tile, call.planes, unit, h0, w0)) {
            AddCorners<P>(PlaneReader<P, R>(call.sampling, call.planes, plane, unit, h, w), d, corners);
          } else {
            continue;
          }
          const R total = SumCorners(corners, lane);
          if (collects) sum[(u - u0) * 4] += total;
        }
        if (more) stager.Store(tile, corner, call.planes, next, buffers + ((c + 1) % 2) * tile.Words());
        plane = next;
      }
      __syncthreads();
    }
    if (collects) {
      R* const to = partial + ((group * call.filters + f) * pairs + u0) * 4 + lane / 8;
      for (int u = 0; u < u1 - u0; ++u) to[u * 4] = sum[u * 4];
    }
  }
}

template <typename P, typename R>
Status CorrelateWith(const CorrelateCall& call, const R* dy, const R* planes, const Unit<R>* units, R* partial,
                     cudaStream_t stream) {
  constexpr int64_t kWordBytes = sizeof(R);
  const Tile tile =
      MakeTile({P::kRows, P::kCols}, call.sampling, call.reach, (kSharedBytes / kWordBytes - kSumWords) / 2);
  const int64_t shared = (kSumWords + 2 * tile.Words()) * kWordBytes;
  const int64_t groups = CorrelateGroups(call), blocks = BlocksPerGroup(call) * groups;
  return Launch("Correlate", stream, {blocks, kThreads, shared}, CorrelateKernel<P, R>, call, tile, groups, blocks, dy,
                planes, units, partial);
}

}  // namespace

int64_t CorrelateGroups(const CorrelateCall& call) {
  const Tile tile = MakeTile(ChoosePatch(call.sampling), call.sampling, 0, 0);
  const int64_t tiles = call.batch * tile.Count();
  return std::clamp<int64_t>(CeilDiv(kEnoughBlocks, BlocksPerGroup(call)), 1, std::max<int64_t>(1, tiles));
}

template <typename R>
Status Correlate(const CorrelateCall& call, const R* dy, const R* planes, const Unit<R>* units, R* partial,
                 cudaStream_t stream) {
  const bool dense = call.sampling.Dense();
  const int rows = ChoosePatch(call.sampling).rows;
  const auto with = [&](auto patch) {
    return CorrelateWith<decltype(patch), R>(call, dy, planes, units, partial, stream);
  };
  if (rows == 8) return with(Patch<8, 4, true>());
  if (rows == 4) return dense ? with(Patch<4, 2, true>()) : with(Patch<4, 2, false>());
  return dense ? with(Patch<2, 1, true>()) : with(Patch<2, 1, false>());
}

template Status Correlate(const CorrelateCall&, const float*, const float*, const Unit<float>*, float*, cudaStream_t);
template Status Correlate(const CorrelateCall&, const double*, const double*, const Unit<double>*, double*,
                          cudaStream_t);

}  // namespace dau::cuda
