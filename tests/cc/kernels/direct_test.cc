// The direct engine: what every engine must do, and what is its own.
#include "cc/kernels/direct/dau_conv_direct.h"

#include <functional>

#include "cc/kernels/direct/layout.h"
#include "tests/cc/kernels/engine_tests.h"

namespace dau::testing {
namespace {

constexpr const EngineFunctions<float>& kFloat = Direct::kFunctions<float>;

INSTANTIATE_TYPED_TEST_SUITE_P(Direct, EngineTest, Direct);

INSTANTIATE_TYPED_TEST_SUITE_P(DirectPlanes, EngineTest, DirectPlanes);
INSTANTIATE_TYPED_TEST_SUITE_P(DirectLanes, EngineTest, DirectLanes);

// Wherever both serve: the same bits forward and for the input gradient.
template <typename T>
void CheckLayouts(const Case& c) {
  const Problem<T> p(c);
  const auto& planes = DirectPlanes::kFunctions<T>;
  const auto& lanes = DirectLanes::kFunctions<T>;
  EXPECT_EQ(p.Forward(planes, Threads(1)), p.Forward(lanes, Threads(3)));
  EXPECT_EQ(p.BackwardInput(planes, Threads(1)), p.BackwardInput(lanes, Threads(3)));
}

TEST(DirectTest, LayoutsHaveTheSameBits) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    CheckLayouts<float>(c);
    CheckLayouts<double>(c);
  }
}

// More images than fit into one chunk of the workspace: the same as image by image.
TEST(DirectTest, ManyChunks) {
  const Problem<float> batch({"", Shape(5, 1500, 1500, 1, 1, 1), 3});
  const DisplacementGradient kind = DisplacementGradient::kExact;
  const std::vector<float> y = batch.Forward(kFloat, Threads(2)), dx = batch.BackwardInput(kFloat, Threads(2));
  const std::vector<float> gradients = batch.BackwardParams(kFloat, kind, Threads(2));
  std::vector<double> sum(gradients.size());
  for (int64_t n = 0; n < 5; ++n) {
    Problem<float> image = batch;
    const size_t size = 1500 * 1500, begin = n * size;
    image.shape.batch = 1;
    image.x.assign(batch.x.begin() + begin, batch.x.begin() + begin + size);
    image.dy.assign(batch.dy.begin() + begin, batch.dy.begin() + begin + size);
    EXPECT_EQ(std::memcmp(image.Forward(kFloat, Threads(1)).data(), y.data() + begin, size * sizeof(float)), 0);
    EXPECT_EQ(std::memcmp(image.BackwardInput(kFloat, Threads(1)).data(), dx.data() + begin, size * sizeof(float)), 0);
    const std::vector<float> part = image.BackwardParams(kFloat, kind, Threads(1));
    std::transform(sum.begin(), sum.end(), part.begin(), sum.begin(), std::plus<>());
  }
  // Five partial sums, each as large as the whole or smaller.
  Scale largest;
  for (const double value : sum) largest.norm = std::max(largest.norm, std::abs(value));
  ExpectNear(gradients.data(), sum.data(), std::vector<Scale>(sum.size(), largest), 5, Direct::kUnderflows);
}

TEST(DirectTest, RefusesPlanesItCannotAddress) {
  const DauConvShape shape = Shape(1, 60000, 60000, 1, 1, 1);
  size_t bytes = 0;
  const Status status = direct::ForwardWorkspace<float>(shape, {}, Parallel(), &bytes);
  EXPECT_NE(status.message().find("height=60000"), std::string::npos) << status.message();
  EXPECT_FALSE(direct::BackwardInputWorkspace<float>(shape, {}, Parallel(), &bytes).ok());
  EXPECT_FALSE(
      direct::BackwardParamsWorkspace<float>(shape, {}, DisplacementGradient::kExact, false, Parallel(), &bytes).ok());
}

}  // namespace
}  // namespace dau::testing
