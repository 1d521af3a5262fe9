#include <algorithm>
#include <vector>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/direct/correlate.h"
#include "cc/kernels/direct/gather_pass.h"
#include "cc/kernels/direct/planes.h"

namespace dau::direct {

template <typename T>
PlaneGatherPass<T>::PlaneGatherPass(const GatherCall& call, const Parallel& parallel)
    : call_(call), parallel_(parallel) {
  const Axes& axes = call.axes;
  const DauConvShape& shape = call.shape;
  tile_ = ChooseGatherTile<T>(axes.v.out_extent(), axes.h.out_extent());
  out_grid_.first_row = axes.v.out_first();
  out_grid_.first_col = axes.h.out_first();
  out_grid_.rows = RoundUp(axes.v.out_extent(), tile_.rows);
  out_grid_.cols = RoundUp(axes.h.out_extent(), tile_.cols);
  in_grid_.first_row = axes.v.min_offset();
  in_grid_.first_col = axes.h.min_offset();
  const int64_t span_v = axes.v.max_offset() - axes.v.min_offset();
  // A unit may read one column more than it uses, times 0.
  const int64_t span_h = axes.h.max_offset() - axes.h.min_offset() + (shape.stride_w == 1 ? 1 : 0);
  in_grid_.rows = out_grid_.rows + span_v;
  in_grid_.cols = out_grid_.cols + span_h;
  PlaneGrid& strided = call.forward ? in_grid_ : out_grid_;
  strided.phases_h = shape.stride_h;
  strided.phases_w = shape.stride_w;

  // What a tile reads of a block of channels stays in the L1 cache, counted in whole lines, of which a row may touch
  // one more than it fills; but 8 units pay for loading and storing the sums.
  constexpr int64_t kBlockBytes = 20 << 10, kUnits = 8, kLine = Arena::kAlignment;
  const int64_t row_bytes = (tile_.cols + span_h) * static_cast<int64_t>(sizeof(T));
  const int64_t window = (tile_.rows + span_v) * (RoundUp(row_bytes, kLine) + kLine / 2);
  block_ = std::max(kBlockBytes / window, CeilDiv(kUnits, shape.units));
  block_ = std::min(block_, std::max<int64_t>(1, kMaxOffset / in_grid_.channel_size()));
  block_ = std::min(block_, call.in_channels());

  const int64_t image_bytes = (in_image_size() + out_image_size()) * static_cast<int64_t>(sizeof(T));
  chunk_ = std::clamp<int64_t>(kChunkBytes / image_bytes, 1, std::max<int64_t>(1, shape.batch));
  table_.emplace(call.direction, shape, axes, in_grid_, block_);
}

template <typename T>
Status PlaneGatherPass<T>::Workspace(size_t* bytes) const {
  for (const PlaneGrid& grid : {in_grid_, out_grid_}) {
    if (Status s = CheckAddressable(call_.shape, grid); !s.ok()) return s;
  }
  Arena arena;
  LayOut(arena);
  *bytes = arena.used();
  return Status();
}

template <typename T>
void PlaneGatherPass<T>::Run(const T* source, const T* weight, const T* displacement, T* target,
                             void* workspace) const {
  if (call_.shape.batch == 0) return;
  Arena arena(workspace);
  const Buffers buffers = LayOut(arena);
  table_->Fill(weight, displacement, buffers.units, buffers.lists, parallel_);
  const std::vector<T> taps(call_.gaussian.smooth.begin(), call_.gaussian.smooth.end());
  const SeparableFilter<T> none, blur{call_.gaussian.radius, taps.data(), taps.data()};

  GatherJob<T> job;
  job.in = buffers.in;
  job.in_image_size = in_image_size();
  job.in_block_size = block_ * in_grid_.channel_size();
  job.in_cols = in_grid_.cols;
  job.out = buffers.out;
  job.outputs = table_->outputs();
  job.out_rows = out_grid_.rows;
  job.out_cols = out_grid_.cols;
  job.units = buffers.units;
  job.lists = buffers.lists;
  job.blocks = table_->blocks();
  job.row_pairs = table_->row_pairs();
  job.neighbours = call_.shape.stride_w == 1;
  job.tile = tile_;
  job.outputs_per_item = 32;
  const int64_t cost = 3 * call_.shape.units * call_.in_channels() * job.outputs_per_item * 8;
  for (int64_t n = 0; n < call_.shape.batch; n += chunk_) {
    job.images = std::min(chunk_, call_.shape.batch - n);
    TensorToPlanes(Images(call_.shape, call_.source(), source, n, job.images), call_.axes.blur_first ? blur : none,
                   in_grid_, buffers.in, buffers.scratch, parallel_);
    parallel_.ForEach(job.items(), cost, [&](int64_t item) { Gather(job, item); });
    PlanesToTensor(buffers.out, out_grid_, call_.axes.blur_first ? none : blur,
                   Images(call_.shape, call_.target(), target, n, job.images), buffers.scratch, parallel_);
  }
}

template <typename T>
typename PlaneGatherPass<T>::Buffers PlaneGatherPass<T>::LayOut(Arena& arena) const {
  // Both row conversions run in the same slots.
  const int64_t rows = chunk_ * std::max(call_.in_channels(), call_.out_channels()) *
                       std::max(in_grid_.rows * in_grid_.phases_h, call_.shape.height);
  const auto row_size = [&](Tensor tensor, int64_t radius) {
    const ImageView<const T> view = Images(call_.shape, tensor, static_cast<const T*>(nullptr), 0, 1);
    return RowScratchSize(view.width, view.channels, call_.shape.stride_w, radius);
  };
  const int64_t slot = std::max(row_size(call_.source(), call_.axes.blur_first ? call_.gaussian.radius : 0),
                                row_size(call_.target(), call_.axes.blur_first ? 0 : call_.gaussian.radius));
  Buffers b;
  b.units = arena.Take<GatherUnit<T>>(table_->max_units());
  b.lists = arena.Take<UnitList>(table_->lists_size());
  b.in = arena.Take<T>(chunk_ * in_image_size() + CorrelateLanes<T>());
  b.out = arena.Take<T>(chunk_ * out_image_size());
  b.scratch = arena.Take<T>(slot * parallel_.Slots(rows));
  return b;
}

template <typename T>
Work PlaneGatherPass<T>::CountWork() const {
  const DauConvShape& shape = call_.shape;
  const double images = shape.batch, lanes = CorrelateLanes<T>(), rows = tile_.rows, cols = tile_.cols / lanes;
  const double tiles = images * (out_grid_.rows / tile_.rows) * (out_grid_.cols / tile_.cols);
  const double entries =
      call_.seen_units() * (table_->row_pairs() ? 1 : 2) * (call_.forward || shape.stride_w == 1 ? 1 : 2);
  const double window_vectors = (tile_.rows + call_.axes.v.max_offset() - call_.axes.v.min_offset()) *
                                (cols + (call_.axes.h.max_offset() - call_.axes.h.min_offset()) / lanes);
  const Tensor blurred = call_.axes.blur_first ? call_.source() : call_.target();
  const ImageView<const T> view = Images(shape, blurred, static_cast<const T*>(nullptr), 0, shape.batch);
  return {
      tiles * entries * (rows + (table_->row_pairs() ? 1 : 0)) * (shape.stride_w == 1 ? cols + 1 : 2 * cols),  // loads
      tiles * entries,
      tiles * table_->outputs() * table_->blocks() * rows * cols,  // sums loaded and stored
      images * in_image_size() / lanes,                            // planes written
      images * out_image_size() / lanes,                           // planes read
      call_.listed_units(),
      1,
      (2.0 * call_.gaussian.radius + 1) * view.images * view.image_size() / lanes,  // blurred
      tiles * call_.in_channels() * window_vectors,                                 // brought into the L1 cache
      UncachedVectors<T>(TensorElements(shape), chunk_ * (in_image_size() + out_image_size()), images / chunk_, lanes),
      RaggedPixels<T>(shape, Tensor::kInput) + RaggedPixels<T>(shape, Tensor::kOutput)};
}

template class PlaneGatherPass<float>;
template class PlaneGatherPass<double>;

}  // namespace dau::direct
