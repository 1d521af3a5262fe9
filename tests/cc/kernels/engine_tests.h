// What every engine must get right, against the reference: every case and random ones, both precisions, any number of
// threads, every instruction set. An engine's test describes it and instantiates the suite:
//
//   struct Direct {
//     static constexpr bool kServesEverything = true;  // false: it may refuse a shape, and is then let off
//     template <typename T>
//     static constexpr EngineFunctions<T> kFunctions = DAU_ENGINE_FUNCTIONS(T, direct);
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Direct, EngineTest, Direct);
#ifndef DAU_TESTS_CC_KERNELS_ENGINE_TESTS_H_
#define DAU_TESTS_CC_KERNELS_ENGINE_TESTS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "cc/kernels/engine_functions.h"
#include "cc/kernels/reference/dau_conv_reference.h"
#include "hwy/highway.h"
#include "tests/cc/kernels/cases.h"
#include "tests/cc/kernels/problem.h"

namespace dau::testing {

template <typename E>
class EngineTest : public ::testing::Test {
 public:
  // Whether there is a result to look at; `count` is its size.
  template <typename T>
  static bool Served(const std::vector<T>& result, size_t count) {
    if (result.size() == count) return true;
    EXPECT_FALSE(E::kServesEverything) << "refused";
    return false;
  }

  template <typename T>
  static void CheckForward(const Case& c, uint64_t seed = 7) {
    const Problem<T> p(c, seed);
    const std::vector<T> actual = p.Forward(E::template kFunctions<T>, Threads(1));
    if (!Served(actual, p.dy.size())) return;
    std::vector<double> expected(p.dy.size());
    reference::Forward(p.shape, Double(p.x).data(), Double(p.weight).data(), Double(p.displacement).data(),
                       expected.data());
    ExpectNear(actual.data(), expected.data(), expected.size(), p.shape.units * p.shape.in_channels, p.OutputScale());
  }

  template <typename T>
  static void CheckBackwardInput(const Case& c, uint64_t seed = 7) {
    const Problem<T> p(c, seed);
    const std::vector<T> actual = p.BackwardInput(E::template kFunctions<T>, Threads(1));
    if (!Served(actual, p.x.size())) return;
    std::vector<double> expected(p.x.size());
    reference::BackwardInput(p.shape, Double(p.weight).data(), Double(p.displacement).data(), Double(p.dy).data(),
                             expected.data());
    ExpectNear(actual.data(), expected.data(), expected.size(), p.shape.units * p.shape.filters,
               p.InputGradientScale());
  }

  template <typename T>
  static void CheckBackwardParams(const Case& c, DisplacementGradient kind, uint64_t seed = 7) {
    const Problem<T> p(c, seed);
    const size_t count = p.weight.size();
    std::vector<T> actual = p.BackwardParams(E::template kFunctions<T>, kind, Threads(1));
    if (!Served(actual, 3 * count + 1)) return;
    std::vector<double> expected(3 * count);
    double sigma;
    reference::BackwardParams(p.shape, kind, Double(p.x).data(), Double(p.weight).data(), Double(p.displacement).data(),
                              Double(p.dy).data(), {expected.data(), expected.data() + count, &sigma});
    const double pixels = p.shape.batch * OutputHeight(p.shape) * OutputWidth(p.shape);
    ExpectNear(actual.data(), expected.data(), count, pixels, p.WeightGradientScale());
    ExpectNear(actual.data() + count, expected.data() + count, 2 * count, pixels, p.DisplacementGradientScale(kind));
    const double terms = pixels * count;
    EXPECT_NEAR(actual.back(), sigma,
                Tolerance::OfSum<T>(terms).relative_eps * p.SigmaGradientScale() +
                    terms * std::numeric_limits<T>::min());  // the slope of a σ of 0.05 px underflows
    actual.pop_back();
    EXPECT_EQ(p.BackwardParams(E::template kFunctions<T>, kind, Threads(1), /*sigma=*/false), actual);
  }

  template <typename T>
  static void CheckEverything(const Case& c, uint64_t seed = 7) {
    CheckForward<T>(c, seed);
    CheckBackwardInput<T>(c, seed);
    CheckBackwardParams<T>(c, DisplacementGradient::kExact, seed);
    CheckBackwardParams<T>(c, DisplacementGradient::kGaussian, seed);
  }
};

TYPED_TEST_SUITE_P(EngineTest);

TYPED_TEST_P(EngineTest, CasesInFloat) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    this->template CheckEverything<float>(c);
  }
}

