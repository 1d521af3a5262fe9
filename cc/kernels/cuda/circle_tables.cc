#include "cc/kernels/cuda/circle_tables.h"

#include <cmath>
#include <vector>

#include "cc/kernels/cuda/numbers.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau::cuda {
namespace {

constexpr double kTurn = 6.283185307179586476925;

void AppendSpectrum(const std::vector<double>& taps, double (*wave)(double), int length, std::vector<double>* to) {
  const int radius = static_cast<int>(taps.size() / 2);
  for (int u = 0; u < length; ++u) {
    double sum = 0;
    // The product modulo P: the angle stays small and exact.
    for (int i = -radius; i <= radius; ++i) {
      sum += taps[i + radius] * wave(kTurn * static_cast<double>(FloorMod(int64_t{u} * i, length)) / length);
    }
    to->push_back(sum);
  }
}

// In the order of AxisTables.
void AppendAxis(const GaussianTaps& taps, int length, std::vector<double>* to) {
  for (int j = 0; j < length; ++j) {
    to->push_back(std::cos(kTurn * j / length));
    to->push_back(std::sin(kTurn * j / length));
  }
  AppendSpectrum(taps.smooth, std::cos, length, to);
  AppendSpectrum(taps.perimeter, std::cos, length, to);
  AppendSpectrum(taps.derivative, std::sin, length, to);
}

// Takes an axis' tables off the numbers.
template <typename R>
AxisTables<R> TakeAxis(int length, const R** numbers) {
  const R* const first = *numbers;
  *numbers += 5 * length;
  return {reinterpret_cast<const Complex<R>*>(first), first + 2 * length, first + 3 * length, first + 4 * length};
}

}  // namespace

template <typename R>
CircleTables<R>::CircleTables(const Circle& circle, double sigma, Arena* arena) {
  const int radius = static_cast<int>(SupportRadius(sigma)), taps_each = 2 * radius + 1;
  numbers_ = arena->Take<R>(5 * (circle.v.length + circle.h.length) + 3 * taps_each);
  const R* next = numbers_;
  v = TakeAxis(circle.v.length, &next);
  h = TakeAxis(circle.h.length, &next);
  taps = {radius, next, next + taps_each, next + 2 * taps_each};
}

template <typename R>
Status CircleTables<R>::Fill(const Circle& circle, double sigma, cudaStream_t stream) const {
  const GaussianTaps gaussian(sigma);
  std::vector<double> numbers;
  AppendAxis(gaussian, circle.v.length, &numbers);
  AppendAxis(gaussian, circle.h.length, &numbers);
  for (const auto* each : {&gaussian.smooth, &gaussian.derivative, &gaussian.perimeter}) {
    numbers.insert(numbers.end(), each->begin(), each->end());
  }
  return StoreNumbers(numbers, numbers_, stream);
}

template struct CircleTables<float>;
template struct CircleTables<double>;

}  // namespace dau::cuda
