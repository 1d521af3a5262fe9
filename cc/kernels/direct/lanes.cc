#include "cc/kernels/direct/lanes.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/direct/lanes.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/direct/blocks-inl.h"
#include "cc/kernels/direct/filter-inl.h"
#include "hwy/highway.h"

#ifndef DAU_LANES_ONCE_
#define DAU_LANES_ONCE_
namespace dau::direct {

template <typename T>
struct PadJob {
  ImageView<const T> x;
  SeparableFilter<T> filter;
  int64_t first_row, first_col;
  PaddedImages<T> padded;
};

template <typename T>
struct ToLanesJob {
  PaddedImages<const T> padded;
  LaneImages images;
  TileGrid grid;
  T* lanes;

  int64_t quads() const { return images.channels_last ? CeilDiv(images.channels, kQuad<T>) : images.channels; }
};

template <typename T>
struct FromLanesJob {
  const T* lanes;
  LaneImages images;
  TileGrid grid;
  ImageView<T> y;

  // Channels last: a window. Else a row of windows, as many columns as are moved at once.
  int64_t parts() const {
    return grid.windows_v() * (images.channels_last ? grid.windows_h() : grid.tile_cols / kQuad<T>);
  }
};

}  // namespace dau::direct
#endif  // DAU_LANES_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
void PadRow(const PadJob<T>& job, int64_t item, T* scratch) {
  const int64_t radius = job.filter.radius, taps = 2 * radius + 1, width = job.x.width, channels = job.x.channels;
  const int64_t row = item % job.padded.rows, image = item / job.padded.rows, pixel_row = job.first_row + row;
  const int64_t pixel_size = job.padded.pixel_size();
  T* const out = job.padded.data + image * job.padded.image_size() + row * job.padded.cols * pixel_size;
  // Stored columns whose pixel the filter reaches.
  const int64_t begin = std::clamp<int64_t>(-radius - job.first_col, 0, job.padded.cols);
  const int64_t end = std::clamp<int64_t>(width + radius - job.first_col, begin, job.padded.cols);
  if (pixel_row < -radius || pixel_row >= job.x.height + radius || begin == end) {
    std::fill_n(out, job.padded.cols * pixel_size, T{0});
    return;
  }
  std::fill_n(out, begin * pixel_size, T{0});
  std::fill_n(out + end * pixel_size, (job.padded.cols - end) * pixel_size, T{0});
  const T* const x = job.x.data + image * job.x.image_size();
  const T* line;  // of columns begin … end
  if (radius == 0) {
    line = x + (pixel_row * width + job.first_col + begin) * channels;
    if (pixel_size == channels) std::copy_n(line, (end - begin) * channels, out + begin * pixel_size);
  } else {
    T* const wide = scratch;  // begins at pixel −2·radius
    const int64_t i_begin = std::max(-radius, -pixel_row), i_end = std::min(radius, job.x.height - 1 - pixel_row);
    const int64_t border = 2 * radius * channels;
    std::fill_n(wide, border, T{0});
    std::fill_n(wide + border + width * channels, border, T{0});
    FilterLine(x + (pixel_row + i_begin) * width * channels, job.filter.vertical + radius + i_begin,
               i_end - i_begin + 1, width * channels, width * channels, wide + border);
    T* const filtered = pixel_size == channels ? out + begin * pixel_size : wide + (width + 4 * radius) * channels;
    FilterLine(wide + (job.first_col + begin + radius) * channels, job.filter.horizontal, taps, channels,
               (end - begin) * channels, filtered);
    line = filtered;
  }
  if (pixel_size == channels) return;
  for (int64_t col = begin; col < end; ++col, line += channels) {
    T* const pixel = out + col * pixel_size;
    std::copy_n(line, channels, pixel);
    std::fill_n(pixel + channels, pixel_size - channels, T{0});
  }
}

#if HWY_TARGET == HWY_SCALAR
// Without vectors there is no lane layout: LaneCount is 1, and the passes work on planes.
template <typename T>
void ToLanes(const ToLanesJob<T>&, int64_t) {}
template <typename T>
void FromLanes(const FromLanesJob<T>&, int64_t) {}
#else

