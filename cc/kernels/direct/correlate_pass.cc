// BackwardParams: x and dy → planes → four corner correlations → gradients, some images at a time.
#include <algorithm>
#include <array>
#include <functional>
#include <utility>
#include <vector>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/int_math.h"
#include "cc/kernels/direct/correlate.h"
#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/direct/geometry.h"
#include "cc/kernels/direct/images.h"
#include "cc/kernels/direct/planes.h"

namespace dau::direct {
namespace {

template <typename T>
class CorrelatePass {
 public:
  CorrelatePass(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, bool sigma,
                const Parallel& parallel)
      : shape_(shape),
        parallel_(parallel),
        axes_(Direction::kForward, shape, range),
        gaussian_(shape.sigma),
        sigma_(sigma),
        sets_(kind == DisplacementGradient::kExact ? 1 : 3),
        stored_sets_(std::max<int64_t>(sets_, sigma ? 2 : 1)) {
    dy_grid_.rows = axes_.v.out_extent();
    dy_grid_.cols = RoundUp(axes_.h.out_extent(), CorrelateLanes<T>());
    x_grid_.phases_h = shape.stride_h;
    x_grid_.phases_w = shape.stride_w;
    x_grid_.first_row = axes_.v.min_offset();
    x_grid_.first_col = axes_.h.min_offset();
    const int64_t span_v = axes_.v.max_offset() - axes_.v.min_offset();
    x_grid_.rows = dy_grid_.rows + span_v;
    x_grid_.cols = dy_grid_.cols + axes_.h.max_offset() - axes_.h.min_offset();

    // A band of dy and what the units see of x fit into the L1 cache; at least 8 rows, for the sums of a band are
    // added across lanes.
    constexpr int64_t kBandElements = (24 << 10) / sizeof(T), kRows = 8;
    const int64_t fixed = sets_ * span_v * x_grid_.cols, per_row = dy_grid_.cols + sets_ * x_grid_.cols;
    band_rows_ = std::clamp((kBandElements - fixed) / per_row, std::min(kRows, dy_grid_.rows), dy_grid_.rows);
    band_images_ = std::max<int64_t>(1, kBandElements / (fixed + dy_grid_.rows * per_row));

    constexpr int64_t kChunkBytes = 64 << 20;
    const int64_t image_bytes =
        (stored_sets_ * shape.in_channels * x_grid_.channel_size() + shape.filters * dy_grid_.channel_size()) *
        static_cast<int64_t>(sizeof(T));
    chunk_ = std::clamp<int64_t>(kChunkBytes / image_bytes, 1, std::max<int64_t>(1, shape.batch));
  }

  Status Workspace(size_t* bytes) const {
    if (Status s = CheckAddressable(shape_, x_grid_); !s.ok()) return s;
    Arena arena;
    LayOut(arena);
    *bytes = arena.used();
    return Status();
  }

