// The spectral engine: what every engine must do, and what is its own.
#include "cc/kernels/spectral/dau_conv_spectral.h"

#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/fft_plan.h"
#include "cc/kernels/spectral/tiling.h"
#include "tests/cc/kernels/engine_tests.h"

namespace dau::testing {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Spectral, EngineTest, Spectral);

// Images of one row that need a single tile of each length: all radices, one and two passes before the last.
TEST(SpectralTest, EveryTransformLength) {
  for (int64_t length : spectral::TransformLengths()) {
    SCOPED_TRACE(length);
    const Case c{"", Shape(1, 1, length - 4, 2, 3, 1), 0.9};
    const Problem<double> p(c);
    spectral::Tiling tiling;
    ASSERT_TRUE(ChooseTiling(spectral::Direction::kForward, p.shape, p.range, &tiling).ok());
    Checks<Spectral>::Everything(p);
  }
}

// Many tiles, in several chunks of the workspace.
TEST(SpectralTest, ManyTiles) {
  for (const Case& c :
       {Case{"", Shape(2, 260, 250, 3, 4, 2), 3}, Case{"", Strided(Shape(1, 190, 300, 2, 3, 2), 2, 3), 20},
        Case{"", Nchw(Shape(1, 120, 130, 35, 33, 3)), 6}}) {
    Checks<Spectral>::Everything(Problem<float>(c));
  }
}

// Both forms of the kernels' spectra and of the gradients: even and odd reaches, other ones along each axis, more input
// channels than one group holds, the adjoint.
TEST(SpectralTest, BothForms) {
  const struct {
    Case problem;
    bool product, exact, gaussian;  // by taps
  } rows[] = {
      {{"ManyUnits", Shape(2, 17, 14, 70, 35, 8), 1.5}, true, true, true},
      {{"Strided", Strided(Valid(Shape(1, 40, 31, 5, 6, 7), 2.5), 3, 2), 2.5}, true, true, true},
      {{"Far", Shape(1, 30, 33, 3, 4, 8), 9}, true, true, false},
      {{"Nchw", Nchw(Shape(1, 20, 60, 19, 33, 3)), 2.9}, true, true, false},
      {{"OneUnit", Shape(1, 30, 30, 20, 5, 1), 3}, false, false, false},
      {{"Farther", Shape(1, 40, 40, 2, 3, 8), 15}, false, false, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.problem.name);
    const Problem<float> p(row.problem);
    const int64_t units = p.shape.units;
    for (const spectral::Direction direction : {spectral::Direction::kForward, spectral::Direction::kBackward}) {
      spectral::Tiling tiling;
      ASSERT_TRUE(ChooseTiling(direction, p.shape, p.range, &tiling).ok());
      EXPECT_EQ(spectral::ByTaps(tiling, units), row.product);
      EXPECT_EQ(spectral::ByTaps(tiling, units, DisplacementGradient::kExact), row.exact);
      EXPECT_EQ(spectral::ByTaps(tiling, units, DisplacementGradient::kGaussian), row.gaussian);
    }
    Checks<Spectral>::Everything(p);
    Checks<Spectral>::Everything(Problem<double>(row.problem));
  }
}

TEST(SpectralTest, RefusesDisplacementsBeyondItsTiles) {
  const DauConvShape shape = Shape(1, 2000, 2000, 1, 1, 1);
  DisplacementRange range;
  range.max_v = 1000;
  size_t bytes = 0;
  const Status status = spectral::ForwardWorkspace<float>(shape, range, Parallel(), &bytes);
  EXPECT_NE(status.message().find("displacements from 0 to 1001 vertically"), std::string::npos) << status.message();
  EXPECT_FALSE(spectral::BackwardInputWorkspace<float>(shape, range, Parallel(), &bytes).ok());
  EXPECT_FALSE(
      spectral::BackwardParamsWorkspace<float>(shape, range, DisplacementGradient::kExact, false, Parallel(), &bytes)
          .ok());
}

// The workspace stays bounded: 64 MiB for any shape and number of threads, but for the spectra of a single tile.
TEST(SpectralTest, WorkspaceIsBounded) {
  Parallel threads;
  threads.num_threads = 64;
  DisplacementRange range;
  range.min_v = range.min_h = -4;
  range.max_v = range.max_h = 3;
  for (const DauConvShape& shape : {Shape(64, 512, 512, 32, 32, 2), Shape(1, 1000, 1000, 512, 512, 8),
                                    Shape(256, 8, 8, 512, 512, 4), Shape(1, 64, 64, 256, 256, 6)}) {
    size_t bytes = 0;
    ASSERT_TRUE(spectral::ForwardWorkspace<float>(shape, range, threads, &bytes).ok());
    EXPECT_LE(bytes, size_t{64} << 20) << shape.in_channels << " channels";
    ASSERT_TRUE(
        spectral::BackwardParamsWorkspace<float>(shape, range, DisplacementGradient::kGaussian, true, threads, &bytes)
            .ok());
    EXPECT_LE(bytes, (size_t{64} << 20) + 16 * shape.units * shape.in_channels * shape.filters);
  }
}

}  // namespace
}  // namespace dau::testing
