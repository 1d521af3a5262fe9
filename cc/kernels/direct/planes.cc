#include "cc/kernels/direct/planes.h"

#include <algorithm>

#include "cc/kernels/base/int_math.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/direct/planes.cc"
#include "hwy/foreach_target.h"
//
#include "cc/kernels/direct/blocks-inl.h"
#include "cc/kernels/direct/filter-inl.h"
#include "hwy/highway.h"

#ifndef DAU_PLANES_ONCE_
#define DAU_PLANES_ONCE_
namespace dau::direct {

template <typename T>
struct ToPlanesJob {
  ImageView<const T> x;
  SeparableFilter<T> filter;
  PlaneGrid grid;
  T* planes;
  int64_t channel_block;
};

template <typename T>
struct ToTensorJob {
  const T* planes;
  PlaneGrid grid;
  SeparableFilter<T> filter;
  ImageView<T> y;
  int64_t channel_block;
};

// Channels taken together: about 16 KB of a row, to stay in the L1 cache, but at least a cache line of a pixel.
inline int64_t ChannelBlock(int64_t width, int64_t channels, int64_t radius) {
  constexpr int64_t kElements = 4096, kLine = 16;
  return std::min(channels, std::max(kLine, kElements / (width + 4 * radius) / kLine * kLine));
}

}  // namespace dau::direct
#endif  // DAU_PLANES_ONCE_

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {

template <typename T>
void AddScaled(const T* HWY_RESTRICT x, T scale, int64_t count, T* HWY_RESTRICT sum) {
  for (int64_t i = 0; i < count; ++i) sum[i] += scale * x[i];
}

// out[j·out_stride + i] = in[i·in_stride + j] for i < rows, j < cols.
template <typename T>
void Transpose(const T* in, int64_t in_stride, int64_t rows, int64_t cols, int64_t out_stride, T* out) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = hn::MaxLanes(d), kQ = kQuad<T>;
  for (; j + kQ <= cols; j += kQ) {
    const T* row[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) row[i] = in + i * in_stride + j;
    T* const target = out + j * out_stride;
    int64_t i = 0;
    for (; i + kLanes <= rows; i += kLanes) {
      hn::Vec<decltype(d)> v[kQ];
      HWY_UNROLL(4)
      for (int64_t q = 0; q < kQ; ++q) v[q] = LoadBlocks(d, row + q, i * in_stride);
      TransposeBlocks(d, v);
      HWY_UNROLL(4)
      for (int64_t q = 0; q < kQ; ++q) hn::StoreU(v[q], d, target + q * out_stride + i);
    }
    for (; i < rows; ++i) {
      for (int64_t q = 0; q < kQ; ++q) target[q * out_stride + i] = in[i * in_stride + j + q];
    }
  }
#endif
  for (; j < cols; ++j) {
    for (int64_t i = 0; i < rows; ++i) out[j * out_stride + i] = in[i * in_stride + j];
  }
}

