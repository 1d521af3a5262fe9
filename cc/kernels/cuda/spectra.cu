#include "cc/kernels/cuda/spectra.h"

#include "cc/kernels/cuda/far-inl.h"
#include "cc/kernels/cuda/fft-inl.h"
#include "cc/kernels/cuda/launch.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 128;

// A real tile in shared memory: rows j and j + P_v/2 are the real and the imaginary part of one complex row, so that
// half as many are transformed. Behind the transform both halves are told apart in place: frequency b of the first row
// stands where b did and of the second where P_h − b did, but for b = 0 and P_h/2, for which there are two columns
// more.
template <typename R>
struct TileMemory {
  int length_v, length_h, pitch;
  Complex<R>*data, *roots_v, *roots_h;
  int* column;  // of sample or frequency 0 … P_h − 1 of the first row, P_h and P_h + 1: the two more

  __device__ TileMemory(const Circle& circle, const CircleTables<R>& tables, bool labels, unsigned char* memory)
      : length_v(circle.v.length), length_h(circle.h.length), pitch(RowLength(circle.h.length) + 2) {
    data = reinterpret_cast<Complex<R>*>(memory);
    roots_v = data + length_v / 2 * pitch;
    roots_h = roots_v + length_v;
    column = reinterpret_cast<int*>(roots_h + length_h);
    for (int i = threadIdx.x; i < length_v; i += kThreads) roots_v[i] = tables.v.roots[i];
    for (int i = threadIdx.x; i < length_h; i += kThreads) {
      roots_h[i] = tables.h.roots[i];
      column[i] = ColumnOf(labels ? LabelOf(i, length_h) : i, length_h);
    }
    for (int i = threadIdx.x; i < 2; i += kThreads) column[length_h + i] = pitch - 2 + i;
  }
  static int64_t Bytes(const Circle& circle) {
    const int64_t pitch = RowLength(circle.h.length) + 2;
    return (circle.v.length / 2 * pitch + circle.v.length + circle.h.length) * sizeof(Complex<R>) +
           (circle.h.length + 2) * sizeof(int);
  }

  // Frequency b ≤ P_h/2 of the row of label n.
  __device__ int Index(int b, int n) const {
    const int half = length_v / 2;
    if (n < half) return n * pitch + column[b];
    const int second = b == 0 ? length_h : b == length_h / 2 ? length_h + 1 : length_h - b;
    return (n - half) * pitch + column[second];
  }

  template <bool kInverse>
  __device__ void Rows() const {
    const auto at = [this](int line, int hi, int lo, int a) { return line * pitch + hi * (a | 1) + lo; };
    Transform<true, kInverse>(length_h, length_v / 2, roots_h, at, data);
  }
  template <bool kInverse>
  __device__ void Columns() const {
    const auto at = [this](int line, int hi, int lo, int a) { return Index(line, hi * a + lo); };
    Transform<false, kInverse>(length_v, length_h / 2 + 1, roots_v, at, data);
  }

  // Ends with a barrier, like the next.
  __device__ void TellApart() const {
    const int frequencies = length_h / 2 + 1;
    for (int i = threadIdx.x; i < length_v / 2 * frequencies; i += kThreads) {
      const int b = i % frequencies, row = i / frequencies;
      const bool edge = b == 0 || b == length_h / 2;
      Complex<R>&first = data[Index(b, row)], &second = data[Index(b, row + length_v / 2)];
      const Complex<R> z = first, mirrored = second;
      if (edge) {
        first = {z.re, 0};
        second = {z.im, 0};
      } else {
        first = {(z.re + mirrored.re) / 2, (z.im - mirrored.im) / 2};
        second = {(z.im + mirrored.im) / 2, (mirrored.re - z.re) / 2};
      }
    }
    __syncthreads();
  }
  __device__ void PutTogether() const {
    const int frequencies = length_h / 2 + 1;
    for (int i = threadIdx.x; i < length_v / 2 * frequencies; i += kThreads) {
      const int b = i % frequencies, row = i / frequencies;
      const bool edge = b == 0 || b == length_h / 2;
      Complex<R>&first = data[Index(b, row)], &second = data[Index(b, row + length_v / 2)];
      const Complex<R> f = first, g = second;
      if (edge) {
        first = {f.re, g.re};
      } else {
        first = {f.re - g.im, f.im + g.re};
        second = {f.re + g.im, g.re - f.im};
      }
    }
    __syncthreads();
  }
};

struct TilePlace {
  int64_t n, v, h;

  __device__ TilePlace(const Circle& circle, int64_t tile) : n(tile) {
    h = TakeDigit(&n, circle.h.tiles);
    v = TakeDigit(&n, circle.v.tiles);
  }
};