TYPED_TEST_P(EngineTest, CasesInDouble) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    this->template CheckEverything<double>(c);
  }
}

TYPED_TEST_P(EngineTest, RandomShapes) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Case c = RandomCase(seed);
    SCOPED_TRACE(Describe(c, seed));
    if (seed % 2) {
      this->template CheckEverything<double>(c, seed);
    } else {
      this->template CheckEverything<float>(c, seed);
    }
  }
}

TYPED_TEST_P(EngineTest, SameBitsWithAnyNumberOfThreads) {
  const auto& engine = TypeParam::template kFunctions<float>;
  const DisplacementGradient kind = DisplacementGradient::kGaussian;
  const auto same = [](const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  };
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const Problem<float> p(c);
    for (int threads : {2, 5}) {
      EXPECT_TRUE(same(p.Forward(engine, Threads(1)), p.Forward(engine, Threads(threads))));
      EXPECT_TRUE(same(p.BackwardInput(engine, Threads(1)), p.BackwardInput(engine, Threads(threads))));
      EXPECT_TRUE(same(p.BackwardParams(engine, kind, Threads(1)), p.BackwardParams(engine, kind, Threads(threads))));
    }
  }
}

// With ignore_batch an image alone gives the bits that it gives inside a batch, and a NaN stays in its image.
TYPED_TEST_P(EngineTest, ImagesDoNotSeeEachOther) {
  const auto& engine = TypeParam::template kFunctions<float>;
  for (const Case& c : Cases()) {
    if (c.shape.batch < 2) continue;
    SCOPED_TRACE(c.name);
    Problem<float> batch(c);
    batch.shape.ignore_batch = true;
    Problem<float> image = batch;
    image.shape.batch = 1;
    image.x.resize(InputCount(image.shape));
    image.dy.resize(OutputCount(image.shape));
    batch.x.back() = batch.dy.back() = std::numeric_limits<float>::quiet_NaN();  // of the last image
    const std::vector<float> y = batch.Forward(engine, Threads(1)), y_alone = image.Forward(engine, Threads(1));
    const std::vector<float> dx = batch.BackwardInput(engine, Threads(1));
    const std::vector<float> dx_alone = image.BackwardInput(engine, Threads(1));
    if (this->Served(y, batch.dy.size()) && this->Served(y_alone, image.dy.size())) {
      EXPECT_EQ(std::memcmp(y.data(), y_alone.data(), y_alone.size() * sizeof(float)), 0);
    }
    if (this->Served(dx, batch.x.size()) && this->Served(dx_alone, image.x.size())) {
      EXPECT_EQ(std::memcmp(dx.data(), dx_alone.data(), dx_alone.size() * sizeof(float)), 0);
    }
  }
}

TYPED_TEST_P(EngineTest, EmptyBatchGivesZeroGradients) {
  const auto& engine = TypeParam::template kFunctions<float>;
  const Problem<float> p({"", Shape(0, 5, 6, 2, 3, 2), 2});
  EXPECT_TRUE(p.Forward(engine, Threads(1)).empty());
  EXPECT_TRUE(p.BackwardInput(engine, Threads(1)).empty());
  const std::vector<float> gradients = p.BackwardParams(engine, DisplacementGradient::kExact, Threads(1));
  if (this->Served(gradients, 3 * p.weight.size() + 1)) {
    EXPECT_EQ(gradients, std::vector<float>(3 * p.weight.size() + 1, 0));
  }
}

// False for an engine that says `kVectors = false`: it has nothing to dispatch.
template <typename E, typename = void>
constexpr bool kUsesVectors = true;
template <typename E>
constexpr bool kUsesVectors<E, std::void_t<decltype(E::kVectors)>> = E::kVectors;

// Every instruction set that this machine has, down to the one that every machine has.
TYPED_TEST_P(EngineTest, EveryInstructionSet) {
  if (!kUsesVectors<TypeParam>) return;
  for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    for (const Case& c : Cases()) {
      SCOPED_TRACE(c.name);
      this->template CheckForward<float>(c);
      this->template CheckForward<double>(c);
      this->template CheckBackwardInput<float>(c);
      this->template CheckBackwardParams<float>(c, DisplacementGradient::kExact);
      this->template CheckBackwardParams<double>(c, DisplacementGradient::kGaussian);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

REGISTER_TYPED_TEST_SUITE_P(EngineTest, CasesInFloat, CasesInDouble, RandomShapes, SameBitsWithAnyNumberOfThreads,
                            ImagesDoNotSeeEachOther, EmptyBatchGivesZeroGradients, EveryInstructionSet);

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_ENGINE_TESTS_H_
