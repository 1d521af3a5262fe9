#include "cc/kernels/direct/lane_plan.h"

#include "cc/kernels/base/int_math.h"

namespace dau::direct {

TileGrid ChooseTiles(const Axes& axes, const LaneWindow& window, const std::function<double(const TileGrid&)>& cost) {
  // Few enough to be judged in some microseconds.
  constexpr int64_t kRows[] = {1, 2, 3, 4, 6, 8}, kCols[] = {1, 2, 3, 4, 5, 6, 8, 10, 12, 16};
  const int64_t rows = axes.v.out_extent(), cols = axes.h.out_extent();
  TileGrid best{}, grid;
  double best_cost = 0;
  grid.lanes = window.lanes;
  grid.window_rows = window.rows;
  grid.first_row = axes.v.min_offset();
  grid.first_col = axes.h.min_offset();
  grid.span_v = axes.v.max_offset() - axes.v.min_offset();
  grid.span_h = axes.h.max_offset() - axes.h.min_offset() + 1;  // a unit reads one column more than it uses
  for (const int64_t windows : kRows) {
    grid.tile_rows = windows * window.rows;
    if (grid.tile_rows >= rows + window.rows) break;
    for (const int64_t quads : kCols) {
      grid.tile_cols = quads * kTileCols;
      if (grid.tile_cols >= cols + kTileCols) break;
      grid.tiles_v = CeilDiv(rows, grid.tile_rows);
      grid.tiles_h = CeilDiv(cols, grid.tile_cols);
      const double c = cost(grid);
      if (best.tile_rows != 0 && c >= best_cost) continue;
      best = grid;
      best_cost = c;
    }
  }
  return best;
}

}  // namespace dau::direct
