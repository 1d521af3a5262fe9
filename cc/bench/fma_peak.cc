// fma_peak [threads [milliseconds]]: the rate of float32 fused multiply-adds from registers, best instruction set.
// Prints one line of JSON: {"target": "AVX3", "threads": 1, "gfma_per_second": 123.4}.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/bench/fma_peak.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace dau::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Chains needed to fill two ports of latency 4 are 8; 12 leave slack, and with two operands fit AVX2's 16 registers.
constexpr int kChains = 12;

// Runs `rounds` steps of all chains; returns the multiply-adds done, and through `sink` a value that needs them.
int64_t MultiplyAdds(int64_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.5f), term = hn::Set(d, *sink);
  auto a0 = term, a1 = term, a2 = term, a3 = term, a4 = term, a5 = term;
  auto b0 = term, b1 = term, b2 = term, b3 = term, b4 = term, b5 = term;
  for (int64_t i = 0; i < rounds; ++i) {
    a0 = hn::MulAdd(a0, factor, term);
    a1 = hn::MulAdd(a1, factor, term);
    a2 = hn::MulAdd(a2, factor, term);
    a3 = hn::MulAdd(a3, factor, term);
    a4 = hn::MulAdd(a4, factor, term);
    a5 = hn::MulAdd(a5, factor, term);
    b0 = hn::MulAdd(b0, factor, term);
    b1 = hn::MulAdd(b1, factor, term);
    b2 = hn::MulAdd(b2, factor, term);
    b3 = hn::MulAdd(b3, factor, term);
    b4 = hn::MulAdd(b4, factor, term);
    b5 = hn::MulAdd(b5, factor, term);
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
    // The chains start alike: unless each value counts as unknown, the compiler may compute one of them for all.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
    asm("" : "+v"(a0.raw), "+v"(a1.raw), "+v"(a2.raw), "+v"(a3.raw), "+v"(a4.raw), "+v"(a5.raw));
    asm("" : "+v"(b0.raw), "+v"(b1.raw), "+v"(b2.raw), "+v"(b3.raw), "+v"(b4.raw), "+v"(b5.raw));
#endif
#endif
  }
  const auto a = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(a4, a5));
  const auto b = hn::Add(hn::Add(hn::Add(b0, b1), hn::Add(b2, b3)), hn::Add(b4, b5));
  *sink = hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b)));
  return rounds * kChains * static_cast<int64_t>(hn::Lanes(d));
}

const char* Target() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace dau::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dau::bench {
HWY_EXPORT(MultiplyAdds);
HWY_EXPORT(Target);

namespace {

using Clock = std::chrono::steady_clock;

// The best of the measurements that fit into the time: whatever disturbs one only makes it slower.
double BestRate(int milliseconds) {
  constexpr int64_t kRounds = 200'000;  // 0.3 ms at 2 x 4 GHz
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  double best = 0;
  float sink = 1e-3f;
  do {
    const auto start = Clock::now();
    const int64_t count = HWY_DYNAMIC_DISPATCH(MultiplyAdds)(kRounds, &sink);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (count / seconds > best) best = count / seconds;
    sink = sink * 1e-3f;
  } while (Clock::now() < end);
  return sink == 42.0f ? 0 : best;
}

}  // namespace
}  // namespace dau::bench

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const int milliseconds = argc > 2 ? std::atoi(argv[2]) : 200;
  if (threads < 1 || milliseconds < 1) {
    std::fprintf(stderr, "usage: fma_peak [threads >= 1 [milliseconds >= 1]]\n");
    return 2;
  }
  std::vector<double> rates(threads);
  std::vector<std::thread> workers;
  for (double& rate : rates) workers.emplace_back([&rate, milliseconds] { rate = dau::bench::BestRate(milliseconds); });
  double sum = 0;
  for (int i = 0; i < threads; ++i) {
    workers[i].join();
    sum += rates[i];
  }
  std::printf("{\"target\": \"%s\", \"threads\": %d, \"gfma_per_second\": %.1f}\n",
              HWY_DYNAMIC_DISPATCH(dau::bench::Target)(), threads, sum / 1e9);
  return 0;
}
#endif
