// What every engine must get right, against the reference: every case and random ones, both precisions, any number of
// threads, every instruction set. An engine of engines.h is put to it by
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Direct, EngineTest, Direct);
#ifndef DAU_TESTS_CC_KERNELS_ENGINE_TESTS_H_
#define DAU_TESTS_CC_KERNELS_ENGINE_TESTS_H_

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "tests/cc/kernels/cases.h"
#include "tests/cc/kernels/checks.h"
#include "tests/cc/kernels/engines.h"
#include "tests/cc/kernels/instruction_sets.h"
#include "tests/cc/kernels/problem.h"

namespace dau::testing {

template <typename E>
class EngineTest : public ::testing::Test {};

TYPED_TEST_SUITE_P(EngineTest);

TYPED_TEST_P(EngineTest, CasesInFloat) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    Checks<TypeParam>::Everything(Problem<float>(c));
  }
}

TYPED_TEST_P(EngineTest, CasesInDouble) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    Checks<TypeParam>::Everything(Problem<double>(c));
  }
}

TYPED_TEST_P(EngineTest, RandomShapes) {
  ForEachInstructionSet([] {
    for (uint64_t seed = 0; seed < 100; ++seed) {
      const Case c = RandomCase(seed);
      SCOPED_TRACE(Describe(c, seed));
      if (seed % 2) {
        Checks<TypeParam>::Everything(Problem<double>(c, seed));
      } else {
        Checks<TypeParam>::Everything(Problem<float>(c, seed));
      }
    }
  });
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
    using Engine = Checks<TypeParam>;
    if (Engine::Served(y, batch.dy.size()) && Engine::Served(y_alone, image.dy.size())) {
      EXPECT_EQ(std::memcmp(y.data(), y_alone.data(), y_alone.size() * sizeof(float)), 0);
    }
    if (Engine::Served(dx, batch.x.size()) && Engine::Served(dx_alone, image.x.size())) {
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
  if (Checks<TypeParam>::Served(gradients, 3 * p.weight.size() + 1)) {
    EXPECT_EQ(gradients, std::vector<float>(3 * p.weight.size() + 1, 0));
  }
}

TYPED_TEST_P(EngineTest, EveryInstructionSet) {
  if (!kInstructionSets) return;
  ForEachInstructionSet([] {
    for (const Case& c : Cases()) {
      SCOPED_TRACE(c.name);
      const Problem<float> in_float(c);
      const Problem<double> in_double(c);
      Checks<TypeParam>::Forward(in_float);
      Checks<TypeParam>::Forward(in_double);
      Checks<TypeParam>::BackwardInput(in_float);
      Checks<TypeParam>::BackwardParams(in_float, DisplacementGradient::kExact);
      Checks<TypeParam>::BackwardParams(in_double, DisplacementGradient::kGaussian);
    }
  });
}

REGISTER_TYPED_TEST_SUITE_P(EngineTest, CasesInFloat, CasesInDouble, RandomShapes, SameBitsWithAnyNumberOfThreads,
                            ImagesDoNotSeeEachOther, EmptyBatchGivesZeroGradients, EveryInstructionSet);

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_ENGINE_TESTS_H_
