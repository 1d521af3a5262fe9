// Every instruction set that this machine has, down to the one that every machine has.
#ifndef DAU_TESTS_CC_KERNELS_INSTRUCTION_SETS_H_
#define DAU_TESTS_CC_KERNELS_INSTRUCTION_SETS_H_

#include <gtest/gtest.h>

#include <cstdint>

#include "hwy/highway.h"

namespace dau::testing {

#ifdef DAU_CUDA_ON_CPU
constexpr bool kInstructionSets = false;  // CUDA's kernels dispatch nothing: once is enough
#else
constexpr bool kInstructionSets = true;
#endif

template <typename Body>
void ForEachInstructionSet(const Body& body) {
  if (!kInstructionSets) return body();
  for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_INSTRUCTION_SETS_H_
