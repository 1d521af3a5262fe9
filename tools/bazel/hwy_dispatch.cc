// The few functions that Highway's run-time dispatch expects from its library, compiled in. Debian and Ubuntu ship the
// library only as a shared libhwy.so: linking that would make every user of an exported model install it too.
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "hwy/targets.h"

namespace hwy {
namespace {

std::atomic<int64_t> disabled_targets{0};
std::atomic<int64_t> targets_for_test{0};

// The targets this CPU and operating system can run. Each asks for every extension that Highway compiles the target
// with. Targets newer than AVX3_DL are left out: AVX3_DL's code runs on those CPUs.
int64_t DetectTargets() {
  int64_t targets = HWY_STATIC_TARGET;
#if HWY_ARCH_X86
  __builtin_cpu_init();
#define DAU_HAS(feature) (__builtin_cpu_supports(feature) != 0)
  if (!DAU_HAS("ssse3")) return targets;
  targets |= HWY_SSSE3;
  if (!(DAU_HAS("sse4.1") && DAU_HAS("sse4.2") && DAU_HAS("pclmul") && DAU_HAS("aes"))) return targets;
  targets |= HWY_SSE4;
  if (!(DAU_HAS("avx2") && DAU_HAS("fma") && DAU_HAS("f16c") && DAU_HAS("bmi") && DAU_HAS("bmi2") &&
        DAU_HAS("lzcnt"))) {
    return targets;
  }
  targets |= HWY_AVX2;
  if (!(DAU_HAS("avx512f") && DAU_HAS("avx512vl") && DAU_HAS("avx512dq") && DAU_HAS("avx512bw") &&
        DAU_HAS("avx512cd"))) {
    return targets;
  }
  targets |= HWY_AVX3;
  if (DAU_HAS("avx512vnni") && DAU_HAS("vpclmulqdq") && DAU_HAS("vaes") && DAU_HAS("gfni") && DAU_HAS("avx512vbmi") &&
      DAU_HAS("avx512vbmi2") && DAU_HAS("avx512vpopcntdq") && DAU_HAS("avx512bitalg")) {
    targets |= HWY_AVX3_DL;
  }
#undef DAU_HAS
#endif
  return targets;
}

}  // namespace

ChosenTarget& GetChosenTarget() {
  static ChosenTarget chosen;
  return chosen;
}

int64_t SupportedTargets() {
  static const int64_t detected = DetectTargets();
  const int64_t for_test = targets_for_test.load();
  const int64_t targets = (for_test != 0 ? for_test : detected) & ~disabled_targets.load();
  return targets != 0 ? targets : HWY_STATIC_TARGET;
}

// Both make the next dispatch choose anew.
void DisableTargets(int64_t disabled) {
  disabled_targets.store(disabled);
  GetChosenTarget().DeInit();
}

void SetSupportedTargetsForTest(int64_t targets) {
  targets_for_test.store(targets);
  GetChosenTarget().DeInit();
}

// Only HWY_ASSERT calls it; our code reports errors as Status.
HWY_NORETURN void Abort(const char* file, int line, const char* format, ...) {
  va_list args;
  va_start(args, format);
  std::fprintf(stderr, "%s:%d: ", file, line);
  std::vfprintf(stderr, format, args);
  std::fputc('\n', stderr);
  va_end(args);
  std::abort();
}

}  // namespace hwy
