// The inner loops of gather and correlation: which pixels the outputs of a lane share, and where they are read.
#ifndef DAU_CC_KERNELS_CUDA_PATCH_INL_H_
#define DAU_CC_KERNELS_CUDA_PATCH_INL_H_

#include <type_traits>

#include "cc/kernels/cuda/index.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/cuda/storage.h"
#include "cc/kernels/cuda/tile.h"
#include "cc/kernels/cuda/units.h"

namespace dau::cuda {

// kDense: both steps are 1, and neighbours share the pixels between them. Otherwise each output reads its own four.
template <int kRows_, int kCols_, bool kDense_>
struct Patch {
  static constexpr int kRows = kRows_, kCols = kCols_;
  static constexpr bool kDense = kDense_;
  static constexpr int kReadRows = kDense ? kRows + 1 : 2 * kRows;
  static constexpr int kReadCols = kDense ? kCols + 1 : 2 * kCols;

  // How far read row or column i is from the first.
  template <typename Int>
  static __device__ Int Offset(int i, Int step) {
    return kDense ? Int(i) : i / 2 * step + i % 2;
  }
  // Which read column is left of output j's place.
  static __device__ constexpr int Left(int j) { return kDense ? j : 2 * j; }
};

// Pixels of a unit that looks within the tile's reach.
template <typename P, typename R>
struct SharedReader {
  const R* first;
  int row_step, pitch;
  int columns[P::kReadCols];

  __device__ SharedReader(const Tile& tile, const TileCorner& corner, const R* memory, const Unit<R>& unit, int lane)
      : row_step(static_cast<int>(tile.sampling.step_h)), pitch(tile.pitch) {
    const int row = lane / kLaneCols * P::kRows * row_step + tile.reach + static_cast<int>(unit.cell_v);
    first = memory + row * pitch + lane % kLaneCols;
    const int column = corner.shift + tile.reach + static_cast<int>(unit.cell_h);
    DAU_UNROLL
    for (int b = 0; b < P::kReadCols; ++b) {
      const int c = column + P::Offset(b, static_cast<int>(tile.sampling.step_w));
      // A constant divisor where it can be one.
      columns[b] = P::kDense ? c % P::kCols * tile.slots + c / P::kCols : tile.Slot(c);
    }
  }
  __device__ R operator()(int a, int b) const { return first[P::Offset(a, row_step) * pitch + columns[b]]; }
};

// Pixels of any unit, in device memory; zero outside. Bounds are counted from the first pixel, so that neighbours
// compare small numbers; only with steps may they be far apart.
template <typename P, typename R>
struct PlaneReader {
  using Int = std::conditional_t<P::kDense, int, int64_t>;

  const R* first;
  int64_t pitch;
  Int step_h, step_w;
  Int top, bottom, left, right;  // of the plane

  __device__ PlaneReader(const Sampling& s, const PlaneIndex& index, const R* plane, const Unit<R>& unit, int64_t h,
                         int64_t w)
      : pitch(index.pitch), step_h(static_cast<Int>(s.step_h)), step_w(static_cast<Int>(s.step_w)) {
    const int64_t row = h * s.step_h + s.base_h + unit.cell_v, col = w * s.step_w + s.base_w + unit.cell_h;
    first = plane + row * pitch + col;
    top = Cut(-row);
    bottom = Cut(index.rows - row);
    left = Cut(-col);
    right = Cut(index.cols - col);
  }
  __device__ R operator()(int a, int b) const {
    const Int r = P::Offset(a, step_h), c = P::Offset(b, step_w);
    return r >= top && r < bottom && c >= left && c < right ? first[r * pitch + c] : R{0};
  }

