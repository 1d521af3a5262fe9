#include <algorithm>
#include <vector>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/direct/gather_pass.h"
#include "cc/kernels/direct/lane_plan.h"

namespace dau::direct {

template <typename T>
bool LaneGatherPass<T>::Serves(const GatherCall& call) {
  return call.shape.stride_h == 1 && call.shape.stride_w == 1 && GetLaneWindow<T>().lanes > 1;
}

template <typename T>
LaneGatherPass<T>::LaneGatherPass(const GatherCall& call, const Parallel& parallel) : call_(call), parallel_(parallel) {
  grid_ = ChooseTiles(call.axes, GetLaneWindow<T>(),
                      [&](const TileGrid& grid) { return Nanoseconds(WorkKind::kLaneGather, CountWork(grid)); });
  block_ = Block(grid_);
  chunk_ = Chunk(grid_);
  PlaneGrid tile;  // what the units' offsets count
  tile.first_row = grid_.first_row;
  tile.first_col = grid_.first_col;
  tile.rows = grid_.in_rows();
  tile.cols = grid_.in_cols();
  table_.emplace(call.direction, call.shape, call.axes, tile, block_);
}

// What a window reads of a block of channels stays in the L1 cache; but 4 units pay for loading and storing the sums.
template <typename T>
int64_t LaneGatherPass<T>::Block(const TileGrid& grid) const {
  constexpr int64_t kBlockElements = (36 << 10) / sizeof(T), kUnits = 4;
  const int64_t window = (grid.window_rows + grid.span_v) * (kWindowCols + grid.span_h) * grid.lanes;
  return std::min(std::max(kBlockElements / window, CeilDiv(kUnits, call_.shape.units)), call_.in_channels());
}

// Of an image and its tiles.
template <typename T>
int64_t LaneGatherPass<T>::ImageElements(const TileGrid& grid) const {
  return SourceView().images * Padded(grid, nullptr).image_size() +
         grid.tiles() *
             (grid.in_size() * Source(1).template stored_channels<T>() +
              grid.out_size() * Target(1).template stored_channels<T>()) /
             grid.lanes;
}

template <typename T>
int64_t LaneGatherPass<T>::Chunk(const TileGrid& grid) const {
  constexpr int64_t kChunkElements = kChunkBytes / sizeof(T);
  return std::clamp<int64_t>(kChunkElements / ImageElements(grid), 1, std::max<int64_t>(1, call_.shape.batch));
}

template <typename T>
ImageView<const T> LaneGatherPass<T>::SourceView() const {
  return Images(call_.shape, call_.source(), static_cast<const T*>(nullptr), 0, 1);
}

template <typename T>
PaddedImages<T> LaneGatherPass<T>::Padded(const TileGrid& grid, T* data) const {
  return {data, grid.padded_rows(), grid.padded_cols(), SourceView().channels};
}

template <typename T>
LaneImages LaneGatherPass<T>::Source(int64_t images) const {
  return {images, call_.in_channels(), SourceView().channels > 1};
}

template <typename T>
LaneImages LaneGatherPass<T>::Target(int64_t images) const {
  const bool channels_last = Images(call_.shape, call_.target(), static_cast<const T*>(nullptr), 0, 1).channels > 1;
  return {images, call_.out_channels(), channels_last};
}

template <typename T>
Status LaneGatherPass<T>::Workspace(size_t* bytes) const {
  Arena arena;
  LayOut(arena);
  *bytes = arena.used();
  return Status();
}

template <typename T>
typename LaneGatherPass<T>::Buffers LaneGatherPass<T>::LayOut(Arena& arena) const {
  const ImageView<const T> view = SourceView();
  const PaddedImages<T> padded = Padded(grid_, nullptr);
  const int64_t slots = parallel_.Slots(chunk_ * view.images * padded.rows);
  const int64_t groups = grid_.groups(chunk_);
  Buffers b;
  b.units = arena.Take<GatherUnit<T>>(table_->max_units());
  b.lists = arena.Take<UnitList>(table_->lists_size());
  b.padded = arena.Take<T>(chunk_ * view.images * padded.image_size());
  b.in = arena.Take<T>(groups * Source(1).template stored_channels<T>() * grid_.in_size());
  b.out = arena.Take<T>(groups * Target(1).template stored_channels<T>() * grid_.out_size());
  b.scratch = arena.Take<T>(slots * PadScratchSize(view.width, view.channels, call_.gaussian.radius));
  return b;
}

template <typename T>
void LaneGatherPass<T>::Run(const T* source, const T* weight, const T* displacement, T* target, void* workspace) const {
  const DauConvShape& shape = call_.shape;
  if (shape.batch == 0) return;
  Arena arena(workspace);
  const Buffers b = LayOut(arena);
  table_->Fill(weight, displacement, b.units, b.lists, parallel_);
  const std::vector<T> taps(call_.gaussian.smooth.begin(), call_.gaussian.smooth.end());
  const SeparableFilter<T> blur{call_.gaussian.radius, taps.data(), taps.data()};
  const PaddedImages<T> padded = Padded(grid_, b.padded);

  LaneGatherJob<T> job;
  job.in = b.in;
  job.out = b.out;
  job.grid = grid_;
  job.in_channels = Source(1).template stored_channels<T>();
  job.outputs = call_.out_channels();
  job.stored_outputs = Target(1).template stored_channels<T>();
  job.units = b.units;
  job.lists = b.lists;
  job.blocks = table_->blocks();
  job.block = block_;
  job.outputs_per_item = 64;
  const int64_t cost = 27 * shape.units * call_.in_channels() * job.outputs_per_item;
  for (int64_t n = 0; n < shape.batch; n += chunk_) {
    const int64_t images = std::min(chunk_, shape.batch - n);
    job.groups = grid_.groups(images);
    PadImages(Images(shape, call_.source(), source, n, images), blur, grid_.first_row, grid_.first_col, padded,
              b.scratch, parallel_);
    PaddedToLanes({padded.data, padded.rows, padded.cols, padded.channels}, Source(images), grid_, b.in, parallel_);
    parallel_.ForEach(job.items(), cost, [&](int64_t item) { LaneGather(job, item); });
    LanesToTensor(static_cast<const T*>(b.out), Target(images), grid_, Images(shape, call_.target(), target, n, images),
                  parallel_);
  }
}

template <typename T>
Work LaneGatherPass<T>::CountWork(const TileGrid& grid) const {
  const DauConvShape& shape = call_.shape;
  const int64_t chunk = Chunk(grid), block = Block(grid);
  const double groups = shape.batch / chunk * grid.groups(chunk) + grid.groups(shape.batch % chunk);
  const double windows = groups * grid.windows_v() * grid.windows_h();
  const double seen = call_.seen_units();
  const int64_t read = block * (grid.window_rows + grid.span_v) * (kWindowCols + grid.span_h) * grid.lanes;
  constexpr int64_t kCacheElements = (44 << 10) / sizeof(T);
  const ImageView<const T> view = SourceView();
  return {windows * seen,
          read > kCacheElements ? windows * seen : 0,                            // loads come from L2
          windows * call_.out_channels() * CeilDiv(call_.in_channels(), block),  // sums loaded and stored
          groups * Source(1).template stored_channels<T>() * grid.in_size() / grid.lanes,
          groups * Target(1).template stored_channels<T>() * grid.out_size() / grid.lanes,
          call_.listed_units(),
          1,
          static_cast<double>(shape.batch) * view.images * Padded(grid, nullptr).image_size() / grid.lanes,
          windows * call_.in_channels() * (grid.window_rows + grid.span_v) * (kWindowCols + grid.span_h),
          UncachedVectors<T>(TensorElements(shape), chunk * ImageElements(grid),
                             static_cast<double>(shape.batch) / chunk, grid.lanes),
          RaggedPixels<T>(shape, Tensor::kInput) + RaggedPixels<T>(shape, Tensor::kOutput)};
}

template class LaneGatherPass<float>;
template class LaneGatherPass<double>;

}  // namespace dau::direct