  void Run(const T* x, const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
           void* workspace) const {
    Arena arena(workspace);
    const Buffers b = LayOut(arena);
    FillUnits(displacement, b.units);
    std::fill_n(b.sums, unit_count(), UnitSums{});
    if (sigma_) std::fill_n(b.sigma_sums, unit_count(), UnitSums{});
    const std::vector<T> smooth(gaussian_.smooth.begin(), gaussian_.smooth.end());
    const std::vector<T> slope(gaussian_.derivative.begin(), gaussian_.derivative.end());
    const std::vector<T> perimeter(gaussian_.perimeter.begin(), gaussian_.perimeter.end());
    const SeparableFilter<T> filters[3] = {{gaussian_.radius, smooth.data(), smooth.data()},
                                           {gaussian_.radius, slope.data(), smooth.data()},
                                           {gaussian_.radius, smooth.data(), slope.data()}};
    const SeparableFilter<T> wider[2] = {{gaussian_.radius, perimeter.data(), smooth.data()},
                                         {gaussian_.radius, smooth.data(), perimeter.data()}};
    CorrelateJob<T> job;
    job.corners = sets_ == 1;
    job.x = b.x;
    job.x_channel_size = x_grid_.channel_size();
    job.x_cols = x_grid_.cols;
    job.share_rows = shape_.stride_h == 1;
    job.dy = b.dy;
    job.rows = dy_grid_.rows;
    job.dy_cols = dy_grid_.cols;
    job.channels = shape_.in_channels;
    job.filters = shape_.filters;
    job.units_per_pair = shape_.units;
    job.units = b.units;
    job.band_rows = band_rows_;
    job.band_images = band_images_;
    job.channel_block = 4;
    job.filter_block = 16;
    const int64_t cost = 4 * 16 * shape_.units * sets_ * chunk_ * job.rows * job.dy_cols;
    for (int64_t n = 0; n < shape_.batch; n += chunk_) {
      job.images = std::min(chunk_, shape_.batch - n);
      const ImageView<const T> images = Images(shape_, Tensor::kInput, x, n, job.images);
      const int64_t set_size = job.images * shape_.in_channels * x_grid_.channel_size();
      for (int64_t set = 0; set < sets_; ++set) {
        TensorToPlanes(images, filters[set], x_grid_, b.x + set * set_size, b.scratch, parallel_);
      }
      TensorToPlanes(Images(shape_, Tensor::kOutput, dy, n, job.images), {}, dy_grid_, b.dy, b.scratch, parallel_);
      job.sets = sets_;
      job.sums = b.sums;
      parallel_.ForEach(job.items(), cost, [&](int64_t item) { Correlate(job, item); });
      if (!sigma_) continue;
      for (int64_t set = 0; set < 2; ++set) {
        TensorToPlanes(images, wider[set], x_grid_, b.x + set * set_size, b.scratch, parallel_);
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
    WriteGradients(b, weight, gradients);
  }

 private:
  struct Buffers {
    CorrelateUnit<T>* units;
    UnitSums *sums, *sigma_sums;  // of x̃, of ∂x̃/∂σ
    T *x, *dy, *scratch;
  };

  Buffers LayOut(Arena& arena) const {
    const T* const none = nullptr;
    const ImageView<const T> x = Images(shape_, Tensor::kInput, none, 0, 1);
    const ImageView<const T> dy = Images(shape_, Tensor::kOutput, none, 0, 1);
    const int64_t slot = std::max(RowScratchSize(x.width, x.channels, shape_.stride_w, gaussian_.radius),
                                  RowScratchSize(dy.width, dy.channels, 1, 0));
    const int64_t rows = chunk_ * std::max(shape_.in_channels, shape_.filters) *
                         std::max(x_grid_.rows * x_grid_.phases_h, dy_grid_.rows);
    Buffers b;
    b.units = arena.Take<CorrelateUnit<T>>(unit_count());
    b.sums = arena.Take<UnitSums>(unit_count());
    b.sigma_sums = arena.Take<UnitSums>(sigma_ ? unit_count() : 0);
    b.x = arena.Take<T>(stored_sets_ * chunk_ * shape_.in_channels * x_grid_.channel_size());
    b.dy = arena.Take<T>(chunk_ * shape_.filters * dy_grid_.channel_size());
    b.scratch = arena.Take<T>(slot * parallel_.Slots(rows));
    return b;
  }

  int64_t unit_count() const { return shape_.units * shape_.in_channels * shape_.filters; }

  // body(i, j): unit i of [K, S, F] is unit j of [S, F, K], the order in which the kernel meets them.
  template <typename Body>
  void ForEachUnit(const Body& body) const {
    const int64_t pairs = shape_.in_channels * shape_.filters;
    parallel_.ForEach(pairs, 60 * shape_.units, [&](int64_t pair) {
      for (int64_t k = 0; k < shape_.units; ++k) body(k * pairs + pair, pair * shape_.units + k);
    });
  }

  void FillUnits(const T* displacement, CorrelateUnit<T>* units) const {
    ForEachUnit([&](int64_t i, int64_t j) {
      const std::array<Tap, 2> v = axes_.v.Taps(displacement[i]);
      std::array<Tap, 2> h = axes_.h.Taps(displacement[unit_count() + i]);
      CorrelateUnit<T>& unit = units[j];
      unit.fraction_v = static_cast<T>(v[1].weight);
      if (sets_ == 1) {
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

  void WriteGradients(const Buffers& b, const T* weight, const ParamGradients<T>& gradients) const {
    ForEachUnit([&](int64_t i, int64_t j) {
      gradients.weight[i] = static_cast<T>(b.sums[j].weight);
      gradients.displacement[i] = static_cast<T>(weight[i] * b.sums[j].displacement_v);
      gradients.displacement[unit_count() + i] = static_cast<T>(weight[i] * b.sums[j].displacement_h);
    });
    if (!sigma_) return;
    double sum = 0;
    const int64_t pairs = shape_.in_channels * shape_.filters;
    for (int64_t i = 0; i < unit_count(); ++i) {
      sum += weight[i] * b.sigma_sums[i % pairs * shape_.units + i / pairs].weight;
    }
    *gradients.sigma = static_cast<T>(sum);
  }

  DauConvShape shape_;
  const Parallel& parallel_;
  Axes axes_;
  GaussianTaps gaussian_;
  bool sigma_;
  int64_t sets_, stored_sets_;  // ∂x̃/∂σ is put together from two sets
  PlaneGrid x_grid_, dy_grid_;
  int64_t band_rows_, band_images_, chunk_;
};

}  // namespace

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind,
                               bool sigma, const Parallel& parallel, size_t* bytes) {
  return CorrelatePass<T>(shape, range, kind, sigma, parallel).Workspace(bytes);
}

template <typename T>
void BackwardParams(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, const T* x,
                    const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
                    void* workspace, const Parallel& parallel) {
  CorrelatePass<T>(shape, range, kind, gradients.sigma != nullptr, parallel)
      .Run(x, weight, displacement, dy, gradients, workspace);
}

#define DAU_INSTANTIATE(T)                                                                                        \
  template Status BackwardParamsWorkspace<T>(const DauConvShape&, const DisplacementRange&, DisplacementGradient, \
                                             bool, const Parallel&, size_t*);                                     \
  template void BackwardParams(const DauConvShape&, const DisplacementRange&, DisplacementGradient, const T*,     \
                               const T*, const T*, const T*, const ParamGradients<T>&, void*, const Parallel&);
DAU_INSTANTIATE(float)
DAU_INSTANTIATE(double)
#undef DAU_INSTANTIATE

}  // namespace dau::direct
