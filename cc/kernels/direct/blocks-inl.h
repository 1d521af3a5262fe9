// Transposes while it loads and stores: 16 bytes of each of many rows become vectors across the rows.
#if defined(DAU_CC_KERNELS_DIRECT_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_DIRECT_BLOCKS_INL_H_
#undef DAU_CC_KERNELS_DIRECT_BLOCKS_INL_H_
#else
#define DAU_CC_KERNELS_DIRECT_BLOCKS_INL_H_
#endif

#include <cstdint>

#include "cc/kernels/direct/lanes.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

// The 16 bytes at p[0] + offset, p[stride] + offset, … side by side; stride: the lanes of 16 bytes.
template <class D, typename T = hn::TFromD<D> >
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const T* const* p, int64_t offset) {
  if constexpr (hn::MaxLanes(D()) == kQuad<T>) {
    return hn::LoadU(d, p[0] + offset);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, LoadBlocks(half, p + hn::MaxLanes(half), offset), LoadBlocks(half, p, offset));
  }
}

template <class D, typename T = hn::TFromD<D> >
HWY_INLINE void StoreBlocks(D d, hn::Vec<D> v, T* const* p, int64_t offset) {
  if constexpr (hn::MaxLanes(D()) == kQuad<T>) {
    hn::StoreU(v, d, p[0] + offset);
  } else {
    const hn::Half<D> half;
    StoreBlocks(half, hn::LowerHalf(half, v), p, offset);
    StoreBlocks(half, hn::UpperHalf(half, v), p + hn::MaxLanes(half), offset);
  }
}

// Within each 16 bytes, element j of row i becomes element i of row j.
template <class D, class V>
HWY_INLINE void TransposeBlocks(D d, V (&v)[4]) {
  const V a = hn::InterleaveLower(d, v[0], v[2]), b = hn::InterleaveLower(d, v[1], v[3]);
  const V e = hn::InterleaveUpper(d, v[0], v[2]), f = hn::InterleaveUpper(d, v[1], v[3]);
  v[0] = hn::InterleaveLower(d, a, b);
  v[1] = hn::InterleaveUpper(d, a, b);
  v[2] = hn::InterleaveLower(d, e, f);
  v[3] = hn::InterleaveUpper(d, e, f);
}
template <class D, class V>
HWY_INLINE void TransposeBlocks(D d, V (&v)[2]) {
  const V a = v[0];
  v[0] = hn::InterleaveLower(d, a, v[1]);
  v[1] = hn::InterleaveUpper(d, a, v[1]);
}

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_DIRECT_BLOCKS_INL_H_
