// Displacements cut into blocks of cells that lie near each other.
#ifndef DAU_CC_KERNELS_DISPLACEMENT_BLOCKS_H_
#define DAU_CC_KERNELS_DISPLACEMENT_BLOCKS_H_

#include <algorithm>
#include <vector>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/dau_conv_shape.h"

namespace dau {

// `parts` × `parts` blocks, or fewer, that hold every cell of `range` from which a unit reaches a pixel, each once.
// Only a block's own units count in it: the others see nothing there.
inline std::vector<DisplacementRange> DisplacementBlocks(const DauConvShape& shape, const DisplacementRange& range,
                                                         int64_t parts) {
  if (parts == 1) return {range};
  struct Cells {
    int64_t first, count, each;

    Cells(const DauConvShape& shape, int64_t size, int64_t min_cell, int64_t max_cell, int64_t parts) {
      // Beyond this no tap meets the image from any output.
      const int64_t farthest = size + SupportRadius(shape) + 1 - Margin(shape);
      first = std::max(min_cell, -farthest);
      count = std::max<int64_t>(1, std::min(max_cell, farthest) - first + 1);
      each = CeilDiv(count, parts);
    }
  };
  const Cells v(shape, shape.height, range.min_v, range.max_v, parts);
  const Cells h(shape, shape.width, range.min_h, range.max_h, parts);
  std::vector<DisplacementRange> blocks;
  for (int64_t i = 0; i < v.count; i += v.each) {
    for (int64_t j = 0; j < h.count; j += h.each) {
      DisplacementRange block;
      block.min_v = v.first + i;
      block.max_v = v.first + std::min(v.count, i + v.each) - 1;
      block.min_h = h.first + j;
      block.max_h = h.first + std::min(h.count, j + h.each) - 1;
      block.seen_share = range.seen_share / 2;  // below 1: units elsewhere are not to be counted here
      blocks.push_back(block);
    }
  }
  return blocks;
}

}  // namespace dau

#endif  // DAU_CC_KERNELS_DISPLACEMENT_BLOCKS_H_
