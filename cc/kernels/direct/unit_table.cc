#include "cc/kernels/direct/unit_table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "cc/kernels/base/int_math.h"

namespace dau::direct {

template <typename T>
UnitTable<T>::UnitTable(Direction direction, const DauConvShape& shape, const Axes& axes, const PlaneGrid& grid,
                        int64_t block)
    : direction_(direction), shape_(shape), axes_(axes), grid_(grid), block_(block) {
  const bool forward = direction == Direction::kForward;
  in_channels_ = forward ? shape.in_channels : shape.filters;
  out_channels_ = forward ? shape.filters : shape.in_channels;
  phases_ = forward ? 1 : shape.stride_h * shape.stride_w;
  blocks_ = CeilDiv(in_channels_, block_);
  // Two rows are one entry when they come as a pair. Two columns are one entry unless they fall into different outputs.
  const int64_t per_unit = (row_pairs() ? 1 : 2) * (forward || shape.stride_w == 1 ? 1 : 2);
  units_per_channel_ = block_ * shape.units * per_unit;
}

template <typename T>
void UnitTable<T>::Fill(const T* weight, const T* displacement, GatherUnit<T>* units, UnitList* lists,
                        const Parallel& parallel) const {
  const int64_t cost = 40 * units_per_channel_ * phases_;
  parallel.ForEach(blocks_ * out_channels_, cost, [&](int64_t item) {
    const int64_t block = item / out_channels_, channel = item % out_channels_;
    UnitList* list = lists + item * phases_;
    int64_t end = item * units_per_channel_;
    for (int64_t phase = 0; phase < phases_; ++phase) {
      list[phase].begin = end;
      end += FillPlane(weight, displacement, block, channel, phase / shape_.stride_w, phase % shape_.stride_w,
                       units + end);
      list[phase].end = end;
    }
  });
}

template <typename T>
int64_t UnitTable<T>::FillPlane(const T* weight, const T* displacement, int64_t block, int64_t channel, int64_t phase_v,
                                int64_t phase_h, GatherUnit<T>* units) const {
  const int64_t count = shape_.units * shape_.in_channels * shape_.filters;
  const int64_t in_begin = block * block_, in_end = std::min(in_channels_, in_begin + block_);
  int64_t filled = 0;
  for (int64_t in = in_begin; in < in_end; ++in) {
    const int64_t s = direction_ == Direction::kForward ? in : channel;
    const int64_t f = direction_ == Direction::kForward ? channel : in;
    for (int64_t k = 0; k < shape_.units; ++k) {
      const int64_t i = (k * shape_.in_channels + s) * shape_.filters + f;
      if (!axes_.MaySee(displacement[i], displacement[count + i])) continue;
      filled += FillUnit(weight[i], displacement[i], displacement[count + i], (in - in_begin) * grid_.channel_size(),
                         phase_v, phase_h, units + filled);
    }
  }
  return filled;
}

template <typename T>
int64_t UnitTable<T>::FillUnit(double weight, double mu_v, double mu_h, int64_t channel_offset, int64_t phase_v,
                               int64_t phase_h, GatherUnit<T>* units) const {
  std::array<Tap, 2> v = axes_.v.Taps(mu_v), h = axes_.h.Taps(mu_h);
  if (!(v[0].inside || v[1].inside) || !(h[0].inside || h[1].inside)) return 0;
  const bool forward = direction_ == Direction::kForward;

  // The columns: one lerp a + ratio·b.
  if (axes_.h.stride() == 1) {  // b is the column after a
    if (h[0].offset > h[1].offset) std::swap(h[0], h[1]);
    // A weight below rounding would make the ratio huge.
    if (h[0].weight < std::numeric_limits<T>::epsilon() / 2) {
      h[0] = h[1];
      h[1].offset += 1;
      h[1].weight = 0;
    }
  } else {           // the heavier one first
    if (!forward) {  // of this phase there is one or none
      if (h[0].phase != phase_h) std::swap(h[0], h[1]);
      if (h[0].phase != phase_h) return 0;
      h[1] = h[0];
      h[1].weight = 0;
    }
    if (h[0].weight < h[1].weight) std::swap(h[0], h[1]);
    if (h[0].weight == 0) return 0;
  }

  const auto offset = [&](const Tap& row, const Tap& col) {
    const int64_t phase = forward ? row.phase * grid_.phases_w + col.phase : 0;
    return static_cast<int32_t>(channel_offset + phase * grid_.phase_size() +
                                (row.offset - grid_.first_row) * grid_.cols + (col.offset - grid_.first_col));
  };
  const double scale = weight * h[0].weight;
  const T ratio = static_cast<T>(h[1].weight / h[0].weight);
  if (row_pairs()) {
    if (v[0].offset > v[1].offset) std::swap(v[0], v[1]);  // backward, the upper row holds the lower tap
    *units = {offset(v[0], h[0]), offset(v[0], h[1]), ratio, static_cast<T>(scale * v[0].weight),
              static_cast<T>(scale * v[1].weight)};
    return 1;
  }
  int64_t filled = 0;
  for (const Tap& row : v) {
    if (!row.inside || row.weight == 0 || (!forward && row.phase != phase_v)) continue;
    units[filled++] = {offset(row, h[0]), offset(row, h[1]), ratio, static_cast<T>(scale * row.weight), T{0}};
  }
  return filled;
}

template class UnitTable<float>;
template class UnitTable<double>;

}  // namespace dau::direct
