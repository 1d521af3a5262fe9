// A flow of control with its own stack that runs until it gives the processor back. AddressSanitizer knows its stack;
// ThreadSanitizer takes it for a thread, and a switch for no synchronisation, so that it sees races between fibers.
#ifndef DAU_CC_KERNELS_CUDA_FIBER_H_
#define DAU_CC_KERNELS_CUDA_FIBER_H_

#include <ucontext.h>

#include <memory>

#define DAU_NO_TSAN __attribute__((no_sanitize_thread, noinline))

namespace dau::cuda_on_cpu {

class Fiber {
 public:
  // body(argument) must not return; it calls Leave() when it is done, and again when it is entered again.
  Fiber(void (*body)(void*), void* argument);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void Enter();  // from outside: runs the fiber until it leaves
  void Leave();  // from inside

 private:
  static void Start();

  static constexpr size_t kStackBytes = 256 << 10;  // touched as needed; sanitizers' frames are large
  void (*body_)(void*);
  void* argument_;
  std::unique_ptr<char[]> stack_;
#ifdef __x86_64__
  void *inside_, *outside_;  // stack pointers
#else
  ucontext_t inside_, outside_;
#endif
  // What the sanitizers keep for each side.
  void *asan_inside_ = nullptr, *asan_outside_ = nullptr;
  const void* outside_stack_ = nullptr;
  size_t outside_bytes_ = 0;
  void *tsan_inside_ = nullptr, *tsan_outside_ = nullptr;
};

// Everything done before any Release(what) has happened after an Acquire(what), as far as ThreadSanitizer knows.
void Release(void* what);
void Acquire(void* what);

}  // namespace dau::cuda_on_cpu

#endif  // DAU_CC_KERNELS_CUDA_FIBER_H_
