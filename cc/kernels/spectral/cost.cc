#include "cc/kernels/spectral/cost.h"

#include <algorithm>
#include <cmath>

namespace dau::spectral {

double ProductCost(const DauConvShape& shape, const Tiling& tiling) {
  const double images = shape.ignore_batch ? 1 : std::max<double>(1, shape.batch);
  const double tiles = images * tiling.tiles();
  const double pixels = static_cast<double>(tiling.v.length) * tiling.h.length;
  const double pairs = static_cast<double>(shape.in_channels) * shape.filters;
  // Each chunk of tiles makes the kernels' spectra again.
  const double tile_bytes = pixels / 2 * 4 * (3.0 * shape.in_channels + 2.0 * shape.filters);
  const double chunks = std::ceil(tiles / std::max(1.0, std::floor(kSpectraBytes / tile_bytes)));
  // A frequency of a pair takes 2K multiply-adds to make the kernel's value and 3 for each tile; storing that value
  // and its sums costs as much as 2 more.
  const double products = pixels / 2 * pairs * ((2 * shape.units + 2) * chunks + 3 * tiles);
  // A real transform: 4·log2(P²) multiply-adds a pixel, loads and stores included, measured.
  const double transforms = tiles * pixels * (shape.in_channels + shape.filters) * 4 * std::log2(pixels);
  return products + transforms;
}

}  // namespace dau::spectral
