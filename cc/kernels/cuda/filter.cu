#include "cc/kernels/cuda/filter.h"

#include "cc/kernels/cuda/launch.h"
#include "cc/kernels/cuda/numbers.h"
#include "cc/kernels/cuda/storage.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRowsAtOnce = kThreads / kWarp;

// The inputs j with |j·step − (p − radius)| ≤ radius.
struct Reach {
  int64_t first, last;
};
__device__ inline Reach InputsOf(int64_t p, int64_t radius, int64_t step, int64_t size) {
  const int64_t first = p <= 2 * radius ? 0 : (p - 2 * radius + step - 1) / step;
  const int64_t last = p / step;
  return {first, last < size ? last : size - 1};
}

// A block: 32 columns of 32 channels of one row of an image, through shared memory, since channels_last stores channels
// together and planes store columns together. Rows of 33: columns of it fall into different banks.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    FilterRowsKernel(Spread spread, PlaneIndex out, int64_t blocks, const T* x, const Real<T>* taps, Real<T>* rows) {
  using R = Real<T>;
  DAU_SHARED_MEMORY(memory);
  R* const tile = reinterpret_cast<R*>(memory);  // [channel][column], kWarp · (kWarp + 1)
  const ImageIndex& image = spread.image;
  const int lane = threadIdx.x % kWarp, group = threadIdx.x / kWarp;
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    int64_t rest = block;
    const int64_t c0 = TakeDigit(&rest, CeilDiv(image.channels, kWarp)) * kWarp;
    const int64_t p0 = TakeDigit(&rest, CeilDiv(out.pitch, kWarp)) * kWarp;
    const int64_t h = TakeDigit(&rest, image.height), n = rest;
    const int64_t p = p0 + lane;
    const Reach mine = InputsOf(p, spread.radius, spread.step_w, image.width);
    const int64_t begin = InputsOf(p0, spread.radius, spread.step_w, image.width).first;
    const int64_t end = InputsOf(p0 + kWarp - 1, spread.radius, spread.step_w, image.width).last;
    R sum[kWarp / kRowsAtOnce] = {};
    for (int64_t j0 = begin; j0 <= end; j0 += kWarp) {
      for (int i = group; i < kWarp; i += kRowsAtOnce) {
        const int column = image.channels_last ? i : lane, channel = image.channels_last ? lane : i;
        const bool inside = c0 + channel < image.channels && j0 + column < image.width;
        tile[channel * (kWarp + 1) + column] = inside ? ToReal(x[image(n, c0 + channel, h, j0 + column)]) : R{0};
      }
      __syncthreads();
      const int64_t from = mine.first > j0 ? mine.first : j0;
      const int64_t to = mine.last < j0 + kWarp - 1 ? mine.last : j0 + kWarp - 1;
      for (int64_t j = from; j <= to; ++j) {
        const R tap = taps == nullptr ? R{1} : taps[j * spread.step_w - p + 2 * spread.radius];
        for (int i = 0; i < kWarp / kRowsAtOnce; ++i) {
          sum[i] += tap * tile[(group + i * kRowsAtOnce) * (kWarp + 1) + (j - j0)];
        }
      }
      __syncthreads();
    }
    for (int i = 0; i < kWarp / kRowsAtOnce; ++i) {
      const int64_t c = c0 + group + i * kRowsAtOnce;
      if (c < image.channels && p < out.pitch) rows[out.Row(n, image.channels, c, h) + p] = sum[i];
    }
  }
}

// A thread: four neighbours of a row of planes.
template <typename R>
__global__ void __launch_bounds__(kThreads)
    FilterColumnsKernel(Spread spread, PlaneIndex in, PlaneIndex out, int64_t fours, const R* rows, const R* taps,
                        bool add, R* planes) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < fours; i += stride) {
    int64_t rest = i;
    const int64_t p = TakeDigit(&rest, out.pitch / 4) * 4;
    const int64_t q = TakeDigit(&rest, out.rows), plane = rest;
    const Reach mine = InputsOf(q, spread.radius, spread.step_h, spread.image.height);
    Four<R> sum = add ? LoadFour(planes + i * 4) : Four<R>{};
    for (int64_t j = mine.first; j <= mine.last; ++j) {
      const R tap = taps[j * spread.step_h - q + 2 * spread.radius];
      const Four<R> four = LoadFour(rows + plane * in.Size() + j * in.pitch + p);
      for (int e = 0; e < 4; ++e) sum.v[e] += tap * four.v[e];
    }
    StoreFour(sum, planes + i * 4);
  }
}

