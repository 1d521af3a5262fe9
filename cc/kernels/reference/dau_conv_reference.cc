#include "cc/kernels/reference/dau_conv_reference.h"

#include <algorithm>
#include <vector>

#include "cc/kernels/reference/image_index.h"

namespace dau::reference {
namespace {

// One channel of one image on the infinite plane: what lies outside the stored rectangle is 0.
struct Plane {
  int64_t top, left, height, width;
  std::vector<double> values;

  Plane(int64_t top, int64_t left, int64_t height, int64_t width)
      : top(top), left(left), height(height), width(width), values(height * width) {}

  double* Find(int64_t row, int64_t col) {
    row -= top;
    col -= left;
    return row >= 0 && row < height && col >= 0 && col < width ? &values[row * width + col] : nullptr;
  }
  double At(int64_t row, int64_t col) {
    const double* value = Find(row, col);
    return value == nullptr ? 0 : *value;
  }
};

// Σ_ij v(i)·h(j)·image(row + i, col + j), on every pixel that it can reach.
Plane Filter(Plane& image, const std::vector<double>& v, const std::vector<double>& h) {
  const int64_t r = v.size() / 2;
  Plane out(image.top - r, image.left - r, image.height + 2 * r, image.width + 2 * r);
  for (int64_t row = 0; row < out.height; ++row) {
    for (int64_t col = 0; col < out.width; ++col) {
      double& sum = out.values[row * out.width + col];
      for (int64_t i = -r; i <= r; ++i) {
        for (int64_t j = -r; j <= r; ++j) sum += v[r + i] * h[r + j] * image.At(out.top + row + i, out.left + col + j);
      }
    }
  }
  return out;
}

// The four neighbours that a unit sees, and what a step of 1 px of the displacement does to their sum.
struct Unit {
  Interpolation v, h;

  double Bilinear(Plane& plane, int64_t row, int64_t col) const {
    row += v.cell;
    col += h.cell;
    return (1 - v.fraction) * ((1 - h.fraction) * plane.At(row, col) + h.fraction * plane.At(row, col + 1)) +
           v.fraction * ((1 - h.fraction) * plane.At(row + 1, col) + h.fraction * plane.At(row + 1, col + 1));
  }
  double SlopeV(Plane& plane, int64_t row, int64_t col) const {
    row += v.cell;
    col += h.cell;
    return (1 - h.fraction) * (plane.At(row + 1, col) - plane.At(row, col)) +
           h.fraction * (plane.At(row + 1, col + 1) - plane.At(row, col + 1));
  }
  double SlopeH(Plane& plane, int64_t row, int64_t col) const {
    row += v.cell;
    col += h.cell;
    return (1 - v.fraction) * (plane.At(row, col + 1) - plane.At(row, col)) +
           v.fraction * (plane.At(row + 1, col + 1) - plane.At(row + 1, col));
  }
  void ScatterBilinear(Plane& plane, int64_t row, int64_t col, double value) const {
    row += v.cell;
    col += h.cell;
    const double weights[2][2] = {{(1 - v.fraction) * (1 - h.fraction), (1 - v.fraction) * h.fraction},
                                  {v.fraction * (1 - h.fraction), v.fraction * h.fraction}};
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 2; ++j) {
        if (double* target = plane.Find(row + i, col + j)) *target += weights[i][j] * value;
      }
    }
  }
};

// The loops that all three share: visit(n, s, f, index of the unit in weight, unit).
template <typename Visit>
void ForEachUnit(const DauConvShape& shape, const double* displacement, int64_t s, const Visit& visit) {
  const int64_t count = shape.units * shape.in_channels * shape.filters;
  for (int64_t k = 0; k < shape.units; ++k) {
    for (int64_t f = 0; f < shape.filters; ++f) {
      const int64_t i = (k * shape.in_channels + s) * shape.filters + f;
      visit(f, i, Unit{Interpolate(displacement[i]), Interpolate(displacement[count + i])});
    }
  }
}

// visit(h', w', row and column of the input that a unit at displacement 0 looks at).
template <typename Visit>
void ForEachOutput(const DauConvShape& shape, const Visit& visit) {
  const int64_t margin = Margin(shape);
  for (int64_t h = 0; h < OutputHeight(shape); ++h) {
    for (int64_t w = 0; w < OutputWidth(shape); ++w) {
      visit(h, w, h * shape.stride_h + margin, w * shape.stride_w + margin);
    }
  }
}

