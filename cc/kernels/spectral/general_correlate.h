// The gradients of the general form, a σ per unit, from the correlation spectra C(u, v) of correlate.h:
//
//   ∂weight = Σ_u,v A·B·C   ∂μ_v: A_μ·B   ∂μ_h: A·B_μ   ∂σ: A_σ·B + A·B_σ
//
// with A, B a unit's spectra along each axis, and A_μ, A_σ those of its taps' derivatives (general_units.h). At fixed u
// q_j = Σ_v B_j(v)·C(u, v), j of three tables, serves all gradients.
#ifndef DAU_CC_KERNELS_SPECTRAL_GENERAL_CORRELATE_H_
#define DAU_CC_KERNELS_SPECTRAL_GENERAL_CORRELATE_H_

#include "cc/kernels/spectral/correlate.h"

namespace dau::spectral {

// Correlate() of a job with job.general; its kind, sigma and blur_… are not used. sums' last gradient is σ's.
template <typename T>
void GeneralCorrelate(const CorrelateJob<T>& job, int64_t item, T* scratch);
template <typename T>
int64_t GeneralCorrelateScratchSize(const CorrelateJob<T>& job);

}  // namespace dau::spectral

#endif  // DAU_CC_KERNELS_SPECTRAL_GENERAL_CORRELATE_H_