// One stored row of one vertical phase of one image, all channels.
template <typename T>
void RowToPlanes(const ToPlanesJob<T>& job, int64_t item, T* scratch) {
  const PlaneGrid& grid = job.grid;
  const int64_t radius = job.filter.radius, width = job.x.width, channels = job.x.channels;
  const int64_t phase_v = item % grid.phases_h, row = item / grid.phases_h % grid.rows;
  const int64_t image = item / grid.phases_h / grid.rows;
  const int64_t pixel_row = (grid.first_row + row) * grid.phases_h + phase_v;
  T* const target = job.planes + image * channels * grid.channel_size() + phase_v * grid.phases_w * grid.phase_size() +
                    row * grid.cols;
  // Pixels of the row that are stored and that the blur reaches: of a σ beyond the image a small part.
  const int64_t reached_begin = std::max(-radius, grid.first_col * grid.phases_w);
  const int64_t reached_end = std::min(width + radius, (grid.first_col + grid.cols) * grid.phases_w);
  const bool reached = pixel_row >= -radius && pixel_row < job.x.height + radius && reached_begin < reached_end;
  for (int64_t c0 = 0; c0 < channels; c0 += job.channel_block) {
    const int64_t block = std::min(job.channel_block, channels - c0);
    T* const padded = scratch;  // [width + 4·radius, block], the blurred row begins at pixel −2·radius
    T* line = padded;           // [reached_end − reached_begin, block]
    if (reached) {
      const T* x = job.x.data + image * job.x.image_size() + c0;
      std::fill_n(padded, (width + 4 * radius) * block, T{0});
      T* const inner = padded + 2 * radius * block;
      const int64_t i_begin = std::max(-radius, -pixel_row), i_end = std::min(radius, job.x.height - 1 - pixel_row);
      const T one = 1;
      const T* const taps = radius == 0 ? &one : job.filter.vertical + radius + i_begin;
      const T* const source = x + (pixel_row + i_begin) * width * channels;
      const int64_t tap_count = i_end - i_begin + 1;
      if (block == channels) {
        FilterLine(source, taps, tap_count, width * channels, width * block, inner);
      } else {
        for (int64_t w = 0; w < width; ++w) {
          FilterLine(source + w * channels, taps, tap_count, width * channels, block, inner + w * block);
        }
      }
      line = padded + (reached_begin + radius) * block;
      if (radius > 0) {
        const T* const source = line;
        line = padded + (width + 4 * radius) * block;
        FilterLine(source, job.filter.horizontal, 2 * radius + 1, block, (reached_end - reached_begin) * block, line);
      }
    }
    for (int64_t phase_h = 0; phase_h < grid.phases_w; ++phase_h) {
      // Stored columns whose pixel lies in [−radius, width + radius).
      const int64_t shift = grid.first_col * grid.phases_w + phase_h;  // the pixel of column 0
      const int64_t begin =
          reached ? std::clamp<int64_t>(CeilDiv(std::max<int64_t>(0, -radius - shift), grid.phases_w), 0, grid.cols)
                  : 0;
      const int64_t end =
          reached ? std::clamp(FloorDiv(width + radius - 1 - shift, grid.phases_w) + 1, begin, grid.cols) : 0;
      if (grid.phases_w == 1) {
        Transpose(line + (shift + begin - reached_begin) * block, block, end - begin, block, grid.channel_size(),
                  target + c0 * grid.channel_size() + begin);
      }
      for (int64_t c = 0; c < block; ++c) {
        T* const out = target + (c0 + c) * grid.channel_size() + phase_h * grid.phase_size();
        const T* const in = line + (shift - reached_begin) * block + c;
        const int64_t step = grid.phases_w * block;
        std::fill_n(out, begin, T{0});
        if (grid.phases_w > 1) {
          for (int64_t col = begin; col < end; ++col) out[col] = in[col * step];
        }
        std::fill_n(out + end, grid.cols - end, T{0});
      }
    }
  }
}

// One row of one image of the tensor, all channels.
template <typename T>
void RowToTensor(const ToTensorJob<T>& job, int64_t item, T* scratch) {
  const PlaneGrid& grid = job.grid;
  const int64_t radius = job.filter.radius, width = job.y.width, channels = job.y.channels;
  const int64_t row = item % job.y.height, image = item / job.y.height;
  const T* const source = job.planes + image * channels * grid.channel_size();
  T* const target = job.y.data + (image * job.y.height + row) * width * channels;
  T* const lines = scratch;                             // [block, width]
  T* const padded = lines + job.channel_block * width;  // [width + 2·radius], begins at pixel −radius
  T* const phases = padded + width + 2 * radius;        // the blurred row of one phase
  for (int64_t c0 = 0; c0 < channels; c0 += job.channel_block) {
    const int64_t block = std::min(job.channel_block, channels - c0);
    if (radius == 0 && grid.phases_h * grid.phases_w == 1) {
      const T* const in = source + c0 * grid.channel_size() + (row - grid.first_row) * grid.cols - grid.first_col;
      Transpose(in, grid.channel_size(), block, width, channels, target + c0);
      continue;
    }
    for (int64_t c = 0; c < block; ++c) {
      const T* const channel = source + (c0 + c) * grid.channel_size();
      T* const line = channels == 1 ? target : lines + c * width;
      for (int64_t phase_h = 0; phase_h < grid.phases_w; ++phase_h) {
        // The first stored column of this phase that lies at pixel −radius or right of it.
        const int64_t shift = grid.first_col * grid.phases_w + phase_h;
        const int64_t begin = std::max<int64_t>(0, CeilDiv(std::max<int64_t>(0, -radius - shift), grid.phases_w));
        const int64_t end = std::min(grid.cols, FloorDiv(width + radius - 1 - shift, grid.phases_w) + 1);
        const int64_t count = std::max<int64_t>(0, end - begin);
        const int64_t first_pixel = shift + begin * grid.phases_w + radius;  // index into `padded`
        T* const out = grid.phases_w == 1 ? (radius == 0 ? line : padded) + first_pixel : phases;
        std::fill_n(out, count, T{0});
        for (int64_t i = -radius; i <= radius; ++i) {
          const int64_t pixel_row = row + i;
          const int64_t phase_v = FloorMod(pixel_row, grid.phases_h);
          const int64_t plane_row = FloorDiv(pixel_row, grid.phases_h) - grid.first_row;
          const T* in =
              channel + (phase_v * grid.phases_w + phase_h) * grid.phase_size() + plane_row * grid.cols + begin;
          AddScaled(in, radius == 0 ? T{1} : job.filter.vertical[radius + i], count, out);
        }
        if (grid.phases_w > 1) {
          T* const spread = (radius == 0 ? line : padded) + first_pixel;
          for (int64_t i = 0; i < count; ++i) spread[i * grid.phases_w] = out[i];
        }
      }
      if (radius > 0) FilterLine(padded, job.filter.horizontal, 2 * radius + 1, 1, width, line);
    }
    if (channels == 1) continue;
    Transpose(lines, width, block, width, channels, target + c0);
  }
}

