// The units of a gather, as offsets and coefficients, listed by block of input channels and output plane.
#ifndef DAU_CC_KERNELS_DIRECT_UNIT_TABLE_H_
#define DAU_CC_KERNELS_DIRECT_UNIT_TABLE_H_

#include <cstdint>

#include "cc/kernels/base/parallel.h"
#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/direct/gather.h"
#include "cc/kernels/direct/geometry.h"
#include "cc/kernels/direct/planes.h"

namespace dau::direct {

// Forward: channels S are read, filters F are written. Backward: the other way round, a plane for each phase of S.
template <typename T>
class UnitTable {
 public:
  // `grid` is that of the planes read, `block` the number of their channels taken together.
  UnitTable(Direction direction, const DauConvShape& shape, const Axes& axes, const PlaneGrid& grid, int64_t block);

  int64_t blocks() const { return blocks_; }
  int64_t outputs() const { return out_channels_ * phases_; }
  // Neighbouring rows of an output share their taps when the vertical stride is 1.
  bool row_pairs() const { return axes_.v.stride() == 1; }
  int64_t max_units() const { return blocks_ * out_channels_ * units_per_channel_; }
  int64_t lists_size() const { return blocks_ * outputs(); }

  // units: max_units() elements; lists: lists_size() elements, [block][output].
  void Fill(const T* weight, const T* displacement, GatherUnit<T>* units, UnitList* lists,
            const Parallel& parallel) const;

 private:
  int64_t FillPlane(const T* weight, const T* displacement, int64_t block, int64_t channel, int64_t phase_v,
                    int64_t phase_h, GatherUnit<T>* units) const;
  int64_t FillUnit(double weight, double mu_v, double mu_h, int64_t channel_offset, int64_t phase_v, int64_t phase_h,
                   GatherUnit<T>* units) const;

  Direction direction_;
  DauConvShape shape_;
  Axes axes_;
  PlaneGrid grid_;
  int64_t block_, blocks_, in_channels_, out_channels_, phases_, units_per_channel_;
};

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_UNIT_TABLE_H_
