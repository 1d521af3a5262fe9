#include "cc/kernels/spectral/units.h"

#include <algorithm>

namespace dau::spectral {

template <typename T>
void PackUnits(const UnitArrays<T>& arrays, const Tiling& tiling, int64_t in_begin, int64_t in_count, int64_t out_begin,
               T* packed) {
  constexpr int64_t kLanes = FilterBlock<T>();
  const int64_t out_count = std::min(kLanes, arrays.out_channels - out_begin);
  for (int64_t in = 0; in < in_count; ++in) {
    for (int64_t k = 0; k < arrays.units; ++k, packed += kUnitFields * kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        T* field = packed + lane;
        for (int f = 0; f < kUnitFields; ++f) field[f * kLanes] = T{0};
        if (lane >= out_count) continue;
        const int64_t i = arrays.Index(k, in_begin + in, out_begin + lane);
        const Interpolation v = Interpolate(arrays.displacement[i]);
        const Interpolation h = Interpolate(arrays.displacement[arrays.count() + i]);
        const Axis::Cell at_v = tiling.v.Place(v.cell), at_h = tiling.h.Place(h.cell);
        if (!at_v.inside || !at_h.inside) continue;
        field[kWeight * kLanes] = arrays.weight[i];
        field[kCellV * kLanes] = static_cast<T>(at_v.offset);
        field[kFractionV * kLanes] = static_cast<T>(v.fraction);
        field[kCellH * kLanes] = static_cast<T>(at_h.offset);
        field[kFractionH * kLanes] = static_cast<T>(h.fraction);
      }
    }
  }
}

template void PackUnits(const UnitArrays<float>&, const Tiling&, int64_t, int64_t, int64_t, float*);
template void PackUnits(const UnitArrays<double>&, const Tiling&, int64_t, int64_t, int64_t, double*);

}  // namespace dau::spectral
