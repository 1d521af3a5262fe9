#include "cc/kernels/reference/general_reference.h"

#include <algorithm>

#include "cc/kernels/reference/image_index.h"
#include "cc/kernels/reference/unit_taps.h"

namespace dau::reference {
namespace {

struct Unit {
  int64_t index, s, f;  // index: of [K, S, F]
  UnitTaps v, h;
};

template <typename Visit>
void ForEachUnit(const DauConvShape& shape, const double* displacement, const double* sigma, const Visit& visit) {
  const int64_t count = UnitCount(shape), radius = SupportRadius(shape);
  for (int64_t i = 0; i < count; ++i) {
    visit(Unit{i, i / shape.filters % shape.in_channels, i % shape.filters, UnitTaps(displacement[i], sigma[i], radius),
               UnitTaps(displacement[count + i], sigma[i], radius)});
  }
}

// visit(output's index, tap_v, tap_h, input's index) for every pixel of the image that an output of the unit sees.
template <typename Visit>
void ForEachTap(const DauConvShape& shape, const Unit& unit, const Visit& visit) {
  const int64_t margin = Margin(shape), taps = static_cast<int64_t>(unit.v.value.size());
  const int64_t height = OutputHeight(shape), width = OutputWidth(shape);
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t h = 0; h < height; ++h) {
      for (int64_t w = 0; w < width; ++w) {
        const int64_t output = Index(shape.format, shape.filters, height, width, n, unit.f, h, w);
        const int64_t top = h * shape.stride_h + margin + unit.v.first,
                      left = w * shape.stride_w + margin + unit.h.first;
        for (int64_t i = std::max<int64_t>(0, -top); i < std::min(taps, shape.height - top); ++i) {
          for (int64_t j = std::max<int64_t>(0, -left); j < std::min(taps, shape.width - left); ++j) {
            visit(output, i, j,
                  Index(shape.format, shape.in_channels, shape.height, shape.width, n, unit.s, top + i, left + j));
          }
        }
      }
    }
  }
}

}  // namespace

void GeneralForward(const DauConvShape& shape, const double* x, const double* weight, const double* displacement,
                    const double* sigma, double* y) {
  std::fill_n(y, OutputCount(shape), 0.0);
  ForEachUnit(shape, displacement, sigma, [&](const Unit& unit) {
    ForEachTap(shape, unit, [&](int64_t output, int64_t i, int64_t j, int64_t input) {
      y[output] += weight[unit.index] * unit.v.value[i] * unit.h.value[j] * x[input];
    });
  });
}

void GeneralBackwardInput(const DauConvShape& shape, const double* weight, const double* displacement,
                          const double* sigma, const double* dy, double* dx) {
  std::fill_n(dx, InputCount(shape), 0.0);
  ForEachUnit(shape, displacement, sigma, [&](const Unit& unit) {
    ForEachTap(shape, unit, [&](int64_t output, int64_t i, int64_t j, int64_t input) {
      dx[input] += weight[unit.index] * unit.v.value[i] * unit.h.value[j] * dy[output];
    });
  });
}

void GeneralBackwardParams(const DauConvShape& shape, const double* x, const double* weight, const double* displacement,
                           const double* sigma, const double* dy, const ParamGradients<double>& gradients) {
  const int64_t count = UnitCount(shape);
  ForEachUnit(shape, displacement, sigma, [&](const Unit& unit) {
    const UnitTaps &v = unit.v, &h = unit.h;
    double of_weight = 0, of_v = 0, of_h = 0, of_sigma = 0;
    ForEachTap(shape, unit, [&](int64_t output, int64_t i, int64_t j, int64_t input) {
      const double product = dy[output] * x[input];
      of_weight += product * v.value[i] * h.value[j];
      of_v += product * v.slope[i] * h.value[j];
      of_h += product * v.value[i] * h.slope[j];
      of_sigma += product * (v.width[i] * h.value[j] + v.value[i] * h.width[j]);
    });
    const double w = weight[unit.index];
    gradients.weight[unit.index] = of_weight;
    gradients.displacement[unit.index] = w * of_v;
    gradients.displacement[count + unit.index] = w * of_h;
    if (gradients.sigma != nullptr) gradients.sigma[unit.index] = w * of_sigma;
  });
}

}  // namespace dau::reference
