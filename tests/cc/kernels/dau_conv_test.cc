// The front door: which engine answers, and the 16-bit types.
#include "cc/kernels/dau_conv.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cc/kernels/base/convert.h"
#include "tests/cc/kernels/engine_tests.h"

namespace dau::testing {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(FrontDoor, EngineTest, FrontDoor);

// Every array of a call through the front door.
template <typename T>
struct Results {
  std::vector<T> y, dx, dw;
  std::vector<Real<T>> dmu, dsigma;
};

template <typename T>
Results<T> CallAll(const Options& options, const Problem<Real<T>>& p, const std::vector<T>& x,
                   const std::vector<T>& weight, const std::vector<T>& dy) {
  const DisplacementGradient kind = DisplacementGradient::kExact;
  const Parallel parallel = Threads(2);
  const Real<T>* const mu = p.displacement.data();
  Results<T> r{std::vector<T>(dy.size()), std::vector<T>(x.size()), std::vector<T>(weight.size()),
               std::vector<Real<T>>(2 * weight.size()), std::vector<Real<T>>(1)};
  size_t bytes = 0;
  EXPECT_TRUE(ForwardWorkspace<T>(options, p.shape, p.range, parallel, &bytes).ok());
  Scratch forward(bytes);
  Forward<T>(options, p.shape, p.range, x.data(), weight.data(), mu, r.y.data(), forward.data(), parallel);
  EXPECT_TRUE(BackwardInputWorkspace<T>(options, p.shape, p.range, parallel, &bytes).ok());
  Scratch input(bytes);
  BackwardInput<T>(options, p.shape, p.range, weight.data(), mu, dy.data(), r.dx.data(), input.data(), parallel);
  EXPECT_TRUE(BackwardParamsWorkspace<T>(options, p.shape, p.range, kind, true, parallel, &bytes).ok());
  Scratch params(bytes);
  BackwardParams<T>(options, p.shape, p.range, kind, x.data(), weight.data(), mu, dy.data(),
                    {r.dw.data(), r.dmu.data(), r.dsigma.data()}, params.data(), parallel);
  return r;
}

template <typename T>
class FrontDoorTest : public ::testing::Test {};
using Precisions = ::testing::Types<float, double>;
TYPED_TEST_SUITE(FrontDoorTest, Precisions);

TYPED_TEST(FrontDoorTest, TheForcedEngineAnswers) {
  const Problem<TypeParam> p(Cases().front());
  const auto& engine = Direct::kFunctions<TypeParam>;
  const Results<TypeParam> direct = CallAll<TypeParam>({Engine::kDirect}, p, p.x, p.weight, p.dy);
  EXPECT_EQ(direct.y, p.Forward(engine, Threads(2)));
  EXPECT_EQ(direct.dx, p.BackwardInput(engine, Threads(2)));
  const Results<TypeParam> reference = CallAll<TypeParam>({Engine::kReference}, p, p.x, p.weight, p.dy);
  EXPECT_NE(reference.y, direct.y) << "the reference sums in another order";
  const Scales<TypeParam> scales(p, Direct::kLerpsByRatio);
  const auto expect_near = [](const std::vector<TypeParam>& a, const std::vector<TypeParam>& b, double terms,
                              const std::vector<Scale>& scale) {
    ExpectNear(a.data(), Double(b).data(), scale, terms, Direct::kUnderflows);
  };
  const double pixels = p.shape.batch * p.shape.height * p.shape.width;
  expect_near(direct.y, reference.y, p.shape.units * p.shape.in_channels, scales.Output());
  expect_near(direct.dx, reference.dx, p.shape.units * p.shape.filters, scales.InputGradient());
  expect_near(direct.dw, reference.dw, pixels, scales.WeightGradient());
  expect_near(direct.dmu, reference.dmu, pixels, scales.DisplacementGradient(DisplacementGradient::kExact));
}

TYPED_TEST(FrontDoorTest, AForcedEngineThatRefusesIsNamed) {
  DisplacementRange far;
  far.max_v = 1000;
  const struct {
    Engine engine;
    DauConvShape shape;
    DisplacementRange range;
    const char* part;
  } rows[] = {{Engine::kDirect, Shape(1, 60000, 60000, 1, 1, 1), {}, "height=60000"},
              {Engine::kSpectral, Shape(1, 2000, 2000, 1, 1, 1), far, "displacements from 0 to 1001"}};
  size_t bytes = 0;
  for (const auto& row : rows) {
    const Options options{row.engine};
    const std::string message =
        ForwardWorkspace<TypeParam>(options, row.shape, row.range, Parallel(), &bytes).message();
    EXPECT_NE(message.find(row.part), std::string::npos) << message;
    EXPECT_NE(message.find(EngineName(row.engine)), std::string::npos) << message;
    EXPECT_FALSE(BackwardInputWorkspace<TypeParam>(options, row.shape, row.range, Parallel(), &bytes).ok());
    EXPECT_FALSE(BackwardParamsWorkspace<TypeParam>(options, row.shape, row.range, {}, false, Parallel(), &bytes).ok());
    // Left to itself the front door takes the engine that can.
    EXPECT_TRUE(ForwardWorkspace<TypeParam>({}, row.shape, row.range, Parallel(), &bytes).ok());
  }
}

// Images that neither engine holds: too large for the one, displaced too far for the other.
TYPED_TEST(FrontDoorTest, WhatNoEngineServesIsAnError) {
  DisplacementRange far;
  far.max_v = far.max_h = 50000;
  size_t bytes = 0;
  EXPECT_FALSE(ForwardWorkspace<TypeParam>({}, Shape(1, 60000, 60000, 1, 1, 1), far, Parallel(), &bytes).ok());
}

// Of the three passes, the largest.
template <typename T>
size_t ScratchBytes(const Options& options, const DauConvShape& shape, const DisplacementRange& range, int threads) {
  const Parallel parallel = Threads(threads);
  size_t forward = 0, input = 0, params = 0;
  EXPECT_TRUE(ForwardWorkspace<T>(options, shape, range, parallel, &forward).ok());
  EXPECT_TRUE(BackwardInputWorkspace<T>(options, shape, range, parallel, &input).ok());
  EXPECT_TRUE(BackwardParamsWorkspace<T>(options, shape, range, {}, true, parallel, &params).ok());
  return std::max({forward, input, params});
}

// The bound that docs/reliability.md states: lines and columns of pixels, whose border would be many times themselves,
// as well as images.
TYPED_TEST(FrontDoorTest, ScratchMemoryIsBounded) {
  DisplacementRange range;
  range.min_v = range.min_h = -5;
  range.max_v = range.max_h = 4;
  for (const DauConvShape& shape :
       {Shape(1, 1, 1000000, 1, 9, 4), Shape(2, 1, 1000000, 64, 64, 2), Shape(1, 1000000, 1, 16, 16, 2),
        Shape(1, 2, 400000, 64, 64, 2), Shape(0, 1, 30000000, 1, 9, 4), Shape(1, 3, 3, 1000, 1000, 2),
        Strided(Shape(2, 7, 7, 5, 3, 2), 4, 15266528), Shape(8, 256, 256, 64, 64, 2), Shape(1, 4000, 4000, 8, 8, 2),
        Shape(1, 1000, 1000, 512, 512, 1)}) {
    DauConvShape one = shape;
    one.batch = 1;
    const double mib = 1 << 20, tensors = sizeof(TypeParam) * static_cast<double>(InputCount(one) + OutputCount(one));
    const double units = 32.0 * sizeof(TypeParam) * static_cast<double>(UnitCount(shape));
    for (int threads : {1, 16, 64}) {
      EXPECT_LE(ScratchBytes<TypeParam>({}, shape, range, threads),
                std::max(512 * mib, 4 * tensors) + units + threads * mib)
          << shape.height << "x" << shape.width << "x" << shape.in_channels;
    }
  }
}

TYPED_TEST(FrontDoorTest, AnEmptyBatchNeedsNoMemory) {
  for (Engine engine : {Engine::kAuto, Engine::kDirect, Engine::kSpectral, Engine::kReference}) {
    EXPECT_EQ(ScratchBytes<TypeParam>({engine}, Shape(0, 30000, 40000, 8, 8, 2), {}, 4), 0) << EngineName(engine);
  }
}

TEST(FrontDoorTest, EnginesByName) {
  for (Engine engine : {Engine::kAuto, Engine::kReference, Engine::kDirect, Engine::kSpectral}) {
    Engine parsed = engine == Engine::kAuto ? Engine::kDirect : Engine::kAuto;
    EXPECT_TRUE(ParseEngine(EngineName(engine), &parsed));
    EXPECT_EQ(parsed, engine);
  }
  Engine engine;
  EXPECT_FALSE(ParseEngine("Direct", &engine));
  EXPECT_FALSE(ParseEngine("", &engine));
}

template <typename Half>
class HalfTest : public ::testing::Test {
 protected:
  static std::vector<Half> Narrow(const std::vector<float>& values) {
    std::vector<Half> halves(values.size());
    FromFloat(values.data(), values.size(), halves.data(), Parallel());
    return halves;
  }
  static std::vector<float> Widen(const std::vector<Half>& halves) {
    std::vector<float> values(halves.size());
    ToFloat(halves.data(), halves.size(), values.data(), Parallel());
    return values;
  }
  // One NaN is as good as another.
  static void ExpectSame(const std::vector<Half>& actual, const std::vector<float>& expected) {
    ExpectSame(Widen(actual), Widen(Narrow(expected)));
  }
  static void ExpectSame(const std::vector<float>& actual, const std::vector<float>& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
      EXPECT_EQ(actual[i], expected[i]) << "at " << i;
    }
  }
  // A call in 16 bits against the float result of the widened arrays, rounded once.
  static void Check(Engine engine, const Problem<float>& p) {
    const auto x = Narrow(p.x), weight = Narrow(p.weight), dy = Narrow(p.dy);
    const Results<float> expected = CallAll<float>({engine}, p, Widen(x), Widen(weight), Widen(dy));
    const Results<Half> actual = CallAll<Half>({engine}, p, x, weight, dy);
    ExpectSame(actual.y, expected.y);
    ExpectSame(actual.dx, expected.dx);
    ExpectSame(actual.dw, expected.dw);
    ExpectSame(actual.dmu, expected.dmu);
    ExpectSame(actual.dsigma, expected.dsigma);
  }
};
using Halves = ::testing::Types<BFloat16, Float16>;
TYPED_TEST_SUITE(HalfTest, Halves);

