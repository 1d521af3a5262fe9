// The definition, slow and in double: every engine is tested against it. Formulas: dau_conv_shape.h, DESIGN.md 1-2.
#ifndef DAU_CC_KERNELS_REFERENCE_DAU_CONV_REFERENCE_H_
#define DAU_CC_KERNELS_REFERENCE_DAU_CONV_REFERENCE_H_

#include "cc/kernels/dau_conv_shape.h"

namespace dau::reference {

// All arrays as in dau_conv_shape.h; the shape is valid and the displacement finite.
void Forward(const DauConvShape& shape, const double* x, const double* weight, const double* displacement, double* y);

// dx: the true adjoint of Forward, borders included.
void BackwardInput(const DauConvShape& shape, const double* weight, const double* displacement, const double* dy,
                   double* dx);

// gradients.sigma is taken with the Gaussian's support held fixed.
void BackwardParams(const DauConvShape& shape, DisplacementGradient kind, const double* x, const double* weight,
                    const double* displacement, const double* dy, const ParamGradients<double>& gradients);

}  // namespace dau::reference

#endif  // DAU_CC_KERNELS_REFERENCE_DAU_CONV_REFERENCE_H_
