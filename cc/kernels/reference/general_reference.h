// The definition of the general form, a σ per unit (Eq. 2-4, 9-10), slow and in double.
//
//   y[n,h,w,f] = Σ_s Σ_k weight[k,s,f] · Σ_p Σ_q tap_v(p)·tap_h(q)·x[n, h·stride_h + m + p, w·stride_w + m + q, s]
//
// with the taps of unit_taps.h around μ_v and μ_h; r and m are those of shape.max_sigma.
#ifndef DAU_CC_KERNELS_REFERENCE_GENERAL_REFERENCE_H_
#define DAU_CC_KERNELS_REFERENCE_GENERAL_REFERENCE_H_

#include "cc/kernels/dau_conv_shape.h"

namespace dau::reference {

// sigma: [K, S, F], each > 0. All else as in dau_conv_reference.h.
void GeneralForward(const DauConvShape& shape, const double* x, const double* weight, const double* displacement,
                    const double* sigma, double* y);

void GeneralBackwardInput(const DauConvShape& shape, const double* weight, const double* displacement,
                          const double* sigma, const double* dy, double* dx);

// gradients.sigma: [K, S, F] or null.
void GeneralBackwardParams(const DauConvShape& shape, const double* x, const double* weight, const double* displacement,
                           const double* sigma, const double* dy, const ParamGradients<double>& gradients);

}  // namespace dau::reference

#endif  // DAU_CC_KERNELS_REFERENCE_GENERAL_REFERENCE_H_
