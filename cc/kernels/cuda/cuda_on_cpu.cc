#include "cc/kernels/cuda/cuda_on_cpu.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "cc/kernels/cuda/fiber.h"

// ThreadSanitizer must not watch the scheduler, which fibers and their owner share without locks: hence DAU_NO_TSAN,
// and plain arrays instead of what the standard library would compile in.

namespace dau::cuda_on_cpu {
namespace {

constexpr int kWarp = 32;
constexpr int kMaxThreads = 1024;
constexpr size_t kMaxSharedBytes = 48 << 10;  // more must be asked for by cudaFuncSetAttribute

enum class State : uint8_t { kReady, kAtWarp, kAtBlock, kDone };

struct Scheduler {
  const std::function<void()>* kernel;
  int threads;
  unsigned blocks, block;
  int current;  // thread
  unsigned char* shared;
  State state[kMaxThreads];
  int lanes[kWarp];                // their order
  uint64_t slots[kMaxThreads][2];  // of shuffles, by turns: nobody writes the one that others still read
  uint8_t turn[kMaxThreads];
  std::unique_ptr<Fiber> fibers[kMaxThreads];
  char start, end, block_barrier, warp_barrier[kMaxThreads / kWarp];  // whose addresses name synchronisations
};
Scheduler scheduler;

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "cuda_on_cpu: %s (block %u, thread %d)\n", what, scheduler.block, scheduler.current);
  std::abort();
}

DAU_NO_TSAN void Wait(State state) {
  const int self = scheduler.current;
  scheduler.state[self] = state;
  scheduler.fibers[self]->Leave();
}

DAU_NO_TSAN void RunThreads(void*) {
  for (;;) {
    Acquire(&scheduler.start);
    (*scheduler.kernel)();
    Release(&scheduler.end);
    Wait(State::kDone);
  }
}

// Whether lanes of this warp were waiting for each other, and go on.
DAU_NO_TSAN bool ReleaseWarp(int first, int last) {
  int waiting = 0;
  for (int t = first; t < last; ++t) waiting += scheduler.state[t] == State::kAtWarp;
  if (waiting == 0) return false;
  if (waiting != last - first) Fail("some lanes of a warp are at a shuffle or __syncwarp, others are not");
  for (int t = first; t < last; ++t) scheduler.state[t] = State::kReady;
  return true;
}

// Runs a warp until its threads are done or wait for the block.
DAU_NO_TSAN void RunWarp(int first) {
  const int last = std::min(first + kWarp, scheduler.threads);
  do {
    for (int lane : scheduler.lanes) {
      const int thread = first + lane;
      if (thread >= last || scheduler.state[thread] != State::kReady) continue;
      scheduler.current = thread;
      scheduler.fibers[thread]->Enter();
    }
  } while (ReleaseWarp(first, last));
}

DAU_NO_TSAN void RunBlock(bool backward) {
  const int warps = (scheduler.threads + kWarp - 1) / kWarp;
  for (int t = 0; t < scheduler.threads; ++t) scheduler.state[t] = State::kReady;
  for (;;) {
    for (int warp = 0; warp < warps; ++warp) RunWarp((backward ? warps - 1 - warp : warp) * kWarp);
    int waiting = 0;
    for (int t = 0; t < scheduler.threads; ++t) waiting += scheduler.state[t] == State::kAtBlock;
    if (waiting == 0) return;
    if (waiting != scheduler.threads) Fail("some threads are at __syncthreads, others have ended");
    for (int t = 0; t < scheduler.threads; ++t) scheduler.state[t] = State::kReady;
  }
}

std::vector<unsigned> BlockOrder(unsigned blocks, Order order, std::mt19937* random) {
  std::vector<unsigned> sequence(blocks);
  std::iota(sequence.begin(), sequence.end(), 0);
  if (order == Order::kBackward) std::reverse(sequence.begin(), sequence.end());
  if (order == Order::kShuffled) std::shuffle(sequence.begin(), sequence.end(), *random);
  return sequence;
}

}  // namespace

Settings& GetSettings() {
  static Settings settings;
  return settings;
}

cudaError_t Launch(int64_t blocks, int threads, size_t shared_bytes, const std::function<void()>& kernel) {
  Settings& settings = GetSettings();
  if (settings.next_launch != cudaSuccess) return std::exchange(settings.next_launch, cudaSuccess);
  if (blocks < 1 || blocks > settings.max_blocks || threads < 1 || threads > kMaxThreads) {
    return cudaErrorInvalidConfiguration;
  }
  if (shared_bytes > kMaxSharedBytes) return cudaErrorInvalidValue;
  ++settings.launches;
  settings.blocks += blocks;
  scheduler.kernel = &kernel;
  scheduler.threads = threads;
  scheduler.blocks = static_cast<unsigned>(blocks);
  for (int t = 0; t < threads; ++t) {
    if (scheduler.fibers[t] == nullptr) scheduler.fibers[t] = std::make_unique<Fiber>(RunThreads, nullptr);
  }
  std::mt19937 random(static_cast<unsigned>(settings.launches));
  std::iota(scheduler.lanes, scheduler.lanes + kWarp, 0);
  if (settings.order == Order::kBackward) std::reverse(scheduler.lanes, scheduler.lanes + kWarp);
  if (settings.order == Order::kShuffled) std::shuffle(scheduler.lanes, scheduler.lanes + kWarp, random);
#ifdef __SANITIZE_THREAD__
  // A piece of its own for each block until the grid has ended, or two blocks would seem to race for the same one.
  const size_t kept = static_cast<size_t>(blocks);
#else
  const size_t kept = 1;
#endif
  std::vector<std::unique_ptr<unsigned char[]>> shared(kept);
  for (unsigned block : BlockOrder(scheduler.blocks, settings.order, &random)) {
    std::unique_ptr<unsigned char[]>& piece = shared[block % kept];
    piece.reset(new unsigned char[shared_bytes]);
    std::memset(piece.get(), 0xff, shared_bytes);  // all bits set is a NaN
    scheduler.shared = piece.get();
    scheduler.block = block;
    Release(&scheduler.start);
    RunBlock(settings.order == Order::kBackward);
  }
  Acquire(&scheduler.end);
  return cudaSuccess;
}

DAU_NO_TSAN dim3 ThreadIndex() { return {static_cast<unsigned>(scheduler.current), 0, 0}; }
DAU_NO_TSAN dim3 BlockIndex() { return {scheduler.block, 0, 0}; }
DAU_NO_TSAN dim3 BlockDim() { return {static_cast<unsigned>(scheduler.threads), 1, 1}; }
DAU_NO_TSAN dim3 GridDim() { return {scheduler.blocks, 1, 1}; }
DAU_NO_TSAN unsigned char* SharedMemory() { return scheduler.shared; }

DAU_NO_TSAN void SyncThreads() {
  Release(&scheduler.block_barrier);
  Wait(State::kAtBlock);
  Acquire(&scheduler.block_barrier);
}

DAU_NO_TSAN void SyncWarp() {
  void* const barrier = &scheduler.warp_barrier[scheduler.current / kWarp];
  Release(barrier);
  Wait(State::kAtWarp);
  Acquire(barrier);
}

DAU_NO_TSAN uint64_t ShuffleXor(uint64_t bits, int mask) {
  const int self = scheduler.current;
  const int turn = scheduler.turn[self] ^= 1;
  scheduler.slots[self][turn] = bits;
  Wait(State::kAtWarp);
  return scheduler.slots[self ^ mask][turn];
}

}  // namespace dau::cuda_on_cpu
