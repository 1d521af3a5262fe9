// The lane layout: lane l of every vector belongs to tile l of a group of tiles, which may come from different images.
//
// A displacement is then a whole number of vectors: every load is aligned, and neighbouring columns share theirs. Loads
// that cross a cache line run at half rate, and without sharing a pixel needs 2.25 loads instead of 1.7. The price is
// the halo: a tile of 16×16 with ±4 px around it holds 2.6 times its pixels.
//
//   in:  [group][channel][in_rows][in_cols][lane], of tiles that overlap by what the units reach
//   out: [group][window][channel][window_rows][window_cols][lane]: a window is what stays in registers
#ifndef DAU_CC_KERNELS_DIRECT_LANES_H_
#define DAU_CC_KERNELS_DIRECT_LANES_H_

#include <cstdint>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/base/parallel.h"
#include "cc/kernels/direct/planes.h"

namespace dau::direct {

// Tiles, and what they read, are multiples of these: a vector of 16 bytes holds so many neighbours.
constexpr int64_t kTileCols = 4, kWindowCols = 2;
template <typename T>
constexpr int64_t kQuad = 16 / static_cast<int64_t>(sizeof(T));

// How the output pixels of the images are cut into tiles, and what a tile reads.
struct TileGrid {
  int64_t lanes;                 // of a vector
  int64_t window_rows;           // of window_cols pixels; a tile is some windows
  int64_t tile_rows, tile_cols;  // output pixels
  int64_t tiles_v, tiles_h;      // of an image
  int64_t span_v, span_h;        // pixels that a tile reads beyond its own, all in all
  int64_t first_row, first_col;  // the first pixel that tile (0, 0) reads

  int64_t tiles() const { return tiles_v * tiles_h; }
  int64_t groups(int64_t images) const { return CeilDiv(images * tiles(), lanes); }
  int64_t in_rows() const { return tile_rows + span_v; }
  int64_t in_cols() const { return RoundUp(tile_cols + span_h, kTileCols); }
  int64_t in_size() const { return in_rows() * in_cols() * lanes; }  // elements of a channel of a group
  int64_t out_size() const { return tile_rows * tile_cols * lanes; }
  int64_t windows_v() const { return tile_rows / window_rows; }
  int64_t windows_h() const { return tile_cols / kWindowCols; }
  int64_t window_size() const { return window_rows * kWindowCols * lanes; }
  // Of an image with all its tiles' surroundings.
  int64_t padded_rows() const { return tiles_v * tile_rows + span_v; }
  int64_t padded_cols() const { return (tiles_h - 1) * tile_cols + in_cols(); }
};

// Images with their surroundings. More than one channel: [image][row][col][channels rounded up to 16 bytes]; one
// channel: [image][row][col].
template <typename T>
struct PaddedImages {
  T* data;
  int64_t rows, cols, channels;

  int64_t pixel_size() const { return channels == 1 ? 1 : RoundUp(channels, kQuad<T>); }
  int64_t image_size() const { return rows * cols * pixel_size(); }
};

// padded = the filtered x on the rectangle of the infinite plane that begins at (first_row, first_col).
// `scratch`: PadScratchSize elements a slot.
int64_t PadScratchSize(int64_t width, int64_t channels, int64_t radius);
template <typename T>
void PadImages(const ImageView<const T>& x, const SeparableFilter<T>& filter, int64_t first_row, int64_t first_col,
               const PaddedImages<T>& padded, T* scratch, const Parallel& parallel);

// What follows counts images and channels of the layer: of NCHW a padded image is a channel.
struct LaneImages {
  int64_t images, channels;
  bool channels_last;  // or each channel is an image of its own
  // Rounded up, for 16 bytes are moved at once.
  template <typename T>
  int64_t stored_channels() const {
    return channels_last ? RoundUp(channels, kQuad<T>) : channels;
  }
};

// lanes: [group][stored channel][in_rows][in_cols][lane].
template <typename T>
void PaddedToLanes(const PaddedImages<const T>& padded, const LaneImages& images, const TileGrid& grid, T* lanes,
                   const Parallel& parallel);

// y: the images cut to their size. lanes: [group][window][stored channel][window].
template <typename T>
void LanesToTensor(const T* lanes, const LaneImages& images, const TileGrid& grid, const ImageView<T>& y,
                   const Parallel& parallel);

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_LANES_H_
