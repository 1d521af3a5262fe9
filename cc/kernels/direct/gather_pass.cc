// Forward and BackwardInput: tensor → planes → displaced sums → planes → tensor, some images at a time.
#include <algorithm>
#include <optional>
#include <vector>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/int_math.h"
#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/direct/images.h"
#include "cc/kernels/direct/unit_table.h"

namespace dau::direct {
namespace {

template <typename T>
class GatherPass {
 public:
  GatherPass(Direction direction, const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel)
      : shape_(shape), parallel_(parallel), forward_(direction == Direction::kForward), gaussian_(shape.sigma) {
    const Axes axes(direction, shape, range);
    blur_first_ = axes.blur_first;
    tile_ = ChooseGatherTile<T>(axes.v.out_extent(), axes.h.out_extent());
    out_grid_.first_row = axes.v.out_first();
    out_grid_.first_col = axes.h.out_first();
    out_grid_.rows = RoundUp(axes.v.out_extent(), tile_.rows);
    out_grid_.cols = RoundUp(axes.h.out_extent(), tile_.cols);
    in_grid_.first_row = axes.v.min_offset();
    in_grid_.first_col = axes.h.min_offset();
    const int64_t span_v = axes.v.max_offset() - axes.v.min_offset(),
                  span_h = axes.h.max_offset() - axes.h.min_offset();
    in_grid_.rows = out_grid_.rows + span_v;
    in_grid_.cols = out_grid_.cols + span_h;
    PlaneGrid& strided = forward_ ? in_grid_ : out_grid_;
    strided.phases_h = shape.stride_h;
    strided.phases_w = shape.stride_w;

    // What a tile reads of a block of channels stays in the L1 cache, counted in whole lines, of which a row may touch
    // one more than it fills; but 8 units pay for loading and storing the sums.
    constexpr int64_t kBlockBytes = 20 << 10, kUnits = 8, kLine = Arena::kAlignment;
    const int64_t row_bytes = (tile_.cols + span_h) * static_cast<int64_t>(sizeof(T));
    const int64_t window = (tile_.rows + span_v) * (RoundUp(row_bytes, kLine) + kLine / 2);
    block_ = std::max(kBlockBytes / window, CeilDiv(kUnits, shape.units));
    block_ = std::min(block_, std::max<int64_t>(1, kMaxOffset / in_grid_.channel_size()));
    block_ = std::min(block_, in_channels());

    constexpr int64_t kChunkBytes = 64 << 20;
    const int64_t image_bytes = (in_image_size() + out_image_size()) * static_cast<int64_t>(sizeof(T));
    chunk_ = std::clamp<int64_t>(kChunkBytes / image_bytes, 1, std::max<int64_t>(1, shape.batch));
    table_.emplace(direction, shape, axes, in_grid_, block_);
  }

  Status Workspace(size_t* bytes) const {
    for (const PlaneGrid& grid : {in_grid_, out_grid_}) {
      if (Status s = CheckAddressable(shape_, grid); !s.ok()) return s;
    }
    Arena arena;
    LayOut(arena);
    *bytes = arena.used();
    return Status();
  }

  void Run(const T* source, const T* weight, const T* displacement, T* target, void* workspace) const {
    if (shape_.batch == 0) return;
    Arena arena(workspace);
    const Buffers buffers = LayOut(arena);
    table_->Fill(weight, displacement, buffers.units, buffers.lists, parallel_);
    const std::vector<T> taps(gaussian_.smooth.begin(), gaussian_.smooth.end());
    const SeparableFilter<T> none, blur{gaussian_.radius, taps.data(), taps.data()};

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
    job.tile = tile_;
    job.outputs_per_item = 32;
    const int64_t cost = 3 * shape_.units * in_channels() * job.outputs_per_item * 8;
    for (int64_t n = 0; n < shape_.batch; n += chunk_) {
      job.images = std::min(chunk_, shape_.batch - n);
      TensorToPlanes(Images(shape_, source_tensor(), source, n, job.images), blur_first_ ? blur : none, in_grid_,
                     buffers.in, buffers.scratch, parallel_);
      parallel_.ForEach(job.items(), cost, [&](int64_t item) { Gather(job, item); });
      PlanesToTensor(buffers.out, out_grid_, blur_first_ ? none : blur,
                     Images(shape_, target_tensor(), target, n, job.images), buffers.scratch, parallel_);
    }
  }

 private:
  struct Buffers {
    GatherUnit<T>* units;
    UnitList* lists;
    T *in, *out, *scratch;
  };

  Buffers LayOut(Arena& arena) const {
    // Both row conversions run in the same slots.
    const int64_t rows =
        chunk_ * std::max(in_channels(), out_channels()) * std::max(in_grid_.rows * in_grid_.phases_h, shape_.height);
    const auto row_size = [&](Tensor tensor, int64_t radius) {
      const ImageView<const T> view = Images(shape_, tensor, static_cast<const T*>(nullptr), 0, 1);
      return RowScratchSize(view.width, view.channels, shape_.stride_w, radius);
    };
    const int64_t slot = std::max(row_size(source_tensor(), blur_first_ ? gaussian_.radius : 0),
                                  row_size(target_tensor(), blur_first_ ? 0 : gaussian_.radius));
    Buffers b;
    b.units = arena.Take<GatherUnit<T>>(table_->max_units());
    b.lists = arena.Take<UnitList>(table_->lists_size());
    b.in = arena.Take<T>(chunk_ * in_image_size());
    b.out = arena.Take<T>(chunk_ * out_image_size());
    b.scratch = arena.Take<T>(slot * parallel_.Slots(rows));
    return b;
  }

  // What the pass reads, and what it writes.
  Tensor source_tensor() const { return forward_ ? Tensor::kInput : Tensor::kOutput; }
  Tensor target_tensor() const { return forward_ ? Tensor::kOutput : Tensor::kInput; }

  int64_t in_channels() const { return forward_ ? shape_.in_channels : shape_.filters; }
  int64_t out_channels() const { return forward_ ? shape_.filters : shape_.in_channels; }
  int64_t in_image_size() const { return in_channels() * in_grid_.channel_size(); }
  int64_t out_image_size() const { return out_channels() * out_grid_.channel_size(); }

  DauConvShape shape_;
  const Parallel& parallel_;
  bool forward_, blur_first_;
  GaussianTaps gaussian_;
  GatherTile tile_;
  PlaneGrid in_grid_, out_grid_;
  int64_t block_, chunk_;
  std::optional<UnitTable<T>> table_;
};

}  // namespace

template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                        size_t* bytes) {
  return GatherPass<T>(Direction::kForward, shape, range, parallel).Workspace(bytes);
}

template <typename T>
void Forward(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
             const T* displacement, T* y, void* workspace, const Parallel& parallel) {
  GatherPass<T>(Direction::kForward, shape, range, parallel).Run(x, weight, displacement, y, workspace);
}

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                              size_t* bytes) {
  return GatherPass<T>(Direction::kBackward, shape, range, parallel).Workspace(bytes);
}

template <typename T>
void BackwardInput(const DauConvShape& shape, const DisplacementRange& range, const T* weight, const T* displacement,
                   const T* dy, T* dx, void* workspace, const Parallel& parallel) {
  GatherPass<T>(Direction::kBackward, shape, range, parallel).Run(dy, weight, displacement, dx, workspace);
}

#define DAU_INSTANTIATE(T)                                                                                            \
  template Status ForwardWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*);       \
  template void Forward(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, T*, void*,       \
                        const Parallel&);                                                                             \
  template Status BackwardInputWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*); \
  template void BackwardInput(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, T*, void*, \
                              const Parallel&);
DAU_INSTANTIATE(float)
DAU_INSTANTIATE(double)
#undef DAU_INSTANTIATE

}  // namespace dau::direct
