#include "cc/kernels/base/convert.h"

#include <algorithm>

#include "cc/kernels/base/half_convert.h"

namespace dau {
namespace {

constexpr int64_t kBlock = 4096;  // elements: enough work for a thread to be worth waking

template <typename Body>
void InBlocks(int64_t count, const Parallel& parallel, const Body& body) {
  parallel.ForEach((count + kBlock - 1) / kBlock, kBlock,
                   [&](int64_t block) { body(block * kBlock, std::min(count, (block + 1) * kBlock)); });
}

}  // namespace

template <typename Half>
void ToFloat(const Half* from, int64_t count, float* to, const Parallel& parallel) {
  InBlocks(count, parallel, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = Widen(from[i]);
  });
}

template <typename Half>
void FromFloat(const float* from, int64_t count, Half* to, const Parallel& parallel) {
  InBlocks(count, parallel, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) Narrow(from[i], &to[i]);
  });
}

template void ToFloat(const BFloat16*, int64_t, float*, const Parallel&);
template void ToFloat(const Float16*, int64_t, float*, const Parallel&);
template void FromFloat(const float*, int64_t, BFloat16*, const Parallel&);
template void FromFloat(const float*, int64_t, Float16*, const Parallel&);

}  // namespace dau
