// One NaN, infinite or huge value among the others: what it may reach, what it must reach, and that nothing crashes.
//
//   a pixel of x:  outputs of its image alone; from the direct engine only those of units that see it or a pixel next
//                  to it. Of the parameters those of its channel, and σ.
//   a value of dy: the same of dx; of the parameters those of its filter, and σ.
//   a weight:      outputs of its filter, the dx of its channel, the gradient of its own displacement, and σ.
//
// All else keeps its bits. What the formula multiplies by a factor that is not negligible must not be finite.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "tests/cc/kernels/cases.h"
#include "tests/cc/kernels/checks.h"
#include "tests/cc/kernels/engines.h"
#include "tests/cc/kernels/instruction_sets.h"
#include "tests/cc/kernels/problem.h"
#include "tests/cc/kernels/visibility.h"

namespace dau::testing {
namespace {

// An engine may leave out what is below its rounding.
constexpr double kNegligible = 1e-5;

enum class Array { kX, kWeight, kDy };

template <typename T>
struct Results {
  std::vector<T> y, dx, exact, gaussian;

  template <typename E>
  static Results Of(const Problem<T>& p) {
    const EngineFunctions<T>& engine = E::template kFunctions<T>;
    return {p.Forward(engine, Parallel()), p.BackwardInput(engine, Threads(1)),
            p.BackwardParams(engine, DisplacementGradient::kExact, Parallel()),
            p.BackwardParams(engine, DisplacementGradient::kGaussian, Parallel())};
  }
};

// What the value in question can do to each element.
struct Fate {
  bool may = false, must = false;
};

template <typename E, typename T>
class Spoiler {
 public:
  explicit Spoiler(const Case& c) : p_(c), clean_(Results<T>::template Of<E>(p_)), gaussian_(p_.shape.sigma) {
    for (size_t i = 0; i < p_.weight.size(); ++i) units_.emplace_back(p_, gaussian_, i);
  }

  void Check(Array array) {
    std::vector<T>& values = array == Array::kX ? p_.x : array == Array::kWeight ? p_.weight : p_.dy;
    const int64_t count = values.size();
    for (const int64_t i : {int64_t{0}, count / 2, count - 1}) {
      SCOPED_TRACE(::testing::Message() << "array " << static_cast<int>(array) << ", element " << i);
      const Fates fates = FatesOf(array, i);
      for (const T value : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                            -std::numeric_limits<T>::infinity(), std::numeric_limits<T>::max()}) {
        SCOPED_TRACE(value);
        const T before = values[i];
        values[i] = value;
        const Results<T> spoilt = Results<T>::template Of<E>(p_);
        values[i] = before;
        const bool finite = std::isfinite(value);
        Compare("y", clean_.y, spoilt.y, fates.y, finite);
        Compare("dx", clean_.dx, spoilt.dx, fates.dx, finite);
        Compare("exact gradients", clean_.exact, spoilt.exact, fates.params, finite);
        Compare("gaussian gradients", clean_.gaussian, spoilt.gaussian, fates.params, finite);
      }
    }
  }

 private:
  struct Fates {
    std::vector<Fate> y, dx, params;  // params: ∂weight, ∂displacement, ∂σ
  };

