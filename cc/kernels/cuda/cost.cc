#include "cc/kernels/cuda/cost.h"

#include <limits>

#include "cc/kernels/cuda/cross.h"
#include "cc/kernels/cuda/product.h"
#include "cc/kernels/cuda/tile.h"
#include "cc/kernels/cuda/units.h"

namespace dau::cuda {
namespace {

// A sample of a tile: half a complex one, in two passes along each axis, with its way in and out of memory.
constexpr double kTransform = 60;
// A unit and output of the direct form, in instructions or in reads of shared memory, of which an SM does 32 beside 128
// instructions: 45 words for 32 outputs, 4 words for each with strides; a correlation 6 more for 32.
constexpr double kDense = 5.7, kStrided = 16, kCorrelate = 6.4;

double Images(const DauConvShape& shape) { return shape.ignore_batch ? 1 : static_cast<double>(shape.batch); }

double Transforms(const DauConvShape& shape, const Circle& circle) {
  return kTransform * Images(shape) * static_cast<double>(circle.Tiles()) * circle.v.length * circle.h.length *
         static_cast<double>(shape.in_channels + shape.filters);
}

int64_t TileCount(const DauConvShape& shape, const Circle& circle) {
  return (shape.ignore_batch ? 1 : shape.batch) * circle.Tiles();
}

// Outputs that blocks compute, those beyond the image included.
double DirectOutputs(const Sampling& sampling) {
  const PatchSize patch = ChoosePatch(sampling);
  const Tile tile = MakeTile(patch, sampling, 0, 0);
  return static_cast<double>(tile.Count()) * tile.rows * tile.cols;
}

double DirectCost(Pass pass, DisplacementGradient kind, const DauConvShape& shape) {
  const double units = static_cast<double>(UnitCount(shape)) * Images(shape);
  if (pass == Pass::kBackwardInput) {
    return units * DirectOutputs({shape.height, shape.width, 1, 1, 0, 0}) * kDense;
  }
  const Sampling sampling = {OutputHeight(shape), OutputWidth(shape), shape.stride_h, shape.stride_w, 0, 0};
  const double outputs = units * DirectOutputs(sampling);
  if (pass == Pass::kForward) return outputs * (sampling.Dense() ? kDense : kStrided);
  const double correlations = kind == DisplacementGradient::kExact ? 1 : 3;
  return outputs * correlations * (sampling.Dense() ? kCorrelate : kStrided);
}

double ParamsCost(const DauConvShape& shape, const Circle& circle, DisplacementGradient kind) {
  return CrossCost(circle, UnitOrder(shape, /*adjoint=*/false), kind, TileCount(shape, circle)) +
         Transforms(shape, circle);
}

}  // namespace

double SpectralGatherCost(const DauConvShape& shape, bool adjoint, const Circle& circle) {
  const int64_t tiles = TileCount(shape, circle);
  const int64_t in = adjoint ? shape.filters : shape.in_channels, out = adjoint ? shape.in_channels : shape.filters;
  const int at_once = ChooseTilesAtOnce(tiles, in, out, shape.units);
  return circle.Groups() * ProductCost(at_once, tiles, in, out, shape.units) + Transforms(shape, circle);
}

// Tiles are the same for both kinds.
double SpectralParamsCost(const DauConvShape& shape, bool, const Circle& circle) {
  return ParamsCost(shape, circle, DisplacementGradient::kExact);
}

double EstimateCost(Engine form, Pass pass, DisplacementGradient kind, const DauConvShape& shape) {
  if (form == Engine::kDirect) return DirectCost(pass, kind, shape);
  Circle circle;
  const bool adjoint = pass == Pass::kBackwardInput, params = pass == Pass::kBackwardParams;
  if (!ChooseCircle(shape, adjoint, ExpectedReach(shape), params ? SpectralParamsCost : SpectralGatherCost, &circle)
           .ok()) {
    return std::numeric_limits<double>::infinity();
  }
  return params ? ParamsCost(shape, circle, kind) : SpectralGatherCost(shape, adjoint, circle);
}

Engine ChooseForm(Pass pass, DisplacementGradient kind, const DauConvShape& shape, size_t real_bytes) {
  // Without a limit units may stand beyond their tile, where one costs a hundred times what others do. The costs are
  // float's.
  if (shape.max_displacement < 0 || real_bytes != sizeof(float)) return Engine::kDirect;
  const auto cost = [&](Engine form) { return EstimateCost(form, pass, kind, shape); };
  return cost(Engine::kSpectral) < cost(Engine::kDirect) ? Engine::kSpectral : Engine::kDirect;
}

}  // namespace dau::cuda
