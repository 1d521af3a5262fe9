// Keeps a loaded vector in its register.
#if defined(DAU_CC_KERNELS_DIRECT_PIN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DAU_CC_KERNELS_DIRECT_PIN_INL_H_
#undef DAU_CC_KERNELS_DIRECT_PIN_INL_H_
#else
#define DAU_CC_KERNELS_DIRECT_PIN_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::direct {
namespace HWY_NAMESPACE {

// GCC folds a load into each multiply-add that uses it, and so loads a vector that two columns share twice.
template <class V>
HWY_INLINE V Pin(V v) {
#if HWY_COMPILER_GCC_ACTUAL && HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  asm("" : "+v"(v.raw));
#endif
  return v;
}

}  // namespace HWY_NAMESPACE
}  // namespace dau::direct
HWY_AFTER_NAMESPACE();

#endif  // DAU_CC_KERNELS_DIRECT_PIN_INL_H_