template <typename T>
void ToLanes(const ToLanesJob<T>& job, int64_t item) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int64_t kLanes = hn::MaxLanes(d), kQ = kQuad<T>;
  const TileGrid& grid = job.grid;
  const int64_t group = item / job.quads(), quad = item % job.quads();
  const bool last = job.images.channels_last;
  const int64_t pixel = job.padded.pixel_size(), image_size = job.padded.image_size();
  const int64_t tiles = job.images.images * grid.tiles();
  const auto used = hn::FirstN(d, std::min(kLanes, tiles - group * kLanes));  // lanes too many hold 0
  const T* tile[kLanes];
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    int64_t t = group * kLanes + lane;
    if (t >= tiles) t = 0;
    const int64_t image = t / grid.tiles() * (last ? 1 : job.images.channels), in_image = t % grid.tiles();
    tile[lane] =
        job.padded.data + image * image_size +
        (in_image / grid.tiles_h * grid.tile_rows * job.padded.cols + in_image % grid.tiles_h * grid.tile_cols) *
            pixel +
        quad * (last ? kQ : image_size);
  }
  const int64_t channel = quad * (last ? kQ : 1), in_cols = grid.in_cols();
  T* out = job.lanes + (group * job.images.template stored_channels<T>() + channel) * grid.in_size();
  const int64_t element_stride = last ? grid.in_size() : kLanes;  // of the 4 neighbours moved at once
  const int64_t step = last ? 1 : kQ;
  for (int64_t row = 0; row < grid.in_rows(); ++row) {
    for (int64_t col = 0; col < in_cols; col += step, out += step * kLanes) {
      const int64_t offset = (row * job.padded.cols + col) * pixel;
      V v[kQ];
      HWY_UNROLL(4)
      for (int64_t i = 0; i < kQ; ++i) v[i] = LoadBlocks(d, tile + i, offset);
      TransposeBlocks(d, v);
      HWY_UNROLL(4)
      for (int64_t i = 0; i < kQ; ++i) hn::StoreU(hn::IfThenElseZero(used, v[i]), d, out + i * element_stride);
    }
  }
}

// Where the pixels of a group's tiles lie in the tensor.
template <typename T, int64_t kLanes>
struct Targets {
  T* tile[kLanes];
  int64_t rows[kLanes], cols[kLanes];  // of the tile inside the image
};

template <class D, typename T, int64_t kLanes>
HWY_INLINE void StoreQuad(D d, hn::Vec<D> (&v)[kQuad<T>], const Targets<T, kLanes>& targets, int64_t row, int64_t col,
                          int64_t offset, const int64_t (&count)[kLanes], bool all) {
  constexpr int64_t kQ = kQuad<T>;
  TransposeBlocks(d, v);
  if (all) {
    HWY_UNROLL(4)
    for (int64_t i = 0; i < kQ; ++i) StoreBlocks(d, v[i], targets.tile + i, offset);
    return;
  }
  HWY_ALIGN T values[kQ * kLanes];
  for (int64_t i = 0; i < kQ; ++i) hn::StoreU(v[i], d, values + i * kLanes);
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    if (row >= targets.rows[lane] || col >= targets.cols[lane]) continue;
    std::copy_n(values + lane % kQ * kLanes + lane / kQ * kQ, count[lane], targets.tile[lane] + offset);
  }
}

template <typename T>
void FromLanes(const FromLanesJob<T>& job, int64_t item) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int64_t kLanes = hn::MaxLanes(d), kQ = kQuad<T>;
  const TileGrid& grid = job.grid;
  const int64_t group = item / job.parts(), part = item % job.parts(), channels = job.images.channels;
  const bool last = job.images.channels_last;
  const int64_t pixel = job.y.channels, row_size = job.y.width * pixel, image_size = job.y.image_size();
  Targets<T, kLanes> targets;
  int64_t rows_inside = grid.tile_rows, cols_inside = grid.tile_cols;  // of all tiles
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    const int64_t t = group * kLanes + lane, in_image = t % grid.tiles();
    const int64_t row = in_image / grid.tiles_h * grid.tile_rows, col = in_image % grid.tiles_h * grid.tile_cols;
    const bool used = t < job.images.images * grid.tiles();
    targets.tile[lane] =
        job.y.data + t / grid.tiles() * (last ? 1 : channels) * image_size + row * row_size + col * pixel;
    targets.rows[lane] = used ? job.y.height - row : 0;
    targets.cols[lane] = used ? job.y.width - col : 0;
    rows_inside = std::min(rows_inside, targets.rows[lane]);
    cols_inside = std::min(cols_inside, targets.cols[lane]);
  }
  const int64_t stored = job.images.template stored_channels<T>(), window_size = grid.window_size();
  const int64_t parts_h = last ? grid.windows_h() : grid.tile_cols / kQ;
  const int64_t first_row = part / parts_h * grid.window_rows, first_col = part % parts_h * (last ? kWindowCols : kQ);
  const int64_t first_window = first_row / grid.window_rows * grid.windows_h() + first_col / kWindowCols;
  const T* const lanes =
      job.lanes + (group * grid.windows_v() * grid.windows_h() + first_window) * stored * window_size;
  int64_t count[kLanes];
  for (int64_t c = 0; c < channels; c += last ? kQ : 1) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      count[lane] = last ? std::min(kQ, channels - c) : std::clamp<int64_t>(targets.cols[lane] - first_col, 0, kQ);
    }
    const T* const window = lanes + c * window_size;
    for (int64_t row = 0; row < grid.window_rows; ++row) {
      for (int64_t col = 0; col < (last ? kWindowCols : 1); ++col) {
        V v[kQ];
        for (int64_t i = 0; i < kQ; ++i) {
          const T* const in =
              last ? window + i * window_size + (row * kWindowCols + col) * kLanes
                   : window + i / kWindowCols * stored * window_size + (row * kWindowCols + i % kWindowCols) * kLanes;
          v[i] = hn::LoadU(d, in);
        }
        const int64_t y_row = first_row + row, y_col = first_col + col;
        const bool all = y_row < rows_inside && y_col + (last ? 1 : kQ) <= cols_inside && (!last || c + kQ <= channels);
        StoreQuad(d, v, targets, y_row, y_col, y_row * row_size + y_col * pixel + (last ? c : c * image_size), count,
                  all);
      }
    }
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