// A block: 32 columns of 32 channels of one row, as above.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    StorePlanesKernel(ImageIndex image, PlaneIndex in, int64_t blocks, const Real<T>* planes, T* to) {
  using R = Real<T>;
  DAU_SHARED_MEMORY(memory);
  R* const tile = reinterpret_cast<R*>(memory);  // [channel][column]
  const int lane = threadIdx.x % kWarp, group = threadIdx.x / kWarp;
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    int64_t rest = block;
    const int64_t c0 = TakeDigit(&rest, CeilDiv(image.channels, kWarp)) * kWarp;
    const int64_t w0 = TakeDigit(&rest, CeilDiv(image.width, kWarp)) * kWarp;
    const int64_t h = TakeDigit(&rest, image.height), n = rest;
    for (int i = group; i < kWarp; i += kRowsAtOnce) {
      if (c0 + i >= image.channels || w0 + lane >= image.width) continue;
      tile[i * (kWarp + 1) + lane] = planes[in.Row(n, image.channels, c0 + i, h) + w0 + lane];
    }
    __syncthreads();
    for (int i = group; i < kWarp; i += kRowsAtOnce) {
      const int column = image.channels_last ? i : lane, channel = image.channels_last ? lane : i;
      if (c0 + channel >= image.channels || w0 + column >= image.width) continue;
      StoreReal(tile[channel * (kWarp + 1) + column], to + image(n, c0 + channel, h, w0 + column));
    }
    __syncthreads();
  }
}

}  // namespace

template <typename R>
DeviceTaps<R>::DeviceTaps(double sigma, Arena* arena)
    : radius(SupportRadius(sigma)),
      smooth(arena->Take<R>(2 * radius + 1)),
      derivative(arena->Take<R>(2 * radius + 1)),
      perimeter(arena->Take<R>(2 * radius + 1)) {}

template <typename R>
Status DeviceTaps<R>::Fill(double sigma, cudaStream_t stream) const {
  const GaussianTaps taps(sigma);
  Status s = StoreNumbers(taps.smooth, smooth, stream);
  if (s.ok()) s = StoreNumbers(taps.derivative, derivative, stream);
  if (s.ok()) s = StoreNumbers(taps.perimeter, perimeter, stream);
  return s;
}

template <typename T>
Status FilterRows(const Spread& spread, const T* x, const Real<T>* taps, Real<T>* rows, cudaStream_t stream) {
  const PlaneIndex out = spread.RowPlanes();
  const ImageIndex& image = spread.image;
  const int64_t blocks = CeilDiv(image.channels, kWarp) * CeilDiv(out.pitch, kWarp) * image.height * image.batch;
  const int64_t shared = kWarp * (kWarp + 1) * sizeof(Real<T>);
  return Launch("FilterRows", stream, {blocks, kThreads, shared}, FilterRowsKernel<T>, spread, out, blocks, x, taps,
                rows);
}

template <typename R>
Status FilterColumns(const Spread& spread, const R* rows, const R* taps, bool add, R* planes, cudaStream_t stream) {
  const int64_t fours = spread.Count() / 4;
  return Launch("FilterColumns", stream, {CeilDiv(fours, kThreads), kThreads}, FilterColumnsKernel<R>, spread,
                spread.RowPlanes(), spread.Planes(), fours, rows, taps, add, planes);
}

template <typename T>
Status StorePlanes(const ImageIndex& image, const Real<T>* planes, T* to, cudaStream_t stream) {
  const int64_t blocks = CeilDiv(image.channels, kWarp) * CeilDiv(image.width, kWarp) * image.height * image.batch;
  const int64_t shared = kWarp * (kWarp + 1) * sizeof(Real<T>);
  return Launch("StorePlanes", stream, {blocks, kThreads, shared}, StorePlanesKernel<T>, image,
                PlainSpread(image).Planes(), blocks, planes, to);
}

template struct DeviceTaps<float>;
template struct DeviceTaps<double>;
template Status FilterRows(const Spread&, const float*, const float*, float*, cudaStream_t);
template Status FilterRows(const Spread&, const double*, const double*, double*, cudaStream_t);
template Status FilterRows(const Spread&, const BFloat16*, const float*, float*, cudaStream_t);
template Status FilterRows(const Spread&, const Float16*, const float*, float*, cudaStream_t);
template Status StorePlanes(const ImageIndex&, const float*, float*, cudaStream_t);
template Status StorePlanes(const ImageIndex&, const double*, double*, cudaStream_t);
template Status StorePlanes(const ImageIndex&, const float*, BFloat16*, cudaStream_t);
template Status StorePlanes(const ImageIndex&, const float*, Float16*, cudaStream_t);
template Status FilterColumns(const Spread&, const float*, const float*, bool, float*, cudaStream_t);
template Status FilterColumns(const Spread&, const double*, const double*, bool, double*, cudaStream_t);

}  // namespace dau::cuda
