#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/direct/correlate_pass.h"
#include "cc/kernels/direct/planes.h"

namespace dau::direct {

template <typename T>
PlaneCorrelatePass<T>::PlaneCorrelatePass(const CorrelateCall& call, const Parallel& parallel)
    : call_(call),
      parallel_(parallel),
      sets_(call.exact ? 1 : 3),
      stored_sets_(std::max<int64_t>(sets_, call.sigma ? 2 : 1)) {
  dy_grid_.rows = call_.axes.v.out_extent();
  dy_grid_.cols = RoundUp(call_.axes.h.out_extent(), CorrelateLanes<T>());
  x_grid_.phases_h = call_.shape.stride_h;
  x_grid_.phases_w = call_.shape.stride_w;
  x_grid_.first_row = call_.axes.v.min_offset();
  x_grid_.first_col = call_.axes.h.min_offset();
  const int64_t span_v = call_.axes.v.max_offset() - call_.axes.v.min_offset();
  x_grid_.rows = dy_grid_.rows + span_v;
  x_grid_.cols = dy_grid_.cols + call_.axes.h.max_offset() - call_.axes.h.min_offset();

  // A band of dy and what the units see of x fit into the L1 cache; at least 8 rows, for the sums of a band are
  // added across lanes.
  constexpr int64_t kBandElements = (24 << 10) / sizeof(T), kRows = 8;
  const int64_t fixed = sets_ * span_v * x_grid_.cols, per_row = dy_grid_.cols + sets_ * x_grid_.cols;
  band_rows_ = std::clamp((kBandElements - fixed) / per_row, std::min(kRows, dy_grid_.rows), dy_grid_.rows);
  band_images_ = std::max<int64_t>(1, kBandElements / (fixed + dy_grid_.rows * per_row));

  const int64_t image_bytes = (stored_sets_ * call_.shape.in_channels * x_grid_.channel_size() +
                               call_.shape.filters * dy_grid_.channel_size()) *
                              static_cast<int64_t>(sizeof(T));
  chunk_ = std::clamp<int64_t>(kChunkBytes / image_bytes, 1, std::max<int64_t>(1, call_.shape.batch));
}

template <typename T>
Status PlaneCorrelatePass<T>::Workspace(size_t* bytes) const {
  if (Status s = CheckAddressable(call_.shape, x_grid_); !s.ok()) return s;
  Arena arena;
  LayOut(arena);
  *bytes = arena.used();
  return Status();
}

template <typename T>
void PlaneCorrelatePass<T>::Run(const T* x, const T* weight, const T* displacement, const T* dy,
                                const ParamGradients<T>& gradients, void* workspace) const {
  Arena arena(workspace);
  const Buffers b = LayOut(arena);
  FillUnits(displacement, b.units);
  std::fill_n(b.sums, call_.unit_count(), UnitSums{});
  if (call_.sigma) std::fill_n(b.sigma_sums, call_.unit_count(), UnitSums{});
  const CorrelateFilters<T> filters(call_.gaussian);
  CorrelateJob<T> job;
  job.corners = call_.exact;
  job.x = b.x;
  job.x_channel_size = x_grid_.channel_size();
  job.x_cols = x_grid_.cols;
  job.share_rows = call_.shape.stride_h == 1;
  job.dy = b.dy;
  job.rows = dy_grid_.rows;
  job.dy_cols = dy_grid_.cols;
  job.channels = call_.shape.in_channels;
  job.filters = call_.shape.filters;
  job.units_per_pair = call_.shape.units;
  job.units = b.units;
  job.band_rows = band_rows_;
  job.band_images = band_images_;
  job.channel_block = 4;
  job.filter_block = 16;
  const int64_t cost = 4 * 16 * call_.shape.units * sets_ * chunk_ * job.rows * job.dy_cols;
  for (int64_t n = 0; n < call_.shape.batch; n += chunk_) {
    job.images = std::min(chunk_, call_.shape.batch - n);
    const ImageView<const T> images = Images(call_.shape, Tensor::kInput, x, n, job.images);
    const int64_t set_size = job.images * call_.shape.in_channels * x_grid_.channel_size();
    for (int64_t set = 0; set < sets_; ++set) {
      TensorToPlanes(images, filters.sets[set], x_grid_, b.x + set * set_size, b.scratch, parallel_);
    }
    TensorToPlanes(Images(call_.shape, Tensor::kOutput, dy, n, job.images), {}, dy_grid_, b.dy, b.scratch, parallel_);
    job.sets = sets_;
    job.sums = b.sums;
    parallel_.ForEach(job.items(), cost, [&](int64_t item) { Correlate(job, item); });
    if (!call_.sigma) continue;
    for (int64_t set = 0; set < 2; ++set) {
      TensorToPlanes(images, filters.wider[set], x_grid_, b.x + set * set_size, b.scratch, parallel_);
    }
    const int64_t plane = x_grid_.channel_size();
    parallel_.ForEach(set_size / plane, plane, [&](int64_t i) {
      T* const sum = b.x + i * plane;
      std::transform(sum, sum + plane, sum + set_size, sum, std::plus<>());
    });
    job.sets = 1;
    job.sums = b.sigma_sums;
    parallel_.ForEach(job.items(), cost, [&](int64_t item) { Correlate(job, item); });
  }
  WriteGradients(call_, b.sums, b.sigma_sums, weight, gradients, parallel_);
}

template <typename T>
typename PlaneCorrelatePass<T>::Buffers PlaneCorrelatePass<T>::LayOut(Arena& arena) const {
  const T* const none = nullptr;
  const ImageView<const T> x = Images(call_.shape, Tensor::kInput, none, 0, 1);
  const ImageView<const T> dy = Images(call_.shape, Tensor::kOutput, none, 0, 1);
  const int64_t slot = std::max(RowScratchSize(x.width, x.channels, call_.shape.stride_w, call_.gaussian.radius),
                                RowScratchSize(dy.width, dy.channels, 1, 0));
  const int64_t rows = chunk_ * std::max(call_.shape.in_channels, call_.shape.filters) *
                       std::max(x_grid_.rows * x_grid_.phases_h, dy_grid_.rows);
  Buffers b;
  b.units = arena.Take<CorrelateUnit<T>>(call_.unit_count());
  b.sums = arena.Take<UnitSums>(call_.unit_count());
  b.sigma_sums = arena.Take<UnitSums>(call_.sigma ? call_.unit_count() : 0);
  b.x = arena.Take<T>(stored_sets_ * chunk_ * call_.shape.in_channels * x_grid_.channel_size());
  b.dy = arena.Take<T>(chunk_ * call_.shape.filters * dy_grid_.channel_size());
  b.scratch = arena.Take<T>(slot * parallel_.Slots(rows));
  return b;
}

template <typename T>
void PlaneCorrelatePass<T>::FillUnits(const T* displacement, CorrelateUnit<T>* units) const {
  call_.ForEachUnit(parallel_, [&](int64_t i, int64_t j) {
    const std::array<Tap, 2> v = call_.axes.v.Taps(displacement[i]);
    std::array<Tap, 2> h = call_.axes.h.Taps(displacement[call_.unit_count() + i]);
    CorrelateUnit<T>& unit = units[j];
    unit.fraction_v = static_cast<T>(v[1].weight);
    if (call_.exact) {
      unit.column = static_cast<T>(h[1].weight);
    } else {
      if (h[0].weight < h[1].weight) std::swap(h[0], h[1]);
      unit.column = static_cast<T>(h[1].weight / h[0].weight);
    }
    if (!(v[0].inside || v[1].inside) || !(h[0].inside || h[1].inside)) {
      unit.offset[0][0] = -1;
      return;
    }
    for (int row = 0; row < 2; ++row) {
      for (int col = 0; col < 2; ++col) {
        const int64_t phase = v[row].phase * x_grid_.phases_w + h[col].phase;
        unit.offset[row][col] =
            static_cast<int32_t>(phase * x_grid_.phase_size() + (v[row].offset - x_grid_.first_row) * x_grid_.cols +
                                 (h[col].offset - x_grid_.first_col));
      }
    }
  });
}

template <typename T>
Work PlaneCorrelatePass<T>::CountWork() const {
  const DauConvShape& shape = call_.shape;
  const double images = shape.batch, lanes = CorrelateLanes<T>();
  const double units = call_.unit_count(), seen = units * call_.axes.seen_share();
  const double bands = CeilDiv(dy_grid_.rows, band_rows_) * images / (band_rows_ < dy_grid_.rows ? 1 : band_images_);
  const ImageView<const T> x = Images(shape, Tensor::kInput, static_cast<const T*>(nullptr), 0, shape.batch);
  const double chunk_elements =
      chunk_ * (sets_ * shape.in_channels * x_grid_.channel_size() + shape.filters * dy_grid_.channel_size());
  return {seen * images * dy_grid_.rows * dy_grid_.cols / lanes,  // vectors of dy
          seen * std::max(bands, 1.0),                            // sums across lanes
          0,
          images * sets_ * shape.in_channels * x_grid_.channel_size() / lanes,  // planes written
          images * shape.filters * dy_grid_.channel_size() / lanes,
          units,
          1,
          (2.0 * call_.gaussian.radius + 1) * sets_ * x.images * x.image_size() / lanes,       // blurred
          images * dy_grid_.rows * dy_grid_.cols / lanes * shape.in_channels * shape.filters,  // dy brought into L1
          UncachedVectors<T>(TensorElements(shape), chunk_elements, images / chunk_, lanes),
          sets_ * RaggedPixels<T>(shape, Tensor::kInput) + RaggedPixels<T>(shape, Tensor::kOutput)};
}

template class PlaneCorrelatePass<float>;
template class PlaneCorrelatePass<double>;

}  // namespace dau::direct
