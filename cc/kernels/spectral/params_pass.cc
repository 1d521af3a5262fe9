// BackwardParams: x and dy → spectra of tiles → correlations → gradients, some tiles at a time.
#include <algorithm>
#include <vector>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/correlate.h"
#include "cc/kernels/spectral/dau_conv_spectral.h"
#include "cc/kernels/spectral/general_spectral.h"
#include "cc/kernels/spectral/layout.h"

namespace dau::spectral {
namespace {

template <typename T>
class ParamsPass {
 public:
  // general: a σ per unit; kind and sigma have no part in it.
  ParamsPass(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, bool sigma,
             const Parallel& parallel, bool general = false)
      : shape_(shape),
        kind_(kind),
        sigma_(sigma),
        parallel_(parallel),
        general_{general ? SupportRadius(shape) : 0, kGeneralTables} {
    status_ = ChooseTiling(Direction::kForward, shape, range, &tiling_);
    if (!status_.ok()) return;
    all_inside_ = range.seen_share == 1 && tiling_.v.Place(range.min_v).inside && tiling_.v.Place(range.max_v).inside &&
                  tiling_.h.Place(range.min_h).inside && tiling_.h.Place(range.max_h).inside;
    // The gradient of the outputs on the same tiles: it is an input now.
    dy_tiling_ = tiling_;
    for (Axis* axis : {&dy_tiling_.v, &dy_tiling_.h}) {
      axis->in_extent = axis->out_extent;
      axis->in_step = axis->out_step;
    }
    all_tiles_ = shape.batch * tiling_.tiles();
    chunk_ = ChunkTiles(all_tiles_, (x_tile_size() + dy_tile_size()) * sizeof(T));
    ChooseGroups();
  }

  Status Workspace(size_t* bytes) const {
    if (!status_.ok()) return status_;
    Arena arena;
    LayOut(arena);
    *bytes = arena.used();
    return Status();
  }

  // sigma: of the general form.
  void Run(const T* x, const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
           void* workspace, const T* sigma = nullptr) const {
    Arena arena(workspace);
    const Buffers b = LayOut(arena);
    const GaussianTaps gaussian(shape_);
    const FftPlan<T> fft_v(tiling_.v.length), fft_h(tiling_.h.length);
    const std::vector<T> one_v(tiling_.v.half(), T{1}), one_h(tiling_.h.half(), T{1});
    const Spectra blur_v(gaussian, tiling_.v.length), blur_h(gaussian, tiling_.h.length);
    ToSpectraJob<T> x_job{{tiling_, fft_v, fft_h, 0, 0},
                          Input(shape_, x),
                          false,
                          one_v.data(),
                          one_h.data(),
                          false,
                          b.x,
                          0,
                          3 * kBlock,
                          kBlock,
                          kBlock};
    constexpr int64_t kLanes = FilterBlock<T>();
    ToSpectraJob<T> dy_job{{dy_tiling_, fft_v, fft_h, 0, 0},
                           Output(shape_, dy),
                           true,
                           one_v.data(),
                           one_h.data(),
                           true,
                           b.dy,
                           0,
                           2 * kLanes,
                           kLanes,
                           kLanes};
    const Circle circle_v(tiling_.v.length), circle_h(tiling_.h.length);
    CorrelateJob<T> correlate = Job(weight, displacement, sigma);
    correlate.circle_v = &circle_v;
    correlate.circle_h = &circle_h;
    correlate.blur_v = blur_v.View();
    correlate.blur_h = blur_h.View();
    correlate.x = b.x;
    correlate.dy = b.dy;
    correlate.sums = b.sums;
    std::fill_n(b.sums, sums_size(), T{0});
    const int64_t pixels = tiling_.v.length * tiling_.h.length;
    for (int64_t tile = 0; tile < all_tiles_; tile += chunk_) {
      const int64_t count = std::min(chunk_, all_tiles_ - tile);
      x_job.first_tile = dy_job.first_tile = tile;
      x_job.tile_count = dy_job.tile_count = correlate.tile_count = count;
      x_job.slot_size = correlate.x_slot_size();
      dy_job.slot_size = correlate.dy_slot_size();
      // Lanes of the last vectors that hold no filter are read as well.
      if (shape_.filters % kLanes != 0) std::fill_n(b.dy, tiling_.slots() * dy_job.slot_size, T{0});
      for (const ToSpectraJob<T>* job : {&x_job, &dy_job}) {
        parallel_.ForEachInSlot(
            count * Vectors(job->source.channels), 2 * pixels, TransformSlots(),
            [&](int64_t slot, int64_t item) { ToSpectra(*job, item, b.scratch + slot * transform_size()); });
      }
      correlate.add = tile > 0;
      const int64_t size = CorrelateScratchSize(correlate);
      parallel_.ForEachInSlot(correlate.items(), pixels * in_group_ * count, SlotLimit(size * sizeof(T)),
                              [&](int64_t slot, int64_t item) { Correlate(correlate, item, b.scratch + slot * size); });
    }
    WriteGradients(b.sums, weight, displacement, gradients);
  }