 private:
  static __device__ Int Cut(int64_t bound) {
    constexpr int64_t kMost = P::kDense ? 1 << 20 : int64_t{1} << 60;  // beyond any offset
    return static_cast<Int>(bound < -kMost ? -kMost : bound > kMost ? kMost : bound);
  }
};

// Whether any output of a tile at (h0, w0) sees anything of the plane with this unit.
template <typename R>
__device__ inline bool SeesPlane(const Tile& tile, const PlaneIndex& index, const Unit<R>& unit, int64_t h0,
                                 int64_t w0) {
  const Sampling& s = tile.sampling;
  const int64_t row = h0 * s.step_h + s.base_h + unit.cell_v, col = w0 * s.step_w + s.base_w + unit.cell_h;
  return row + (tile.rows - 1) * s.step_h + 1 >= 0 && row < index.rows && col + (tile.cols - 1) * s.step_w + 1 >= 0 &&
         col < index.cols;
}

template <typename R>
__device__ inline bool InReach(const Tile& tile, const Unit<R>& unit) {
  return tile.staged && unit.cell_v >= -tile.reach && unit.cell_v <= tile.reach && unit.cell_h >= -tile.reach &&
         unit.cell_h <= tile.reach;
}

// sum[i][j] += weight · bilinear value at output (i, j).
template <typename P, typename R, typename Reader>
__device__ inline void AddUnit(const Reader& read, const Unit<R>& unit, R (&sum)[P::kRows][P::kCols]) {
  DAU_UNROLL
  for (int a = 0; a < P::kReadRows; ++a) {
    R value[P::kReadCols];
    DAU_UNROLL
    for (int b = 0; b < P::kReadCols; ++b) value[b] = read(a, b);
    DAU_UNROLL
    for (int j = 0; j < P::kCols; ++j) {
      const R row = unit.left * value[P::Left(j)] + unit.right * value[P::Left(j) + 1];
      if constexpr (P::kDense) {
        if (a < P::kRows) sum[a][j] += unit.upper * row;
        if (a > 0) sum[a - 1][j] += unit.lower * row;
      } else {
        sum[a / 2][j] += (a % 2 == 0 ? unit.upper : unit.lower) * row;
      }
    }
  }
}

// corners[2·di + dj] += Σ_ij dy[i][j] · pixel (di, dj) of output (i, j).
template <typename P, typename R, typename Reader>
__device__ inline void AddCorners(const Reader& read, const R (&dy)[P::kRows][P::kCols], R (&corners)[4]) {
  DAU_UNROLL
  for (int a = 0; a < P::kReadRows; ++a) {
    R value[P::kReadCols];
    DAU_UNROLL
    for (int b = 0; b < P::kReadCols; ++b) value[b] = read(a, b);
    DAU_UNROLL
    for (int j = 0; j < P::kCols; ++j) {
      DAU_UNROLL
      for (int dj = 0; dj < 2; ++dj) {
        const R pixel = value[P::Left(j) + dj];
        if constexpr (P::kDense) {
          if (a < P::kRows) corners[dj] += dy[a][j] * pixel;
          if (a > 0) corners[2 + dj] += dy[a - 1][j] * pixel;
        } else {
          corners[2 * (a % 2) + dj] += dy[a / 2][j] * pixel;
        }
      }
    }
  }
}

// Brings a tile's pixels to shared memory in two halves, so that loads are in flight while a block computes.
template <typename R, int kThreads>
class Stager {
 public:
  // Enough for 32 × 32 outputs within ±4 px and 256 threads; each costs 4 registers of float.
  static constexpr int kHeld = 2;

  __device__ explicit Stager(int thread) : thread_(thread) {}

  // Issues the first loads.
  __device__ void Fetch(const Tile& tile, const TileCorner& corner, const PlaneIndex& index, const R* plane) {
    DAU_UNROLL
    for (int i = 0; i < kHeld; ++i) held_[i] = Load(tile, corner, index, plane, thread_ + i * kThreads);
  }
  // Stores them, and whatever is left.
  __device__ void Store(const Tile& tile, const TileCorner& corner, const PlaneIndex& index, const R* plane,
                        R* memory) const {
    DAU_UNROLL
    for (int i = 0; i < kHeld; ++i) Put(tile, held_[i], thread_ + i * kThreads, memory);
    for (int four = thread_ + kHeld * kThreads; four < Fours(tile); four += kThreads) {
      Put(tile, Load(tile, corner, index, plane, four), four, memory);
    }
  }

 private:
  static __device__ int Fours(const Tile& tile) { return tile.in_rows * (tile.in_cols / 4); }

  // The planes' zeros behind the last column make four neighbours either all inside or all outside.
  static __device__ Four<R> Load(const Tile& tile, const TileCorner& corner, const PlaneIndex& index, const R* plane,
                                 int four) {
    const int in_row = four / (tile.in_cols / 4);
    const int64_t row = corner.top + in_row, col = corner.left + 4 * (four - in_row * (tile.in_cols / 4));
    const bool inside = four < Fours(tile) && row >= 0 && row < index.rows && col >= 0 && col < index.pitch;
    return inside ? LoadFour(plane + row * index.pitch + col) : Four<R>{};
  }
  static __device__ void Put(const Tile& tile, const Four<R>& value, int four, R* memory) {
    if (four >= Fours(tile)) return;
    const int row = four / (tile.in_cols / 4), col = 4 * (four - row * (tile.in_cols / 4));
    DAU_UNROLL
    for (int e = 0; e < 4; ++e) memory[row * tile.pitch + tile.Slot(col + e)] = value.v[e];
  }

  int thread_;
  Four<R> held_[kHeld];
};

}  // namespace dau::cuda

#endif  // DAU_CC_KERNELS_CUDA_PATCH_INL_H_
