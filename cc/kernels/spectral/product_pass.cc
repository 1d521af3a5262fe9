// Forward and BackwardInput: tensor → spectra of tiles → products → tensor, some tiles at a time.
#include <algorithm>
#include <vector>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/base/int_math.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/dau_conv_spectral.h"
#include "cc/kernels/spectral/general_spectral.h"
#include "cc/kernels/spectral/layout.h"
#include "cc/kernels/spectral/product.h"

namespace dau::spectral {
namespace {

template <typename T>
class ProductPass {
 public:
  // general: a σ per unit.
  ProductPass(Direction direction, const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
              bool general = false)
      : direction_(direction), shape_(shape), parallel_(parallel), general_{general ? SupportRadius(shape) : 0, 1} {
    status_ = ChooseTiling(direction, shape, range, &tiling_);
    if (!status_.ok()) return;
    const bool forward = direction == Direction::kForward;
    in_channels_ = forward ? shape.in_channels : shape.filters;
    out_channels_ = forward ? shape.filters : shape.in_channels;
    all_tiles_ = shape.batch * tiling_.tiles();
    chunk_ = ChunkTiles(all_tiles_, (x_tile_size() + y_tile_size()) * sizeof(T));
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
  void Run(const T* source, const T* weight, const T* displacement, T* target, void* workspace,
           const T* sigma = nullptr) const {
    if (shape_.batch == 0) return;
    Arena arena(workspace);
    const Buffers b = LayOut(arena);
    const bool forward = direction_ == Direction::kForward;
    const GaussianTaps gaussian(shape_);
    const std::vector<T> gain_v = Gain(gaussian, tiling_.v.length), gain_h = Gain(gaussian, tiling_.h.length);
    const FftPlan<T> fft_v(tiling_.v.length), fft_h(tiling_.h.length);
    ToSpectraJob<T> in{{tiling_, fft_v, fft_h, 0, 0},
                       forward ? Input(shape_, source) : Output(shape_, source),
                       false,
                       gain_v.data(),
                       gain_h.data(),
                       false,
                       b.x,
                       0,
                       3 * kBlock,
                       kBlock,
                       kBlock};
    FromSpectraJob<T> out{{tiling_, fft_v, fft_h, 0, 0}, b.y, forward ? Output(shape_, target) : Input(shape_, target)};
    const Circle circle_v(tiling_.v.length), circle_h(tiling_.h.length);
    ProductJob<T> product = Job(weight, displacement, sigma);
    product.circle_v = &circle_v;
    product.circle_h = &circle_h;
    product.x = b.x;
    product.y = b.y;
    const int64_t pixels = tiling_.v.length * tiling_.h.length;
    for (int64_t tile = 0; tile < all_tiles_; tile += chunk_) {
      in.first_tile = out.first_tile = tile;
      in.tile_count = out.tile_count = product.tile_count = std::min(chunk_, all_tiles_ - tile);
      in.slot_size = product.slot_size();
      parallel_.ForEachInSlot(
          in.tile_count * Vectors(in_channels_), 2 * pixels, TransformSlots(),
          [&](int64_t slot, int64_t item) { ToSpectra(in, item, b.scratch + slot * transform_size()); });
      const int64_t product_size = ProductScratchSize(product);
      parallel_.ForEachInSlot(
          product.items(), pixels * item_frequencies_ * in_channels_, SlotLimit(product_size * sizeof(T)),
          [&](int64_t slot, int64_t item) { Product(product, item, b.scratch + slot * product_size); });
      parallel_.ForEachInSlot(
          out.tile_count * Vectors(out_channels_), 2 * pixels, TransformSlots(),
          [&](int64_t slot, int64_t item) { FromSpectra(out, item, b.scratch + slot * transform_size()); });
    }
  }

 private:
  struct Buffers {
    T *x, *y, *scratch;
  };

  ProductJob<T> Job(const T* weight, const T* displacement, const T* sigma) const {
    return {tiling_,  nullptr,   nullptr,     UnitArrays<T>(direction_, shape_, weight, displacement, sigma),
            general_, chunk_,    nullptr,     nullptr,
            by_taps_, in_group_, freq_group_, item_frequencies_};
  }

  Buffers LayOut(Arena& arena) const {
    const ProductJob<T> product = Job(nullptr, nullptr, nullptr);
    const int64_t product_size = ProductScratchSize(product);
    const int64_t channels = std::max(in_channels_, out_channels_);
    Buffers b;
    b.x = arena.Take<T>(tiling_.slots() * product.slot_size());
    b.y = arena.Take<T>(chunk_ * y_tile_size());
    b.scratch =
        arena.Take<T>(std::max(product_size * parallel_.Slots(product.items(), SlotLimit(product_size * sizeof(T))),
                               transform_size() * parallel_.Slots(chunk_ * Vectors(channels), TransformSlots())));
    return b;
  }

  void ChooseGroups() {
    by_taps_ = general_.radius == 0 && ByTaps(tiling_, shape_.units);
    freq_group_ = 1;
    by_taps_ ? GroupByTaps() : GroupByTables();
    // Enough items for the threads; the results do not depend on it.
    const int64_t frequencies = Job(nullptr, nullptr, nullptr).frequencies();
    const int64_t filter_groups = CeilDiv(out_channels_, FilterBlock<T>());
    const int64_t wanted = parallel_.num_threads == 1 ? 1 : CeilDiv(3 * parallel_.num_threads, filter_groups);
    item_frequencies_ = CeilDiv(frequencies, wanted);
  }

  // As many input channels as the L2 cache holds taps of, up to 64: beyond, their columns do not stay there.
  void GroupByTaps() {
    constexpr int64_t kTapBytes = 1400 << 10, kMost = 64;
    const int64_t bytes = TapCount(tiling_) * FilterBlock<T>() * static_cast<int64_t>(sizeof(T));
    const int64_t most = std::clamp(kTapBytes / bytes / kBlock * kBlock, kBlock, kMost);
    in_group_ = RoundUp(CeilDiv(in_channels_, CeilDiv(in_channels_, most)), kBlock);
  }

  // Cheaper: tables of fewer input channels, which leave room for more horizontal frequencies, so that the vertical
  // factors are made less often; or fewer passes over the sums.
  void GroupByTables() {
    constexpr int64_t kTableBytes = 700 << 10;  // of an L2 cache of 1 MiB
    const int64_t bytes = shape_.units * 2 * FilterBlock<T>() * static_cast<int64_t>(sizeof(T));  // of an input channel
    constexpr int64_t kFine = 1 << 14;  // in larger steps beyond, or 2^40 channels would take hours
    double best = -1;
    for (int64_t group = kBlock; group < in_channels_ + kBlock; group += group < kFine ? kBlock : group) {
      const int64_t in = std::min(group, RoundUp(in_channels_, kBlock));
      const int64_t frequencies = std::clamp<int64_t>(kTableBytes / (in * bytes) - 1, 1, tiling_.h.half());
      // Cycles, estimated: 16 a vector of units for each table, of the general form 40; 10 a vector of sums read and
      // written again.
      const double tables = (general_.radius > 0 ? 40.0 : 16.0) * CeilDiv(tiling_.h.half(), frequencies) *
                            tiling_.v.half() * static_cast<double>(in_channels_ * shape_.units);
      const double sums = 10.0 * static_cast<double>((CeilDiv(in_channels_, in) - 1) * tiling_.slots() * chunk_);
      // Beyond the cache each table is fetched from farther away.
      const double spilled = in * bytes * (frequencies + 1) > 2 * kTableBytes ? 2 : 1;
      if (best >= 0 && spilled * (tables + sums) >= best) continue;
      best = spilled * (tables + sums);
      in_group_ = in;
      freq_group_ = frequencies;
    }
  }

  std::vector<T> Gain(const GaussianTaps& gaussian, int64_t length) const {
    if (general_.radius > 0) return std::vector<T>(length / 2 + 1, static_cast<T>(1 / static_cast<double>(length)));
    return Scaled<T>(TapSpectrum(gaussian.smooth, length, false), 1 / static_cast<double>(length));
  }
  static int64_t Vectors(int64_t channels) { return CeilDiv(channels, TransformLanes<T>()); }
  int64_t transform_size() const { return TransformScratchSize<T>(tiling_); }
  int64_t TransformSlots() const { return SlotLimit(transform_size() * sizeof(T)); }
  int64_t x_tile_size() const { return tiling_.slots() * CeilDiv(in_channels_, kBlock) * 3 * kBlock; }
  int64_t y_tile_size() const {
    return CeilDiv(out_channels_, kBlock) * tiling_.h.half() * tiling_.v.length * 2 * kBlock;
  }

  Direction direction_;
  DauConvShape shape_;
  const Parallel& parallel_;
  GeneralFields general_;
  Status status_;
  Tiling tiling_;
  bool by_taps_;
  int64_t in_channels_, out_channels_, all_tiles_, chunk_, in_group_, freq_group_, item_frequencies_ = 1;
};

}  // namespace

template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                        size_t* bytes) {
  return ProductPass<T>(Direction::kForward, shape, range, parallel).Workspace(bytes);
}

template <typename T>
void Forward(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
             const T* displacement, T* y, void* workspace, const Parallel& parallel) {
  ProductPass<T>(Direction::kForward, shape, range, parallel).Run(x, weight, displacement, y, workspace);
}

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                              size_t* bytes) {
  return ProductPass<T>(Direction::kBackward, shape, range, parallel).Workspace(bytes);
}

