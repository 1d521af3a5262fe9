// The parameters' gradients from one correlation spectrum:
//
//   C(u, v)[s, f] = Σ_tiles conj(DY(u, v)[tile, f])·X(u, v)[tile, s]
//   ∂weight = Σ_u,v A(u)·B(v)·g(u)·g(v)·C(u, v), and the others with a derivative in the place of A, B or g.
//
// C is made for a few channels at a time and used up at once, in one of two forms, as the kernels' spectra of product.h
// are.
#ifndef DAU_CC_KERNELS_SPECTRAL_CORRELATE_H_
#define DAU_CC_KERNELS_SPECTRAL_CORRELATE_H_

#include <cstdint>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/general_units.h"
#include "cc/kernels/spectral/transform.h"
#include "cc/kernels/spectral/units.h"

namespace dau::spectral {

// Gradients of a unit, before the weight that multiplies all but the first.
enum Gradient { kOfWeight, kOfVertical, kOfHorizontal, kOfSigma, kGradients };
constexpr int kMaxFactors = 4;

// Horizontal frequencies and input channels whose correlations stay in the L1 cache: 3·4·4·128 bytes, 6 KB.
constexpr int64_t kFrequencies = 3, kInputs = 4;

// Of each frequency of an axis, 0 … P/2: spectra of the blur g, of Eq. 16's odd derivative (an imaginary part), of
// ∂g/∂σ.
template <typename T>
struct BlurSpectra {
  const T *smooth, *derivative, *perimeter;
};

template <typename T>
struct CorrelateJob {
  Tiling tiling;  // of the forward pass
  const Circle *circle_v, *circle_h;
  UnitArrays<T> arrays;
  DisplacementGradient kind;
  bool sigma;
  BlurSpectra<T> blur_v, blur_h;
  GeneralFields general;  // of the general form, for GeneralCorrelate; else of radius 0
  int64_t tile_count;
  const T* x;    // ToSpectra's data: [slot][in block][tile][3][kBlock]
  const T* dy;   // ToSpectra's conjugate kernel: [slot][filter group][tile][2][FilterBlock]
  bool by_taps;  // which form
  int64_t in_group;
  bool add;  // to the gradients of the tiles before
  T* sums;   // [filter group][in][unit][kGradients][FilterBlock]

  // By taps: blurs of a row, of all taps. The second rows and the second and third taps are Eq. 16's, the last σ's.
  int64_t row_fields() const { return (kind == DisplacementGradient::kExact ? 1 : 2) + (sigma ? 1 : 0); }
  int64_t tap_fields() const { return (kind == DisplacementGradient::kExact ? 1 : 3) + (sigma ? 1 : 0); }
  int64_t factors() const { return kind == DisplacementGradient::kExact ? (sigma ? 4 : 2) : (sigma ? 3 : 2); }
  int64_t filter_groups() const { return CeilDiv(arrays.out_channels, FilterBlock<T>()); }
  int64_t x_slot_size() const { return SlotSize<T>(CeilDiv(arrays.in_channels, kBlock) * tile_count * 3 * kBlock); }
  int64_t dy_slot_size() const { return SlotSize<T>(filter_groups() * tile_count * 2 * FilterBlock<T>()); }
  int64_t items() const { return filter_groups() * CeilDiv(arrays.in_channels, in_group); }
};

template <typename T>
void UnitsCorrelate(const CorrelateJob<T>& job, int64_t item, T* scratch);
template <typename T>
int64_t UnitsCorrelateScratchSize(const CorrelateJob<T>& job);
template <typename T>
void TapsCorrelate(const CorrelateJob<T>& job, int64_t item, T* scratch);
template <typename T>
int64_t TapsCorrelateScratchSize(const CorrelateJob<T>& job);

// Of the general form: with job.general; its kind, sigma and blur_… are not used. sums' last gradient is σ's.
template <typename T>
void GeneralCorrelate(const CorrelateJob<T>& job, int64_t item, T* scratch);
template <typename T>
int64_t GeneralCorrelateScratchSize(const CorrelateJob<T>& job);

template <typename T>
void Correlate(const CorrelateJob<T>& job, int64_t item, T* scratch) {
  if (job.general.radius > 0) return GeneralCorrelate(job, item, scratch);
  job.by_taps ? TapsCorrelate(job, item, scratch) : UnitsCorrelate(job, item, scratch);
}
template <typename T>
int64_t CorrelateScratchSize(const CorrelateJob<T>& job) {
  if (job.general.radius > 0) return GeneralCorrelateScratchSize(job);
  return job.by_taps ? TapsCorrelateScratchSize(job) : UnitsCorrelateScratchSize(job);
}

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_CORRELATE_H_