  Fates FatesOf(Array array, int64_t i) const {
    const size_t count = p_.weight.size();
    Fates fates{std::vector<Fate>(p_.dy.size()), std::vector<Fate>(p_.x.size()), std::vector<Fate>(3 * count + 1)};
    if (array == Array::kWeight) {
      const VisibleUnit& unit = units_[i];
      for (size_t o = 0; o < p_.dy.size(); ++o) {
        const Place out = Place::OfOutput(p_, o);
        if (out.c == unit.f) fates.y[o] = Possible(unit.v.OfOutput(out.row) * unit.h.OfOutput(out.col));
      }
      for (size_t o = 0; o < p_.x.size(); ++o) {
        const Place pixel = Place::OfInput(p_, o);
        if (pixel.c == unit.s) fates.dx[o] = Possible(unit.v.OfPixel(pixel.row) * unit.h.OfPixel(pixel.col));
      }
      fates.params[count + i] = fates.params[2 * count + i] = Possible(unit.v.OfAny() * unit.h.OfAny());
    } else if (array == Array::kX) {
      const Place pixel = Place::OfInput(p_, i);
      for (size_t o = 0; o < p_.dy.size(); ++o) {
        const Place out = Place::OfOutput(p_, o);
        if (out.n == pixel.n) fates.y[o] = Seen(out, pixel, out.c, pixel.c);
      }
      for (size_t u = 0; u < count; ++u) {
        if (units_[u].s != pixel.c) continue;
        const Fate fate = Possible(units_[u].v.OfPixel(pixel.row) * units_[u].h.OfPixel(pixel.col));
        for (int part = 0; part < 3; ++part) fates.params[part * count + u] = fate;
      }
    } else {
      const Place out = Place::OfOutput(p_, i);
      for (size_t o = 0; o < p_.x.size(); ++o) {
        const Place pixel = Place::OfInput(p_, o);
        if (out.n == pixel.n) fates.dx[o] = Seen(out, pixel, out.c, pixel.c);
      }
      for (size_t u = 0; u < count; ++u) {
        if (units_[u].f != out.c) continue;
        const Fate fate = Possible(units_[u].v.OfOutput(out.row) * units_[u].h.OfOutput(out.col));
        for (int part = 0; part < 3; ++part) fates.params[part * count + u] = fate;
      }
    }
    Fate& sigma = fates.params.back();
    sigma.may = true;
    for (size_t u = 0; u < count; ++u) sigma.must |= fates.params[count + u].must;
    return fates;
  }

  static Fate Possible(double factor) { return {true, factor > kNegligible}; }

  Fate Seen(const Place& out, const Place& pixel, int64_t f, int64_t s) const {
    Fate fate{E::kReach == Reach::kImage, false};
    for (int64_t k = 0; k < p_.shape.units; ++k) {
      const VisibleUnit& unit = units_[(k * p_.shape.in_channels + s) * p_.shape.filters + f];
      fate.may |= unit.SeesNext(out, pixel);
      fate.must |= unit.Factor(out, pixel) > kNegligible;
    }
    return fate;
  }

  void Compare(const char* name, const std::vector<T>& clean, const std::vector<T>& spoilt,
               const std::vector<Fate>& fates, bool finite) const {
    if (!Checks<E>::Served(spoilt, fates.size())) return;
    int64_t escaped = 0, lost = 0;
    for (size_t i = 0; i < fates.size(); ++i) {
      escaped += !fates[i].may && std::memcmp(&spoilt[i], &clean[i], sizeof(T)) != 0;
      lost += !finite && fates[i].must && std::isfinite(spoilt[i]);
    }
    EXPECT_EQ(escaped, 0) << "of " << name << " have changed that must not";
    EXPECT_EQ(lost, 0) << "of " << name << " are finite that must not be";
  }

  Problem<T> p_;
  Results<T> clean_;
  GaussianTaps gaussian_;
  std::vector<VisibleUnit> units_;
};

template <typename E>
class SpoiltValuesTest : public ::testing::Test {
 protected:
  static void CheckCases(Array array) {
    ForEachInstructionSet([&] {
      for (const Case& c : Cases()) {
        if (!IsSmall(c)) continue;
        SCOPED_TRACE(c.name);
        Spoiler<E, float>(c).Check(array);
        Spoiler<E, double>(c).Check(array);
      }
    });
  }
};
TYPED_TEST_SUITE(SpoiltValuesTest, Engines, NameOfEngine);

TYPED_TEST(SpoiltValuesTest, Pixel) { TestFixture::CheckCases(Array::kX); }
TYPED_TEST(SpoiltValuesTest, Weight) { TestFixture::CheckCases(Array::kWeight); }
TYPED_TEST(SpoiltValuesTest, OutputGradient) { TestFixture::CheckCases(Array::kDy); }

}  // namespace
}  // namespace dau::testing