void PadRowF32(const PadJob<float>& job, int64_t item, float* scratch) { PadRow(job, item, scratch); }
void PadRowF64(const PadJob<double>& job, int64_t item, double* scratch) { PadRow(job, item, scratch); }
void ToLanesF32(const ToLanesJob<float>& job, int64_t item) { ToLanes(job, item); }
void ToLanesF64(const ToLanesJob<double>& job, int64_t item) { ToLanes(job, item); }
void FromLanesF32(const FromLanesJob<float>& job, int64_t item) { FromLanes(job, item); }
void FromLanesF64(const FromLanesJob<double>& job, int64_t item) { FromLanes(job, item); }

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::direct {
namespace {

HWY_EXPORT(PadRowF32);
HWY_EXPORT(PadRowF64);
HWY_EXPORT(ToLanesF32);
HWY_EXPORT(ToLanesF64);
HWY_EXPORT(FromLanesF32);
HWY_EXPORT(FromLanesF64);

void Run(const PadJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(PadRowF32)(job, item, scratch);
}
void Run(const PadJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(PadRowF64)(job, item, scratch);
}
void Run(const ToLanesJob<float>& job, int64_t item) { HWY_DYNAMIC_DISPATCH(ToLanesF32)(job, item); }
void Run(const ToLanesJob<double>& job, int64_t item) { HWY_DYNAMIC_DISPATCH(ToLanesF64)(job, item); }
void Run(const FromLanesJob<float>& job, int64_t item) { HWY_DYNAMIC_DISPATCH(FromLanesF32)(job, item); }
void Run(const FromLanesJob<double>& job, int64_t item) { HWY_DYNAMIC_DISPATCH(FromLanesF64)(job, item); }

}  // namespace

int64_t PadScratchSize(int64_t width, int64_t channels, int64_t radius) {
  return radius == 0 ? 0 : RoundUp(2 * (width + 4 * radius) * channels, 16);
}

template <typename T>
void PadImages(const ImageView<const T>& x, const SeparableFilter<T>& filter, int64_t first_row, int64_t first_col,
               const PaddedImages<T>& padded, T* scratch, const Parallel& parallel) {
  const PadJob<T> job{x, filter, first_row, first_col, padded};
  const int64_t slot_size = PadScratchSize(x.width, x.channels, filter.radius);
  const int64_t cost = (4 + 2 * filter.radius) * padded.cols * x.channels / 4;
  parallel.ForEachInSlot(x.images * padded.rows, cost,
                         [&](int64_t slot, int64_t item) { Run(job, item, scratch + slot * slot_size); });
}

template <typename T>
void PaddedToLanes(const PaddedImages<const T>& padded, const LaneImages& images, const TileGrid& grid, T* lanes,
                   const Parallel& parallel) {
  const ToLanesJob<T> job{padded, images, grid, lanes};
  parallel.ForEach(grid.groups(images.images) * job.quads(), grid.in_size(), [&](int64_t item) { Run(job, item); });
}

template <typename T>
void LanesToTensor(const T* lanes, const LaneImages& images, const TileGrid& grid, const ImageView<T>& y,
                   const Parallel& parallel) {
  const FromLanesJob<T> job{lanes, images, grid, y};
  const int64_t cost = grid.window_size() * images.channels / 2;
  parallel.ForEach(grid.groups(images.images) * job.parts(), cost, [&](int64_t item) { Run(job, item); });
}

#define DAU_INSTANTIATE(T)                                                                                            \
  template void PadImages(const ImageView<const T>&, const SeparableFilter<T>&, int64_t, int64_t,                     \
                          const PaddedImages<T>&, T*, const Parallel&);                                               \
  template void PaddedToLanes(const PaddedImages<const T>&, const LaneImages&, const TileGrid&, T*, const Parallel&); \
  template void LanesToTensor(const T*, const LaneImages&, const TileGrid&, const ImageView<T>&, const Parallel&);
DAU_INSTANTIATE(float)
DAU_INSTANTIATE(double)
#undef DAU_INSTANTIATE

}  // namespace dau::direct
#endif  // HWY_ONCE
