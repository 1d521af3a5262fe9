#include "cc/kernels/cuda/spectra.h"

#include "cc/kernels/cuda/fft-inl.h"
#include "cc/kernels/cuda/launch.h"

namespace dau::cuda {
namespace {

constexpr int kThreads = 128;
// As far as shared memory would go: without it the compiler spills for more blocks.
template <typename R>
constexpr int kBlocksPerSm = sizeof(R) == 4 ? 5 : 4;

// A real tile in shared memory: rows j and j + P_v/2 are the real and the imaginary part of one complex row, so that
// half as many are transformed. Behind the transform both halves are told apart in place: frequency b of the first row
// stands where b did and of the second where P_h − b did, but for b = 0 and P_h/2, for which there are two columns
// more.
template <typename R>
struct TileMemory {
  int length_v, length_h, pitch;
  float inverse_h, inverse_frequencies;  // 1 / P_h, 1 / (P_h/2 + 1)
  Complex<R>*data, *roots_v, *roots_h;
  // Of samples 0 … P_h − 1 of a row and of frequencies: their columns; of frequencies of a column: their labels.
  int *sample, *frequency, *label_v;
  const int* column;  // of what comes out of the rows or goes in: samples or frequencies, and of the two columns more

  // spectrum_first: frequencies go in, in their order, and samples come out by their labels; otherwise the reverse.
  __device__ TileMemory(const Circle& circle, const CircleTables<R>& tables, bool spectrum_first, float frequencies,
                        unsigned char* memory)
      : length_v(circle.v.length),
        length_h(circle.h.length),
        pitch(RowLength(circle.h.length) + 2),
        inverse_h(circle.h.inverse_length),
        inverse_frequencies(frequencies) {
    data = reinterpret_cast<Complex<R>*>(memory);
    roots_v = data + length_v / 2 * pitch;
    roots_h = roots_v + length_v;
    sample = reinterpret_cast<int*>(roots_h + length_h);
    frequency = sample + length_h + 2;
    label_v = frequency + length_h + 2;
    column = spectrum_first ? sample : frequency;
    for (int i = threadIdx.x; i < length_v; i += kThreads) {
      roots_v[i] = tables.v.roots[i];
      label_v[i] = LabelOf(i, length_v);
    }
    for (int i = threadIdx.x; i < length_h; i += kThreads) {
      roots_h[i] = tables.h.roots[i];
      sample[i] = ColumnOf(i, length_h);
      frequency[i] = ColumnOf(LabelOf(i, length_h), length_h);
    }
    for (int i = threadIdx.x; i < 2; i += kThreads) sample[length_h + i] = frequency[length_h + i] = pitch - 2 + i;
  }
  static int64_t Bytes(const Circle& circle) {
    const int64_t pitch = RowLength(circle.h.length) + 2;
    return (circle.v.length / 2 * pitch + circle.v.length + circle.h.length) * sizeof(Complex<R>) +
           (2 * (circle.h.length + 2) + circle.v.length) * sizeof(int);
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
    Transform<true, kInverse>(length_h, length_v / 2, 0, roots_h, at, data);
  }
  template <bool kInverse>
  __device__ void Columns() const {
    const auto at = [this](int line, int hi, int lo, int a) { return Index(line, hi * a + lo); };
    Transform<false, kInverse>(length_v, length_h / 2 + 1, inverse_frequencies, roots_v, at, data);
  }