template <typename T>
void BackwardInput(const DauConvShape& shape, const DisplacementRange& range, const T* weight, const T* displacement,
                   const T* dy, T* dx, void* workspace, const Parallel& parallel) {
  ProductPass<T>(Direction::kBackward, shape, range, parallel).Run(dy, weight, displacement, dx, workspace);
}

template <typename T>
Status GeneralForwardWorkspace(const DauConvShape& shape, const DisplacementRange& range, const Parallel& parallel,
                               size_t* bytes) {
  return ProductPass<T>(Direction::kForward, shape, range, parallel, true).Workspace(bytes);
}

template <typename T>
void GeneralForward(const DauConvShape& shape, const DisplacementRange& range, const T* x, const T* weight,
                    const T* displacement, const T* sigma, T* y, void* workspace, const Parallel& parallel) {
  ProductPass<T>(Direction::kForward, shape, range, parallel, true).Run(x, weight, displacement, y, workspace, sigma);
}

template <typename T>
Status GeneralBackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange& range,
                                     const Parallel& parallel, size_t* bytes) {
  return ProductPass<T>(Direction::kBackward, shape, range, parallel, true).Workspace(bytes);
}

template <typename T>
void GeneralBackwardInput(const DauConvShape& shape, const DisplacementRange& range, const T* weight,
                          const T* displacement, const T* sigma, const T* dy, T* dx, void* workspace,
                          const Parallel& parallel) {
  ProductPass<T>(Direction::kBackward, shape, range, parallel, true)
      .Run(dy, weight, displacement, dx, workspace, sigma);
}

#define DAU_INSTANTIATE(T)                                                                                             \
  template Status ForwardWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*);        \
  template void Forward(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, T*, void*,        \
                        const Parallel&);                                                                              \
  template Status BackwardInputWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*);  \
  template void BackwardInput(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, T*, void*,  \
                              const Parallel&);                                                                        \
  template Status GeneralForwardWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*); \
  template void GeneralForward(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, const T*,  \
                               T*, void*, const Parallel&);                                                            \
  template Status GeneralBackwardInputWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&,     \
                                                   size_t*);                                                           \
  template void GeneralBackwardInput(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*,      \
                                     const T*, T*, void*, const Parallel&);
DAU_INSTANTIATE(float)
DAU_INSTANTIATE(double)
#undef DAU_INSTANTIATE

}  // namespace dau::spectral