 private:
  struct Buffers {
    T *x, *dy, *sums, *scratch;
  };
  struct Spectra {
    std::vector<T> smooth, derivative, perimeter;

    Spectra(const GaussianTaps& gaussian, int64_t length)
        : smooth(Scaled<T>(TapSpectrum(gaussian.smooth, length, false), 1)),
          derivative(Scaled<T>(TapSpectrum(gaussian.derivative, length, true), 1)),
          perimeter(Scaled<T>(TapSpectrum(gaussian.perimeter, length, false), 1)) {}
    BlurSpectra<T> View() const { return {smooth.data(), derivative.data(), perimeter.data()}; }
  };

  CorrelateJob<T> Job(const T* weight, const T* displacement, const T* sigma) const {
    const UnitArrays<T> arrays(Direction::kForward, shape_, weight, displacement, sigma);
    return {tiling_,  nullptr, nullptr, arrays,  kind_,    sigma_,    {},    {},
            general_, chunk_,  nullptr, nullptr, by_taps_, in_group_, false, nullptr};
  }
  bool general() const { return general_.radius > 0; }

  Buffers LayOut(Arena& arena) const {
    const CorrelateJob<T> job = Job(nullptr, nullptr, nullptr);
    const int64_t size = CorrelateScratchSize(job), channels = std::max(shape_.in_channels, shape_.filters);
    Buffers b;
    // Correlations of the last inputs read up to 3 channels beyond a block that is not full: zeros, as ToSpectra left.
    b.x = arena.Take<T>(tiling_.slots() * job.x_slot_size());
    b.dy = arena.Take<T>(tiling_.slots() * job.dy_slot_size());
    b.sums = arena.Take<T>(sums_size());
    b.scratch =
        arena.Take<T>(std::max(size * parallel_.Slots(job.items(), SlotLimit(size * sizeof(T))),
                               transform_size() * parallel_.Slots(chunk_ * Vectors(channels), TransformSlots())));
    return b;
  }

  void WriteGradients(const T* sums, const T* weight, const T* displacement, const ParamGradients<T>& gradients) const {
    constexpr int64_t kLanes = FilterBlock<T>();
    const UnitArrays<T> arrays(Direction::kForward, shape_, weight, displacement);
    const T scale = static_cast<T>(2.0 / static_cast<double>(tiling_.v.length * tiling_.h.length));
    const auto at = [&](int64_t k, int64_t s, int64_t f) {
      return sums + ((f / kLanes * shape_.in_channels + s) * shape_.units + k) * kGradients * kLanes + f % kLanes;
    };
    // Units out of everything's reach are rare; where there is none, nobody is asked.
    const auto inside = [&](int64_t i) {
      return all_inside_ || (tiling_.v.Place(Interpolate(displacement[i]).cell).inside &&
                             tiling_.h.Place(Interpolate(displacement[arrays.count() + i]).cell).inside);
    };
    parallel_.ForEach(shape_.units * shape_.in_channels, 40 * shape_.filters, [&](int64_t row) {
      const int64_t k = row / shape_.in_channels, s = row % shape_.in_channels;
      for (int64_t first = 0; first < shape_.filters; first += kLanes) {
        const int64_t i = arrays.Index(k, s, first), count = std::min(kLanes, shape_.filters - first);
        const T* __restrict sum = at(k, s, first);
        T* __restrict to_weight = gradients.weight + i;
        T* __restrict to_vertical = gradients.displacement + i;
        T* __restrict to_horizontal = to_vertical + arrays.count();
        T* __restrict to_sigma = general() && gradients.sigma != nullptr ? gradients.sigma + i : nullptr;
        for (int64_t lane = 0; lane < count; ++lane) {
          const T weighted = scale * weight[i + lane];
          to_weight[lane] = scale * sum[kOfWeight * kLanes + lane];
          to_vertical[lane] = weighted * sum[kOfVertical * kLanes + lane];
          to_horizontal[lane] = weighted * sum[kOfHorizontal * kLanes + lane];
        }
        for (int64_t lane = 0; to_sigma != nullptr && lane < count; ++lane) {
          to_sigma[lane] = scale * weight[i + lane] * sum[kOfSigma * kLanes + lane];
        }
        if (all_inside_) continue;
        for (int64_t lane = 0; lane < count; ++lane) {
          if (inside(i + lane)) continue;
          to_weight[lane] = to_vertical[lane] = to_horizontal[lane] = T{0};
          if (to_sigma != nullptr) to_sigma[lane] = T{0};
        }
      }
    });
    if (general() || gradients.sigma == nullptr) return;
    double total = 0;
    for (int64_t k = 0; k < shape_.units; ++k) {
      for (int64_t s = 0; s < shape_.in_channels; ++s) {
        for (int64_t f = 0; f < shape_.filters; ++f) {
          const int64_t i = arrays.Index(k, s, f);
          if (inside(i)) total += static_cast<double>(weight[i]) * at(k, s, f)[kOfSigma * kLanes];
        }
      }
    }
    *gradients.sigma = static_cast<T>(total * 2.0 / static_cast<double>(tiling_.v.length * tiling_.h.length));
  }

