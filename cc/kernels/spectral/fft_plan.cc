#include "cc/kernels/spectral/fft_plan.h"

#include <algorithm>
#include <cmath>

namespace dau::spectral {
namespace {

constexpr int64_t kMaxLength = 512;
constexpr double kTwoPi = 6.283185307179586476925286766559;

struct Factors {
  int64_t length;
  std::vector<int64_t> radices;
};

// Of the ways to write a length, the one of fewest passes, and then of the largest first radix.
const std::vector<Factors>& AllFactors() {
  static const std::vector<Factors> all = [] {
    const std::vector<std::vector<int64_t>> heads = {{8}, {4}, {8, 8}, {8, 4}, {4, 4}};
    std::vector<Factors> list;
    for (const auto& head : heads) {
      for (int64_t last : {2, 3, 4, 5, 6, 7, 8, 9, 11, 13}) {
        int64_t length = last;
        for (int64_t radix : head) length *= radix;
        const bool known = std::any_of(list.begin(), list.end(), [&](const Factors& f) { return f.length == length; });
        if (known || length > kMaxLength) continue;
        list.push_back({length, head});
        list.back().radices.push_back(last);
      }
    }
    std::sort(list.begin(), list.end(), [](const Factors& a, const Factors& b) { return a.length < b.length; });
    return list;
  }();
  return all;
}

const Factors& FactorsOf(int64_t length) {
  return *std::find_if(AllFactors().begin(), AllFactors().end(), [=](const Factors& f) { return f.length == length; });
}

}  // namespace

double TransformCost(int64_t length) {
  double cost = 0;
  for (int64_t radix : FactorsOf(length).radices) {
    // Radices with a multiplication-free or a factored transform, and the others.
    const bool cheap = radix == 2 || radix == 4 || radix == 6 || radix == 8;
    cost += 8 + static_cast<double>(radix) * (cheap ? 0.8 : 1.1);
  }
  return cost;
}

const std::vector<int64_t>& TransformLengths() {
  static const std::vector<int64_t> lengths = [] {
    std::vector<int64_t> list;
    for (const Factors& f : AllFactors()) list.push_back(f.length);
    return list;
  }();
  return lengths;
}

template <typename T>
FftPlan<T>::FftPlan(int64_t length) : length(length) {
  int64_t n = length, stride = 1;
  for (int64_t radix : FactorsOf(length).radices) {
    Pass pass{radix, n, stride, {}};
    // Of the last pass too, 1: it steps over them unread, which a null pointer must not do.
    for (int64_t p = 0; p < n / radix; ++p) {
      for (int64_t k = 1; k < radix; ++k) {
        const double angle = -kTwoPi * static_cast<double>(p * k % n) / static_cast<double>(n);
        pass.twiddles.push_back(static_cast<T>(std::cos(angle)));
        pass.twiddles.push_back(static_cast<T>(std::sin(angle)));
      }
    }
    passes.push_back(pass);
    n /= radix;
    stride *= radix;
  }
}

template struct FftPlan<float>;
template struct FftPlan<double>;

}  // namespace dau::spectral
