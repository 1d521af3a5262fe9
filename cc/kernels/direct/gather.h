// The kernel of the forward pass and of the input gradient: every output plane is a sum of displaced input planes.
//
//   out[o][row, col] = Σ_units Σ_taps coefficient · in[offset + row·cols + col]
//
// A unit's four taps are a product of two pairs: with t = in[a] + ratio·in[b] along the row, out += q0·t(row) +
// q1·t(row+1) costs three multiply-adds instead of four when neighbouring output rows share their t.
#ifndef DAU_CC_KERNELS_DIRECT_GATHER_H_
#define DAU_CC_KERNELS_DIRECT_GATHER_H_

#include <cstdint>

namespace dau::direct {

// Offsets are elements from the first plane of the unit's block of input channels.
template <typename T>
struct GatherUnit {
  int32_t a, b;
  // Horizontal stride 1: b is a + 1, and the ratio below 2/ε, so that 1e30 of a pixel times it is still a number. Else
  // in [0, 1], `a` the heavier neighbour.
  T ratio;
  T q0, q1;  // of this row and of the next one; q1 is not read when rows are single
};

// The part of an output plane that stays in registers while all units are added: rows × cols pixels.
struct GatherTile {
  int index;  // into the kernel's table
  int64_t rows, cols;
};

// The tile that wastes least on planes of this size, for the instruction set at hand.
template <typename T>
GatherTile ChooseGatherTile(int64_t rows, int64_t cols);

// begin/end: the units of one block of input channels that one output plane adds up.
struct UnitList {
  int64_t begin, end;
};

template <typename T>
struct GatherJob {
  const T* in;
  int64_t in_image_size, in_block_size, in_cols;
  T* out;  // [images][outputs][out_rows, out_cols], multiples of the tile
  int64_t images, outputs, out_rows, out_cols;
  const GatherUnit<T>* units;
  const UnitList* lists;  // [blocks][outputs]
  int64_t blocks;
  bool row_pairs;   // units use q0 and q1; else q0 alone
  bool neighbours;  // b is a + 1 in all units; a vector may be read beyond the last plane
  GatherTile tile;
  int64_t outputs_per_item;

  int64_t items() const {
    return images * ((outputs + outputs_per_item - 1) / outputs_per_item) * (out_rows / tile.rows) *
           (out_cols / tile.cols);
  }
};

// Item `item` of job.items(): one tile of some output planes of one image. Items are independent.
template <typename T>
void Gather(const GatherJob<T>& job, int64_t item);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_GATHER_H_