  // Ends with a barrier, like the next.
  __device__ void TellApart() const {
    const int frequencies = length_h / 2 + 1;
    for (int i = threadIdx.x; i < length_v / 2 * frequencies; i += kThreads) {
      const int row = SmallQuotient(i, inverse_frequencies), b = i - row * frequencies;
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
      const int row = SmallQuotient(i, inverse_frequencies), b = i - row * frequencies;
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
__global__ void __launch_bounds__(kThreads, kBlocksPerSm<R>)
    ToSpectraKernel(Circle circle, CircleTables<R> tables, Cut cut, bool blurred, R scale, float frequencies,
                    TileRange tiles, PlaneIndex planes, int64_t channels, const R* from, Complex<R>* spectra) {
  DAU_SHARED_MEMORY(memory);
  const TileMemory<R> tile(circle, tables, /*spectrum_first=*/false, frequencies, memory);
  for (int64_t block = blockIdx.x; block < tiles.count * channels; block += gridDim.x) {
    int64_t rest = block;
    const int64_t c = TakeDigit(&rest, channels);
    const TilePlace place(circle, tiles.first + rest);
    const CircleAxis::Window v = cut == Cut::kInputs ? circle.v.Inputs(place.v) : circle.v.Outputs(place.v);
    const CircleAxis::Window h = cut == Cut::kInputs ? circle.h.Inputs(place.h) : circle.h.Outputs(place.h);
    const R* const plane = from + planes.Row(place.n, channels, c, 0);
    __syncthreads();  // the tables are there, and nobody reads the tile before any more
    for (int i = threadIdx.x; i < tile.length_v / 2 * tile.length_h; i += kThreads) {
      const int row = SmallQuotient(i, tile.inverse_h), p = i - row * tile.length_h;
      const int64_t first = v.At(row), second = v.At(row + tile.length_v / 2), col = h.At(p);
      tile.data[row * tile.pitch + tile.sample[p]] = {
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
        value = tile.data[tile.Index(b, tile.label_v[u])];
        value = {value.re * gain, value.im * gain};
      }
      to[slot] = value;
    }
  }
}

// A block: one channel of one tile.
template <typename R>
__global__ void __launch_bounds__(kThreads, kBlocksPerSm<R>)
    FromSpectraKernel(Circle circle, CircleTables<R> tables, TileRange tiles, const Complex<R>* spectra,
                      float frequencies, PlaneIndex planes, int64_t channels, R* to) {
  DAU_SHARED_MEMORY(memory);
  const TileMemory<R> tile(circle, tables, /*spectrum_first=*/true, frequencies, memory);
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
    const int rows = static_cast<int>(circle.v.outputs), cols = static_cast<int>(circle.h.outputs);
    R* const plane = to + planes.Row(place.n, channels, c, 0);
    for (int i = threadIdx.x; i < rows * cols; i += kThreads) {
      const int row = SmallQuotient(i, circle.h.inverse_outputs), p = i - row * cols;
      const int64_t q = v.At(row), col = h.At(p);
      if (q < 0 || col < 0) continue;
      const int label = tile.label_v[row], half = tile.length_v / 2;
      const Complex<R> both = tile.data[(label < half ? label : label - half) * tile.pitch + tile.frequency[p]];
      plane[q * planes.pitch + col] = label < half ? both.re : both.im;
    }
  }
}

float InverseFrequencies(const Circle& circle) { return 1.0f / static_cast<float>(circle.h.length / 2 + 1); }

}  // namespace

template <typename R>
Status ToSpectra(const Circle& circle, const CircleTables<R>& tables, Cut cut, bool blurred, double scale,
                 const TileRange& tiles, const PlaneIndex& planes, int64_t channels, const R* from, Complex<R>* spectra,
                 cudaStream_t stream) {
  return Launch("ToSpectra", stream, {tiles.count * channels, kThreads, TileMemory<R>::Bytes(circle)},
                ToSpectraKernel<R>, circle, tables, cut, blurred, static_cast<R>(scale), InverseFrequencies(circle),
                tiles, planes, channels, from, spectra);
}

template <typename R>
Status FromSpectra(const Circle& circle, const CircleTables<R>& tables, const TileRange& tiles,
                   const Complex<R>* spectra, const PlaneIndex& planes, int64_t channels, R* to, cudaStream_t stream) {
  return Launch("FromSpectra", stream, {tiles.count * channels, kThreads, TileMemory<R>::Bytes(circle)},
                FromSpectraKernel<R>, circle, tables, tiles, spectra, InverseFrequencies(circle), planes, channels, to);
}

#define DAU_INSTANTIATE(R)                                                                                \
  template Status ToSpectra(const Circle&, const CircleTables<R>&, Cut, bool, double, const TileRange&,   \
                            const PlaneIndex&, int64_t, const R*, Complex<R>*, cudaStream_t);             \
  template Status FromSpectra(const Circle&, const CircleTables<R>&, const TileRange&, const Complex<R>*, \
                              const PlaneIndex&, int64_t, R*, cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda
