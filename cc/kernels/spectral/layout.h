// What both passes of the engine share: the tensors of a call, the spectra of the blur, the size of a chunk of tiles.
#ifndef DAU_CC_KERNELS_SPECTRAL_LAYOUT_H_
#define DAU_CC_KERNELS_SPECTRAL_LAYOUT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/base/parallel.h"
#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/transform.h"

namespace dau::spectral {

template <typename T>
ImageLayout<T> Images(DataFormat format, T* data, int64_t height, int64_t width, int64_t channels) {
  const int64_t pixels = height * width;
  if (format == DataFormat::kNHWC) return {data, height, width, channels, pixels * channels, channels, 1};
  return {data, height, width, channels, pixels * channels, 1, pixels};
}
template <typename T>
ImageLayout<T> Input(const DauConvShape& shape, T* data) {
  return Images(shape.format, data, shape.height, shape.width, shape.in_channels);
}
template <typename T>
ImageLayout<T> Output(const DauConvShape& shape, T* data) {
  return Images(shape.format, data, OutputHeight(shape), OutputWidth(shape), shape.filters);
}

// Σ_i taps(i)·e^(2πi·u·i/P) for u in 0 … P/2: real for even taps; the imaginary part for odd ones.
inline std::vector<double> TapSpectrum(const std::vector<double>& taps, int64_t length, bool odd) {
  const int64_t radius = static_cast<int64_t>(taps.size()) / 2;
  std::vector<double> spectrum(length / 2 + 1);
  for (int64_t u = 0; u < static_cast<int64_t>(spectrum.size()); ++u) {
    for (int64_t i = -radius; i <= radius; ++i) {
      const double angle = 6.283185307179586476925 * static_cast<double>(u * i % length) / static_cast<double>(length);
      spectrum[u] += taps[i + radius] * (odd ? std::sin(angle) : std::cos(angle));
    }
  }
  return spectrum;
}

template <typename T>
std::vector<T> Scaled(const std::vector<double>& values, double scale) {
  std::vector<T> result;
  for (double value : values) result.push_back(static_cast<T>(value * scale));
  return result;
}

// Scratch memory of a stage, all slots together.
constexpr int64_t kScratchBytes = 32 << 20;
inline int64_t SlotLimit(int64_t slot_bytes) { return std::max<int64_t>(1, kScratchBytes / slot_bytes); }

// Tiles whose spectra are held at a time.
inline int64_t ChunkTiles(int64_t all_tiles, int64_t bytes_a_tile) {
  const int64_t most = std::max<int64_t>(1, kSpectraBytes / bytes_a_tile);
  if (all_tiles <= most) return std::max<int64_t>(1, all_tiles);
  // Chunks of about the same size, of whole register tiles.
  const int64_t chunks = CeilDiv(all_tiles, most);
  return std::min(most, RoundUp(CeilDiv(all_tiles, chunks), 4));
}

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_LAYOUT_H_