// A block: one channel of one tile.
template <typename R>
__global__ void __launch_bounds__(kThreads)
    ToSpectraKernel(Circle circle, CircleTables<R> tables, Cut cut, bool blurred, R scale, TileRange tiles,
                    PlaneIndex planes, int64_t channels, const R* from, Complex<R>* spectra) {
  DAU_SHARED_MEMORY(memory);
  const TileMemory<R> tile(circle, tables, /*labels=*/true, memory);
  for (int64_t block = blockIdx.x; block < tiles.count * channels; block += gridDim.x) {
    int64_t rest = block;
    const int64_t c = TakeDigit(&rest, channels);
    const TilePlace place(circle, tiles.first + rest);
    const CircleAxis::Window v = cut == Cut::kInputs ? circle.v.Inputs(place.v) : circle.v.Outputs(place.v);
    const CircleAxis::Window h = cut == Cut::kInputs ? circle.h.Inputs(place.h) : circle.h.Outputs(place.h);
    const R* const plane = from + planes.Row(place.n, channels, c, 0);
    for (int i = threadIdx.x; i < tile.length_v / 2 * tile.length_h; i += kThreads) {
      const int row = i / tile.length_h, p = i % tile.length_h;
      const int64_t first = v.At(row), second = v.At(row + tile.length_v / 2), col = h.At(p);
      tile.data[row * tile.pitch + ColumnOf(p, tile.length_h)] = {
          first >= 0 && col >= 0 ? plane[first * planes.pitch + col] : R{0},
          second >= 0 && col >= 0 ? plane[second * planes.pitch + col] : R{0}};
    }
    __syncthreads();
    tile.template Rows<false>();
    tile.TellApart();
    tile.template Columns<false>();
    Complex<R>* const to = spectra + block * circle.Slots();
    for (int slot = threadIdx.x; slot < circle.Slots(); slot += kThreads) {
      const int u = circle.FrequencyV(slot), b = circle.FrequencyH(slot);
      Complex<R> value = {0, 0};
      if (b <= tile.length_h / 2) {
        const R gain = blurred ? scale * tables.v.smooth[u] * tables.h.smooth[b] : scale;
        value = tile.data[tile.Index(b, LabelOf(u, tile.length_v))];
        value = {value.re * gain, value.im * gain};
      }
      to[slot] = value;
    }
    __syncthreads();
  }
}

// A block: one channel of one tile.
template <typename R>
__global__ void __launch_bounds__(kThreads)
    FromSpectraKernel(Circle circle, CircleTables<R> tables, TileRange tiles, const Complex<R>* spectra, FarCall<R> far,
                      PlaneIndex planes, R* to) {
  DAU_SHARED_MEMORY(memory);
  const TileMemory<R> tile(circle, tables, /*labels=*/false, memory);
  const int64_t channels = far.order.out_channels;
  for (int64_t block = blockIdx.x; block < tiles.count * channels; block += gridDim.x) {
    int64_t rest = block;
    const int64_t c = TakeDigit(&rest, channels);
    const TilePlace place(circle, tiles.first + rest);
    const Complex<R>* const from = spectra + block * circle.Slots();
    __syncthreads();  // the tables are there, and nobody reads the tile before any more
    for (int slot = threadIdx.x; slot < circle.Slots(); slot += kThreads) {
      const int b = circle.FrequencyH(slot);
      if (b <= tile.length_h / 2) tile.data[tile.Index(b, circle.FrequencyV(slot))] = from[slot];
    }
    __syncthreads();
    tile.template Columns<true>();
    tile.PutTogether();
    tile.template Rows<true>();
    const CircleAxis::Window v = circle.v.Outputs(place.v), h = circle.h.Outputs(place.h);
    const int rows = static_cast<int>(v.end - v.origin), cols = static_cast<int>(h.end - h.origin);
    const bool any_far = far.far[c] > 0;
    const R* const image = far.images + far.planes.Row(place.n, far.order.in_channels, 0, 0);
    R* const plane = to + planes.Row(place.n, channels, c, 0);
    for (int i = threadIdx.x; i < rows * cols; i += kThreads) {
      const int row = i / cols, p = i % cols;
      const int64_t q = v.At(row), col = h.At(p);
      if (q < 0 || col < 0) continue;
      const int label = LabelOf(row, tile.length_v), half = tile.length_v / 2;
      const Complex<R> both = tile.data[label % half * tile.pitch + ColumnOf(LabelOf(p, tile.length_h), tile.length_h)];
      R value = label < half ? both.re : both.im;
      if (any_far) {
        value += FarUnits(far.order, circle, far.planes, image, tables.taps, far.units, far.displacement, c,
                          v.origin + row, h.origin + p);
      }
      plane[q * planes.pitch + col] = value;
    }
  }
}

}  // namespace

template <typename R>
Status ToSpectra(const Circle& circle, const CircleTables<R>& tables, Cut cut, bool blurred, double scale,
                 const TileRange& tiles, const PlaneIndex& planes, int64_t channels, const R* from, Complex<R>* spectra,
                 cudaStream_t stream) {
  return Launch("ToSpectra", stream, {tiles.count * channels, kThreads, TileMemory<R>::Bytes(circle)},
                ToSpectraKernel<R>, circle, tables, cut, blurred, static_cast<R>(scale), tiles, planes, channels, from,
                spectra);
}

template <typename R>
Status FromSpectra(const Circle& circle, const CircleTables<R>& tables, const TileRange& tiles,
                   const Complex<R>* spectra, const FarCall<R>& far, const PlaneIndex& planes, R* to,
                   cudaStream_t stream) {
  return Launch("FromSpectra", stream, {tiles.count * far.order.out_channels, kThreads, TileMemory<R>::Bytes(circle)},
                FromSpectraKernel<R>, circle, tables, tiles, spectra, far, planes, to);
}

#define DAU_INSTANTIATE(R)                                                                                \
  template Status ToSpectra(const Circle&, const CircleTables<R>&, Cut, bool, double, const TileRange&,   \
                            const PlaneIndex&, int64_t, const R*, Complex<R>*, cudaStream_t);             \
  template Status FromSpectra(const Circle&, const CircleTables<R>&, const TileRange&, const Complex<R>*, \
                              const FarCall<R>&, const PlaneIndex&, R*, cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda
