#include <algorithm>
#include <array>
#include <limits>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/direct/correlate_pass.h"
#include "cc/kernels/direct/lane_gather.h"
#include "cc/kernels/direct/lane_plan.h"

namespace dau::direct {
namespace {

// The grid of dy: the tiles of x's grid without their surroundings.
TileGrid WithoutHalo(TileGrid grid) {
  grid.span_v = grid.span_h = grid.first_row = grid.first_col = 0;
  return grid;
}

}  // namespace

template <typename T>
bool LaneCorrelatePass<T>::Serves(const CorrelateCall& call) {
  return call.shape.stride_h == 1 && call.shape.stride_w == 1 && GetLaneWindow<T>().lanes > 1;
}

template <typename T>
LaneCorrelatePass<T>::LaneCorrelatePass(const CorrelateCall& call, const Parallel& parallel)
    : call_(call), parallel_(parallel) {
  const WorkKind kind = call.exact ? WorkKind::kLaneCorners : WorkKind::kLaneGaussian;
  grid_ = ChooseTiles(call.axes, GetLaneWindow<T>(),
                      [&](const TileGrid& grid) { return Nanoseconds(kind, CountWork(grid)); });
  band_rows_ = BandRows(grid_);
  chunk_ = Chunk(grid_);
}

// A band of dy and what the units see of x fit into the L1 cache.
template <typename T>
int64_t LaneCorrelatePass<T>::BandRows(const TileGrid& grid) const {
  constexpr int64_t kBandElements = (40 << 10) / sizeof(T);
  const int64_t x_row = grid.in_cols() * grid.lanes, dy_row = grid.tile_cols * grid.lanes;
  const int64_t rows = (kBandElements - grid.span_v * x_row) / (x_row + dy_row) / 2 * 2;
  return std::clamp(rows, std::min<int64_t>(8, grid.tile_rows), grid.tile_rows);
}

template <typename T>
PaddedImages<T> LaneCorrelatePass<T>::Padded(Tensor tensor, const TileGrid& grid, T* data) const {
  const int64_t channels = Images(call_.shape, tensor, static_cast<const T*>(nullptr), 0, 1).channels;
  const TileGrid g = tensor == Tensor::kInput ? grid : WithoutHalo(grid);
  return {data, g.padded_rows(), g.padded_cols(), channels};
}

template <typename T>
LaneImages LaneCorrelatePass<T>::Stored(Tensor tensor, int64_t images) const {
  const int64_t channels = tensor == Tensor::kInput ? call_.shape.in_channels : call_.shape.filters;
  return {images, channels, Images(call_.shape, tensor, static_cast<const T*>(nullptr), 0, 1).channels > 1};
}

template <typename T>
int64_t LaneCorrelatePass<T>::PaddedSize(const TileGrid& grid) const {
  int64_t size = 0;
  for (const Tensor tensor : {Tensor::kInput, Tensor::kOutput}) {
    const int64_t images = Images(call_.shape, tensor, static_cast<const T*>(nullptr), 0, 1).images;
    size = std::max(size, images * Padded(tensor, grid, nullptr).image_size());
  }
  return size;
}

// Of an image and its tiles.
template <typename T>
int64_t LaneCorrelatePass<T>::ImageElements(const TileGrid& grid) const {
  return PaddedSize(grid) + grid.tiles() *
                                (grid.in_size() * Stored(Tensor::kInput, 1).template stored_channels<T>() +
                                 grid.out_size() * Stored(Tensor::kOutput, 1).template stored_channels<T>()) /
                                grid.lanes;
}

template <typename T>
int64_t LaneCorrelatePass<T>::Chunk(const TileGrid& grid) const {
  constexpr int64_t kChunkElements = kChunkBytes / sizeof(T);
  return std::clamp<int64_t>(kChunkElements / ImageElements(grid), 1, std::max<int64_t>(1, call_.shape.batch));
}

template <typename T>
Status LaneCorrelatePass<T>::Workspace(size_t* bytes) const {
  Arena arena;
  LayOut(arena);
  *bytes = arena.used();
  return Status();
}

template <typename T>
typename LaneCorrelatePass<T>::Buffers LaneCorrelatePass<T>::LayOut(Arena& arena) const {
  const ImageView<const T> x = Images(call_.shape, Tensor::kInput, static_cast<const T*>(nullptr), 0, 1);
  const int64_t slots = parallel_.Slots(chunk_ * x.images * grid_.padded_rows()), groups = grid_.groups(chunk_);
  Buffers b;
  b.units = arena.Take<LaneCorrelateUnit<T>>(call_.unit_count());
  b.sums = arena.Take<UnitSums>(call_.unit_count());
  b.sigma_sums = arena.Take<UnitSums>(call_.sigma ? call_.unit_count() : 0);
  b.padded = arena.Take<T>(chunk_ * PaddedSize(grid_));
  b.x = arena.Take<T>(groups * Stored(Tensor::kInput, 1).template stored_channels<T>() * grid_.in_size());
  b.dy = arena.Take<T>(groups * Stored(Tensor::kOutput, 1).template stored_channels<T>() * grid_.out_size());
  b.scratch = arena.Take<T>(slots * PadScratchSize(x.width, x.channels, call_.gaussian.radius));
  return b;
}

template <typename T>
void LaneCorrelatePass<T>::FillUnits(const T* displacement, LaneCorrelateUnit<T>* units) const {
  call_.ForEachUnit(parallel_, [&](int64_t i, int64_t j) {
    LaneCorrelateUnit<T>& unit = units[j];
    unit.base = -1;
    const T mu_v = displacement[i], mu_h = displacement[call_.unit_count() + i];
    if (!call_.axes.MaySee(mu_v, mu_h)) return;
    const std::array<Tap, 2> v = call_.axes.v.Taps(mu_v), h = call_.axes.h.Taps(mu_h);
    if (!(v[0].inside || v[1].inside) || !(h[0].inside || h[1].inside)) return;
    unit.base = static_cast<int32_t>((v[0].offset - grid_.first_row) * grid_.in_cols() + h[0].offset - grid_.first_col);
    unit.fraction_v = static_cast<T>(v[1].weight);
    if (call_.exact) {
      unit.column = static_cast<T>(h[1].weight);
    } else if (h[0].weight < std::numeric_limits<T>::epsilon() / 2) {  // as in UnitTable: the ratio stays small
      unit.base += 1;
      unit.column = 0;
    } else {
      unit.column = static_cast<T>(h[1].weight / h[0].weight);
    }
  });
}

template <typename T>
void LaneCorrelatePass<T>::Run(const T* x, const T* weight, const T* displacement, const T* dy,
                               const ParamGradients<T>& gradients, void* workspace) const {
  const DauConvShape& shape = call_.shape;
  Arena arena(workspace);
  const Buffers b = LayOut(arena);
  FillUnits(displacement, b.units);
  std::fill_n(b.sums, call_.unit_count(), UnitSums{});
  if (call_.sigma) std::fill_n(b.sigma_sums, call_.unit_count(), UnitSums{});
  const CorrelateFilters<T> filters(call_.gaussian);

  LaneCorrelateJob<T> job;
  job.x = b.x;
  job.dy = b.dy;
  job.grid = grid_;
  job.in_channels = Stored(Tensor::kInput, 1).template stored_channels<T>();
  job.channels = shape.in_channels;
  job.stored_filters = Stored(Tensor::kOutput, 1).template stored_channels<T>();
  job.filters = shape.filters;
  job.units_per_pair = shape.units;
  job.units = b.units;
  job.band_rows = band_rows_;
  job.channel_block = 4;
  job.filter_block = 16;
  const int64_t cost = 4 * 16 * shape.units * 2 * grid_.groups(chunk_) * grid_.tile_rows * grid_.tile_cols;
  for (int64_t n = 0; n < shape.batch; n += chunk_) {
    const int64_t images = std::min(chunk_, shape.batch - n);
    job.groups = grid_.groups(images);
    const auto to_lanes = [&](Tensor tensor, const T* data, const SeparableFilter<T>& filter, T* lanes) {
      const TileGrid grid = tensor == Tensor::kInput ? grid_ : WithoutHalo(grid_);
      const PaddedImages<T> padded = Padded(tensor, grid_, b.padded);
      PadImages(Images(shape, tensor, data, n, images), filter, grid.first_row, grid.first_col, padded, b.scratch,
                parallel_);
      PaddedToLanes({padded.data, padded.rows, padded.cols, padded.channels}, Stored(tensor, images), grid, lanes,
                    parallel_);
    };
    const auto correlate = [&](const SeparableFilter<T>& filter, LaneSums kind, UnitSums* sums) {
      to_lanes(Tensor::kInput, x, filter, b.x);
      job.sums_kind = kind;
      job.sums = sums;
      parallel_.ForEach(job.items(), cost, [&](int64_t item) { LaneCorrelate(job, item); });
    };
    to_lanes(Tensor::kOutput, dy, {}, b.dy);
    if (call_.exact) {
      correlate(filters.sets[0], LaneSums::kCorners, b.sums);
    } else {
      correlate(filters.sets[0], LaneSums::kWeight, b.sums);
      correlate(filters.sets[1], LaneSums::kDisplacementV, b.sums);
      correlate(filters.sets[2], LaneSums::kDisplacementH, b.sums);
    }
    if (!call_.sigma) continue;
    for (const SeparableFilter<T>& filter : filters.wider) {
      correlate(filter, call_.exact ? LaneSums::kCorners : LaneSums::kWeight, b.sigma_sums);
    }
  }
  WriteGradients(call_, b.sums, b.sigma_sums, weight, gradients, parallel_);
}

template <typename T>
Work LaneCorrelatePass<T>::CountWork(const TileGrid& grid) const {
  const DauConvShape& shape = call_.shape;
  const int64_t chunk = Chunk(grid), band_rows = BandRows(grid), sets = call_.exact ? 1 : 3;
  const double groups = shape.batch / chunk * grid.groups(chunk) + grid.groups(shape.batch % chunk);
  const double units = call_.unit_count(), seen = units * call_.axes.seen_share();
  const double vectors = groups * grid.tile_rows * grid.tile_cols;
  const int64_t band = (band_rows + grid.span_v) * grid.in_cols() + band_rows * grid.tile_cols;
  const ImageView<const T> x = Images(shape, Tensor::kInput, static_cast<const T*>(nullptr), 0, shape.batch);
  return {seen * sets * vectors,                                      // vectors of dy
          seen * sets * groups * CeilDiv(grid.tile_rows, band_rows),  // sums across lanes
          band * grid.lanes * static_cast<int64_t>(sizeof(T)) > 44 << 10 ? seen * sets * vectors : 0,  // loads from L2
          groups * sets * Stored(Tensor::kInput, 1).template stored_channels<T>() * grid.in_size() / grid.lanes,
          groups * Stored(Tensor::kOutput, 1).template stored_channels<T>() * grid.out_size() / grid.lanes,
          units,
          1,
          static_cast<double>(sets) * x.images * Padded(Tensor::kInput, grid, nullptr).image_size() / grid.lanes,
          sets * vectors * shape.in_channels * shape.filters,  // dy brought into L1
          UncachedVectors<T>(TensorElements(shape), chunk * ImageElements(grid),
                             static_cast<double>(shape.batch) / chunk * sets, grid.lanes),
          sets * RaggedPixels<T>(shape, Tensor::kInput) + RaggedPixels<T>(shape, Tensor::kOutput)};
}

template class LaneCorrelatePass<float>;
template class LaneCorrelatePass<double>;

}  // namespace dau::direct
