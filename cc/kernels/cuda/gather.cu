#include "cc/kernels/cuda/gather.h"

#include <algorithm>
#include <type_traits>

#include "cc/kernels/cuda/launch.h"
#include "cc/kernels/cuda/patch-inl.h"

namespace dau::cuda {
namespace {

// Each warp of a block computes another filter on the same tile: the pixels are staged once for all of them.
constexpr int kWarps = 8;
constexpr int kThreads = kWarps * kWarp;
// A column more than filters: lanes side by side write to different banks.
constexpr int kStagePitch = kWarps + 1;
// 64 K registers an SM. Two blocks hide each other's barriers; sums of double leave room for one.
template <typename R>
constexpr int kBlocksPerSm = sizeof(R) == 4 ? 2 : 1;

struct Place {
  int64_t n, h0, w0;
};

template <typename P, typename T>
__device__ void StoreChannelsFirst(const ImageIndex& out, const Place& place, int64_t f, int lane,
                                   const Real<T> (&sum)[P::kRows][P::kCols], T* to) {
  struct alignas(sizeof(T) * P::kCols) Run {
    T values[P::kCols];
  };
  const int64_t h = place.h0 + lane / kLaneCols * P::kRows, w = place.w0 + lane % kLaneCols * P::kCols;
  const bool whole = out.width % P::kCols == 0 && reinterpret_cast<uintptr_t>(to) % sizeof(Run) == 0;
  DAU_UNROLL
  for (int i = 0; i < P::kRows; ++i) {
    if (f >= out.channels || h + i >= out.height || w >= out.width) continue;
    Run run;
    DAU_UNROLL
    for (int j = 0; j < P::kCols; ++j) StoreReal(sum[i][j], &run.values[j]);
    T* const row = to + out(place.n, f, h + i, w);
    if (whole) {
      *reinterpret_cast<Run*>(row) = run;
    } else {
      DAU_UNROLL
      for (int j = 0; j < P::kCols; ++j) {
        if (w + j < out.width) row[j] = run.values[j];
      }
    }
  }
}

// By way of shared memory, one row of the patches at a time: then the block's filters of a pixel, 32 bytes of float,
// are stored together.
template <typename P, typename T>
__device__ void StoreChannelsLast(const ImageIndex& out, const Place& place, int64_t f0, int warp, int lane,
                                  const Real<T> (&sum)[P::kRows][P::kCols], Real<T>* memory, T* to) {
  constexpr int kTileCols = kLaneCols * P::kCols;
  const int pixel = lane / kLaneCols * kTileCols + lane % kLaneCols * P::kCols;
  DAU_UNROLL
  for (int i = 0; i < P::kRows; ++i) {
    __syncthreads();
    DAU_UNROLL
    for (int j = 0; j < P::kCols; ++j) memory[(pixel + j) * kStagePitch + warp] = sum[i][j];
    __syncthreads();
    for (int e = threadIdx.x; e < kLaneRows * kTileCols * kWarps; e += kThreads) {
      const int from = e / kWarps;
      const int64_t h = place.h0 + from / kTileCols * P::kRows + i, w = place.w0 + from % kTileCols;
      const int64_t f = f0 + e % kWarps;
      if (f < out.channels && h < out.height && w < out.width) {
        StoreReal(memory[from * kStagePitch + e % kWarps], to + out(place.n, f, h, w));
      }
    }
  }
  __syncthreads();
}

// What `out` is stored as. Not another parameter of the template: only the last lines of the kernel differ.
enum class Storage { kReal, kBFloat16, kFloat16 };

template <typename P, typename R>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm<R>)
    GatherKernel(GatherCall call, Tile tile, int64_t blocks, const R* planes, const Unit<R>* units, Storage storage,
                 void* out) {
  DAU_SHARED_MEMORY(memory);
  R* const buffers = reinterpret_cast<R*>(memory);
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    // Filters change fastest: blocks that run together read the same planes.
    int64_t rest = block;
    const int64_t f0 = TakeDigit(&rest, CeilDiv(call.out.channels, kWarps)) * kWarps, f = f0 + warp;
    const int64_t w0 = TakeDigit(&rest, tile.tiles_w) * tile.cols, h0 = TakeDigit(&rest, tile.tiles_h) * tile.rows;
    const Place place = {rest, h0, w0};
    const TileCorner corner = CornerOf(tile, h0, w0);
    const int64_t h = h0 + lane / kLaneCols * P::kRows, w = w0 + lane % kLaneCols * P::kCols;
    const R* plane = planes + call.planes.Row(place.n, call.in_channels, 0, 0);
    const Unit<R>* unit = units + f * call.in_channels * call.units;

    R sum[P::kRows][P::kCols] = {};
    Stager<R, kThreads> stager(threadIdx.x);
    if (tile.staged) {
      stager.Fetch(tile, corner, call.planes, plane);
      stager.Store(tile, corner, call.planes, plane, buffers);
    }
    for (int64_t c = 0; c < call.in_channels; ++c) {
      // This channel's pixels have arrived, and nobody reads the other buffer any more.
      __syncthreads();
      const R* const current = buffers + (c % 2) * tile.Words();
      const R* const next = plane + call.planes.Size();
      const bool more = tile.staged && c + 1 < call.in_channels;
      if (more) stager.Fetch(tile, corner, call.planes, next);
      if (f < call.out.channels) {
        for (int64_t k = 0; k < call.units; ++k, ++unit) {
          if (InReach(tile, *unit)) {
            AddUnit<P>(SharedReader<P, R>(tile, corner, current, *unit, lane), *unit, sum);
          } else if (SeesPlane(tile, call.planes, *unit, h0, w0)) {
            AddUnit<P>(PlaneReader<P, R>(call.sampling, call.planes, plane, *unit, h, w), *unit, sum);
          }
        }
      }
      if (more) stager.Store(tile, corner, call.planes, next, buffers + ((c + 1) % 2) * tile.Words());
      plane = next;
    }
    const auto store = [&](auto* to) {
      if (call.out.channels_last) {
        StoreChannelsLast<P>(call.out, place, f0, warp, lane, sum, buffers, to);
      } else {
        StoreChannelsFirst<P>(call.out, place, f, lane, sum, to);
        __syncthreads();
      }
    };
    if constexpr (sizeof(R) == sizeof(float)) {
      if (storage == Storage::kBFloat16) store(static_cast<BFloat16*>(out));
      if (storage == Storage::kFloat16) store(static_cast<Float16*>(out));
    }
    if (storage == Storage::kReal) store(static_cast<R*>(out));
  }
}

template <typename P, typename R>
Status GatherWith(const GatherCall& call, const R* planes, const Unit<R>* units, Storage storage, void* out,
                  cudaStream_t stream) {
  constexpr int64_t kWordBytes = sizeof(R);
  const Tile tile = MakeTile({P::kRows, P::kCols}, call.sampling, call.reach, kSharedBytes / 2 / kWordBytes);
  const int64_t stage_words = kWarp * P::kCols * kStagePitch;
  const int64_t shared = std::max<int64_t>(2 * tile.Words(), stage_words) * kWordBytes;
  const int64_t blocks = call.out.batch * tile.Count() * CeilDiv(call.out.channels, kWarps);
  return Launch("Gather", stream, {blocks, kThreads, shared}, GatherKernel<P, R>, call, tile, blocks, planes, units,
                storage, out);
}

}  // namespace

template <typename T>
Status Gather(const GatherCall& call, const Real<T>* planes, const Unit<Real<T>>* units, T* out, cudaStream_t stream) {
  const bool dense = call.sampling.Dense();
  const int rows = ChoosePatch(call.sampling).rows;
  constexpr Storage kStorage = std::is_same_v<T, BFloat16>  ? Storage::kBFloat16
                               : std::is_same_v<T, Float16> ? Storage::kFloat16
                                                            : Storage::kReal;
  const auto with = [&](auto patch) {
    return GatherWith<decltype(patch), Real<T>>(call, planes, units, kStorage, out, stream);
  };
  if (rows == 8) return with(Patch<8, 4, true>());
  if (rows == 4) return dense ? with(Patch<4, 2, true>()) : with(Patch<4, 2, false>());
  return dense ? with(Patch<2, 1, true>()) : with(Patch<2, 1, false>());
}

template Status Gather(const GatherCall&, const float*, const Unit<float>*, float*, cudaStream_t);
template Status Gather(const GatherCall&, const double*, const Unit<double>*, double*, cudaStream_t);
template Status Gather(const GatherCall&, const float*, const Unit<float>*, BFloat16*, cudaStream_t);
template Status Gather(const GatherCall&, const float*, const Unit<float>*, Float16*, cudaStream_t);

}  // namespace dau::cuda