  void ChooseGroups() {
    by_taps_ = !general() && ByTaps(tiling_, shape_.units, kind_);
    // The horizontal factors of a group's units stay in an L2 cache of 1 MiB; or its taps and rows do.
    constexpr int64_t kTableBytes = 400 << 10, kTapBytes = 1000 << 10;
    constexpr int64_t kLaneBytes = FilterBlock<T>() * static_cast<int64_t>(sizeof(T));
    const CorrelateJob<T> job = Job(nullptr, nullptr, nullptr);
    const int64_t tables =
        kTableBytes / ((general() ? kGeneralTables : 1) * 2 * kLaneBytes * tiling_.h.half() * shape_.units);
    const int64_t taps =
        kTapBytes /
        (kLaneBytes * (job.tap_fields() * TapCount(tiling_) + job.row_fields() * 4 * 2 * (2 * tiling_.h.reach() + 1)));
    in_group_ =
        std::clamp<int64_t>((by_taps_ ? taps : tables) / kBlock * kBlock, kBlock, RoundUp(shape_.in_channels, kBlock));
  }

  static int64_t Vectors(int64_t channels) { return CeilDiv(channels, TransformLanes<T>()); }
  int64_t transform_size() const { return TransformScratchSize<T>(tiling_); }
  int64_t TransformSlots() const { return SlotLimit(transform_size() * sizeof(T)); }
  int64_t x_tile_size() const { return tiling_.slots() * CeilDiv(shape_.in_channels, kBlock) * 3 * kBlock; }
  int64_t dy_tile_size() const {
    return tiling_.slots() * CeilDiv(shape_.filters, FilterBlock<T>()) * 2 * FilterBlock<T>();
  }
  int64_t sums_size() const {
    return CeilDiv(shape_.filters, FilterBlock<T>()) * shape_.in_channels * shape_.units * kGradients *
           FilterBlock<T>();
  }

  DauConvShape shape_;
  DisplacementGradient kind_;
  bool sigma_;
  const Parallel& parallel_;
  GeneralFields general_;
  Status status_;
  Tiling tiling_, dy_tiling_;
  bool all_inside_ = false, by_taps_ = false;
  int64_t all_tiles_, chunk_, in_group_ = kBlock;
};

}  // namespace

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind,
                               bool sigma, const Parallel& parallel, size_t* bytes) {
  return ParamsPass<T>(shape, range, kind, sigma, parallel).Workspace(bytes);
}

template <typename T>
void BackwardParams(const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind, const T* x,
                    const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
                    void* workspace, const Parallel& parallel) {
  ParamsPass<T>(shape, range, kind, gradients.sigma != nullptr, parallel)
      .Run(x, weight, displacement, dy, gradients, workspace);
}

template <typename T>
Status GeneralBackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange& range,
                                      const Parallel& parallel, size_t* bytes) {
  return ParamsPass<T>(shape, range, {}, true, parallel, true).Workspace(bytes);
}

template <typename T>
void GeneralBackwardParams(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
                           const T* displacement, const T* sigma, const T* dy, const ParamGradients<T>& gradients,
                           void* workspace, const Parallel& parallel) {
  ParamsPass<T>(shape, range, {}, true, parallel, true).Run(x, weight, displacement, dy, gradients, workspace, sigma);
}

#define DAU_INSTANTIATE(T)                                                                                          \
  template Status BackwardParamsWorkspace<T>(const DauConvShape&, const DisplacementRange&, DisplacementGradient,   \
                                             bool, const Parallel&, size_t*);                                       \
  template void BackwardParams(const DauConvShape&, const DisplacementRange&, DisplacementGradient, const T*,       \
                               const T*, const T*, const T*, const ParamGradients<T>&, void*, const Parallel&);     \
  template Status GeneralBackwardParamsWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, \
                                                    size_t*);                                                       \
  template void GeneralBackwardParams(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*,  \
                                      const T*, const T*, const ParamGradients<T>&, void*, const Parallel&);
DAU_INSTANTIATE(float)
DAU_INSTANTIATE(double)
#undef DAU_INSTANTIATE

}  // namespace dau::spectral
