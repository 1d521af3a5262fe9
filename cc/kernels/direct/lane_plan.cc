#include "cc/kernels/direct/lane_plan.h"

#include <algorithm>

#include "cc/kernels/base/int_math.h"

namespace dau::direct {

TileGrid ChooseTiles(const Axes& axes, const LaneWindow& window, const std::function<double(const TileGrid&)>& cost) {
  constexpr int64_t kMaxTile = 64;
  const int64_t rows = axes.v.out_extent(), cols = axes.h.out_extent();
  TileGrid best{}, grid;
  double best_cost = 0;
  grid.lanes = window.lanes;
  grid.window_rows = window.rows;
  grid.first_row = axes.v.min_offset();
  grid.first_col = axes.h.min_offset();
  grid.span_v = axes.v.max_offset() - axes.v.min_offset();
  grid.span_h = axes.h.max_offset() - axes.h.min_offset() + 1;  // a unit reads one column more than it uses
  const int64_t max_rows = std::min(kMaxTile, RoundUp(rows, window.rows));
  const int64_t max_cols = std::min(kMaxTile, RoundUp(cols, kTileCols));
  for (grid.tile_rows = window.rows; grid.tile_rows <= max_rows; grid.tile_rows += window.rows) {
    for (grid.tile_cols = kTileCols; grid.tile_cols <= max_cols; grid.tile_cols += kTileCols) {
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
