#include "cc/kernels/cuda/fiber.h"

#include <cstdint>
#include <cstring>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#ifdef __x86_64__
// Stores the stack pointer in *from and goes on with that of `to`, with the registers that a function must keep. A test
// switches a hundred million times; swapcontext would ask the kernel for the signal mask each time, 0.3 µs.
extern "C" void DauSwitchStack(void** from, void* to);
asm(R"(
.pushsection .text
.local DauSwitchStack
.type DauSwitchStack, @function
DauSwitchStack:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size DauSwitchStack, . - DauSwitchStack
.popsection
)");
#endif

namespace dau::cuda_on_cpu {
namespace {

thread_local Fiber* entered;  // for the first lines of its life

}  // namespace

Fiber::Fiber(void (*body)(void*), void* argument) : body_(body), argument_(argument), stack_(new char[kStackBytes]) {
#ifdef __x86_64__
  // What DauSwitchStack pops: six registers, and where to go. There the stack is 8 bytes off 16, as after a call.
  constexpr int kPopped = 7;
  char* const top = stack_.get() + (kStackBytes - 64) / 16 * 16 - reinterpret_cast<uintptr_t>(stack_.get()) % 16;
  uintptr_t words[kPopped + 1] = {};
  words[kPopped - 1] = reinterpret_cast<uintptr_t>(&Start);
  inside_ = top - kPopped * sizeof(uintptr_t) - 8;
  std::memcpy(inside_, words, sizeof(words));
#else
  getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_.get();
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = nullptr;
  makecontext(&inside_, Start, 0);
#endif
#ifdef __SANITIZE_THREAD__
  tsan_inside_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#ifdef __SANITIZE_THREAD__
  __tsan_destroy_fiber(tsan_inside_);
#endif
}

DAU_NO_TSAN void Fiber::Start() {
  Fiber* const fiber = entered;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &fiber->outside_stack_, &fiber->outside_bytes_);
#endif
  fiber->body_(fiber->argument_);
}

DAU_NO_TSAN void Fiber::Enter() {
  entered = this;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&asan_outside_, stack_.get(), kStackBytes);
#endif
#ifdef __SANITIZE_THREAD__
  tsan_outside_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_inside_, __tsan_switch_to_fiber_no_sync);
#endif
#ifdef __x86_64__
  DauSwitchStack(&outside_, inside_);
#else
  swapcontext(&outside_, &inside_);
#endif
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(asan_outside_, nullptr, nullptr);
#endif
}

DAU_NO_TSAN void Fiber::Leave() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&asan_inside_, outside_stack_, outside_bytes_);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(tsan_outside_, __tsan_switch_to_fiber_no_sync);
#endif
#ifdef __x86_64__
  DauSwitchStack(&inside_, outside_);
#else
  swapcontext(&inside_, &outside_);
#endif
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(asan_inside_, &outside_stack_, &outside_bytes_);
#endif
}

DAU_NO_TSAN void Release([[maybe_unused]] void* what) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(what);
#endif
}

DAU_NO_TSAN void Acquire([[maybe_unused]] void* what) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(what);
#endif
}

}  // namespace dau::cuda_on_cpu