Plane Channel(const DauConvShape& shape, const double* x, int64_t n, int64_t s) {
  Plane plane(0, 0, shape.height, shape.width);
  for (int64_t h = 0; h < shape.height; ++h) {
    for (int64_t w = 0; w < shape.width; ++w) {
      *plane.Find(h, w) = x[Index(shape.format, shape.in_channels, shape.height, shape.width, n, s, h, w)];
    }
  }
  return plane;
}

int64_t OutputIndex(const DauConvShape& shape, int64_t n, int64_t f, int64_t h, int64_t w) {
  return Index(shape.format, shape.filters, OutputHeight(shape), OutputWidth(shape), n, f, h, w);
}

}  // namespace

void Forward(const DauConvShape& shape, const double* x, const double* weight, const double* displacement, double* y) {
  const GaussianTaps g(shape);
  std::fill_n(y, shape.batch * OutputHeight(shape) * OutputWidth(shape) * shape.filters, 0.0);
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t s = 0; s < shape.in_channels; ++s) {
      Plane image = Channel(shape, x, n, s);
      Plane blurred = Filter(image, g.smooth, g.smooth);
      ForEachUnit(shape, displacement, s, [&](int64_t f, int64_t i, const Unit& unit) {
        ForEachOutput(shape, [&](int64_t h, int64_t w, int64_t row, int64_t col) {
          y[OutputIndex(shape, n, f, h, w)] += weight[i] * unit.Bilinear(blurred, row, col);
        });
      });
    }
  }
}

void BackwardInput(const DauConvShape& shape, const double* weight, const double* displacement, const double* dy,
                   double* dx) {
  const GaussianTaps g(shape);
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t s = 0; s < shape.in_channels; ++s) {
      Plane d_blurred(-g.radius, -g.radius, shape.height + 2 * g.radius, shape.width + 2 * g.radius);
      ForEachUnit(shape, displacement, s, [&](int64_t f, int64_t i, const Unit& unit) {
        ForEachOutput(shape, [&](int64_t h, int64_t w, int64_t row, int64_t col) {
          unit.ScatterBilinear(d_blurred, row, col, weight[i] * dy[OutputIndex(shape, n, f, h, w)]);
        });
      });
      Plane d_image = Filter(d_blurred, g.smooth, g.smooth);  // g is symmetric: its own adjoint
      for (int64_t h = 0; h < shape.height; ++h) {
        for (int64_t w = 0; w < shape.width; ++w) {
          dx[Index(shape.format, shape.in_channels, shape.height, shape.width, n, s, h, w)] = d_image.At(h, w);
        }
      }
    }
  }
}

void BackwardParams(const DauConvShape& shape, DisplacementGradient kind, const double* x, const double* weight,
                    const double* displacement, const double* dy, const ParamGradients<double>& gradients) {
  const GaussianTaps g(shape);
  const int64_t count = shape.units * shape.in_channels * shape.filters;
  double* const dweight = gradients.weight;
  double* const ddisplacement = gradients.displacement;
  double dsigma = 0;
  std::fill_n(dweight, count, 0.0);
  std::fill_n(ddisplacement, 2 * count, 0.0);
  for (int64_t n = 0; n < shape.batch; ++n) {
    for (int64_t s = 0; s < shape.in_channels; ++s) {
      Plane image = Channel(shape, x, n, s);
      Plane blurred = Filter(image, g.smooth, g.smooth);
      Plane slope_v = Filter(image, g.derivative, g.smooth);
      Plane slope_h = Filter(image, g.smooth, g.derivative);
      Plane wider_v = Filter(image, g.perimeter, g.smooth);  // ∂x̃/∂σ is the sum of these two
      Plane wider_h = Filter(image, g.smooth, g.perimeter);
      ForEachUnit(shape, displacement, s, [&](int64_t f, int64_t i, const Unit& unit) {
        ForEachOutput(shape, [&](int64_t h, int64_t w, int64_t row, int64_t col) {
          const double d = dy[OutputIndex(shape, n, f, h, w)];
          const bool exact = kind == DisplacementGradient::kExact;
          dweight[i] += d * unit.Bilinear(blurred, row, col);
          ddisplacement[i] +=
              d * weight[i] * (exact ? unit.SlopeV(blurred, row, col) : unit.Bilinear(slope_v, row, col));
          ddisplacement[count + i] +=
              d * weight[i] * (exact ? unit.SlopeH(blurred, row, col) : unit.Bilinear(slope_h, row, col));
          dsigma += d * weight[i] * (unit.Bilinear(wider_v, row, col) + unit.Bilinear(wider_h, row, col));
        });
      });
    }
  }
  if (gradients.sigma != nullptr) *gradients.sigma = dsigma;
}

}  // namespace dau::reference