void RowToPlanesF32(const ToPlanesJob<float>& job, int64_t item, float* scratch) { RowToPlanes(job, item, scratch); }
void RowToPlanesF64(const ToPlanesJob<double>& job, int64_t item, double* scratch) { RowToPlanes(job, item, scratch); }
void RowToTensorF32(const ToTensorJob<float>& job, int64_t item, float* scratch) { RowToTensor(job, item, scratch); }
void RowToTensorF64(const ToTensorJob<double>& job, int64_t item, double* scratch) { RowToTensor(job, item, scratch); }

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::direct {
namespace {

HWY_EXPORT(RowToPlanesF32);
HWY_EXPORT(RowToPlanesF64);
HWY_EXPORT(RowToTensorF32);
HWY_EXPORT(RowToTensorF64);

void Run(const ToPlanesJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(RowToPlanesF32)(job, item, scratch);
}
void Run(const ToPlanesJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(RowToPlanesF64)(job, item, scratch);
}
void Run(const ToTensorJob<float>& job, int64_t item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(RowToTensorF32)(job, item, scratch);
}
void Run(const ToTensorJob<double>& job, int64_t item, double* scratch) {
  HWY_DYNAMIC_DISPATCH(RowToTensorF64)(job, item, scratch);
}

template <typename T, typename Job>
void RunRows(const Job& job, int64_t rows, const ImageView<T>& view, const PlaneGrid& grid, int64_t radius,
             std::remove_const_t<T>* scratch, const Parallel& parallel) {
  const int64_t slot_size = RowScratchSize(view.width, view.channels, grid.phases_w, radius);
  const int64_t cost = (4 + 2 * radius) * view.width * view.channels;
  parallel.ForEachInSlot(rows, cost, [&](int64_t slot, int64_t item) { Run(job, item, scratch + slot * slot_size); });
}

}  // namespace

int64_t RowScratchSize(int64_t width, int64_t channels, int64_t phases_w, int64_t radius) {
  const int64_t to_planes = 2 * (width + 4 * radius) * ChannelBlock(width, channels, radius);
  const int64_t to_tensor = ChannelBlock(width, channels, radius) * width + 2 * (width + 2 * radius + phases_w);
  return RoundUp(std::max(to_planes, to_tensor), 16);
}

template <typename T>
void TensorToPlanes(const ImageView<const T>& x, const SeparableFilter<T>& filter, const PlaneGrid& grid, T* planes,
                    T* scratch, const Parallel& parallel) {
  const ToPlanesJob<T> job{x, filter, grid, planes, ChannelBlock(x.width, x.channels, filter.radius)};
  RunRows(job, x.images * grid.rows * grid.phases_h, x, grid, filter.radius, scratch, parallel);
}

template <typename T>
void PlanesToTensor(const T* planes, const PlaneGrid& grid, const SeparableFilter<T>& filter, const ImageView<T>& y,
                    T* scratch, const Parallel& parallel) {
  const ToTensorJob<T> job{planes, grid, filter, y, ChannelBlock(y.width, y.channels, filter.radius)};
  RunRows(job, y.images * y.height, y, grid, filter.radius, scratch, parallel);
}

template void TensorToPlanes(const ImageView<const float>&, const SeparableFilter<float>&, const PlaneGrid&, float*,
                             float*, const Parallel&);
template void TensorToPlanes(const ImageView<const double>&, const SeparableFilter<double>&, const PlaneGrid&, double*,
                             double*, const Parallel&);
template void PlanesToTensor(const float*, const PlaneGrid&, const SeparableFilter<float>&, const ImageView<float>&,
                             float*, const Parallel&);
template void PlanesToTensor(const double*, const PlaneGrid&, const SeparableFilter<double>&, const ImageView<double>&,
                             double*, const Parallel&);

}  // namespace dau::direct
#endif  // HWY_ONCE
