// The front door: which engine answers, and the 16-bit types.
#include "cc/kernels/dau_conv.h"

#include <cmath>
#include <string>
#include <vector>

#include "cc/kernels/base/convert.h"
#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/engine_functions.h"
#include "tests/cc/kernels/problem.h"

namespace dau::testing {
namespace {

// Every array of a call through the front door.
template <typename T>
struct Results {
  std::vector<T> y, dx, dw;
  std::vector<Real<T>> dmu, dsigma;
};

template <typename T>
Results<T> Run(const Options& options, const Problem<Real<T>>& p, const std::vector<T>& x, const std::vector<T>& weight,
               const std::vector<T>& dy) {
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
  const auto engine = DAU_ENGINE_FUNCTIONS(TypeParam, direct);
  const Results<TypeParam> direct = Run<TypeParam>({Engine::kDirect}, p, p.x, p.weight, p.dy);
  EXPECT_EQ(direct.y, p.Forward(engine, Threads(2)));
  EXPECT_EQ(direct.dx, p.BackwardInput(engine, Threads(2)));
  const Results<TypeParam> reference = Run<TypeParam>({Engine::kReference}, p, p.x, p.weight, p.dy);
  EXPECT_NE(reference.y, direct.y) << "the reference sums in another order";
  const auto expect_near = [](const std::vector<TypeParam>& a, const std::vector<TypeParam>& b, double terms,
                              double scale) { ExpectNear(a.data(), Double(b).data(), b.size(), terms, scale); };
  const double pixels = p.shape.batch * p.shape.height * p.shape.width;
  expect_near(direct.y, reference.y, p.shape.units * p.shape.in_channels, p.OutputScale());
  expect_near(direct.dx, reference.dx, p.shape.units * p.shape.filters, p.InputGradientScale());
  expect_near(direct.dw, reference.dw, pixels, p.WeightGradientScale());
  expect_near(direct.dmu, reference.dmu, pixels, p.DisplacementGradientScale(DisplacementGradient::kExact));
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
  static void ExpectSame(const std::vector<Half>& actual, const std::vector<float>& expected) {
    EXPECT_EQ(Widen(actual), Widen(Narrow(expected)));
  }
};
using Halves = ::testing::Types<BFloat16, Float16>;
TYPED_TEST_SUITE(HalfTest, Halves);

// The float result of the widened arrays, rounded once: bit for bit, by either engine, in any layout.
TYPED_TEST(HalfTest, IsFloatRoundedOnce) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    const Problem<float> p(c);
    const auto x = this->Narrow(p.x), weight = this->Narrow(p.weight), dy = this->Narrow(p.dy);
    for (Engine engine : {Engine::kDirect, Engine::kReference}) {
      if (engine == Engine::kReference && p.x.size() * p.weight.size() > 20000) continue;  // slow
      const Results<float> expected = Run<float>({engine}, p, this->Widen(x), this->Widen(weight), this->Widen(dy));
      const Results<TypeParam> actual = Run<TypeParam>({engine}, p, x, weight, dy);
      this->ExpectSame(actual.y, expected.y);
      this->ExpectSame(actual.dx, expected.dx);
      this->ExpectSame(actual.dw, expected.dw);
      EXPECT_EQ(actual.dmu, expected.dmu);
      EXPECT_EQ(actual.dsigma, expected.dsigma);
    }
  }
}

}  // namespace
}  // namespace dau::testing