// Bit for bit, by any engine, in any layout.
TYPED_TEST(HalfTest, IsFloatRoundedOnce) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const Problem<float> p(c);
    for (Engine engine : {Engine::kDirect, Engine::kReference, Engine::kSpectral}) {
      if (engine == Engine::kReference && p.x.size() * p.weight.size() > 20000) continue;  // slow
      this->Check(engine, p);
    }
  }
}

// Numbers that 16 bits hold badly or not at all: float16 ends at 65504, its denormals begin below 6e-5; bfloat16's
// are float's. NaN and infinity go through the storage as they are.
TYPED_TEST(HalfTest, ExtremeValuesAreFloatRoundedOnce) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float values[] = {65504, 65520, 1e30f, 6e-5f, 3e-8f, 1e-30f, 1e-39f, infinity, -infinity, std::nanf("")};
  for (const float value : values) {
    SCOPED_TRACE(value);
    for (Engine engine : {Engine::kDirect, Engine::kReference, Engine::kSpectral}) {
      Problem<float> p({"", Shape(2, 9, 11, 3, 5, 2), 3});
      for (std::vector<float>* array : {&p.x, &p.weight, &p.dy}) {
        float& element = (*array)[array->size() / 2];
        const float before = element;
        element = value;
        this->Check(engine, p);
        element = before;
      }
    }
  }
}

}  // namespace
}  // namespace dau::testing
