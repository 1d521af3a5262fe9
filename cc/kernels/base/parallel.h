// The caller's threads. The library owns none: TensorFlow lends its pool, tests run in the calling thread.
#ifndef DAU_CC_KERNELS_BASE_PARALLEL_H_
#define DAU_CC_KERNELS_BASE_PARALLEL_H_

#include <algorithm>
#include <cstdint>
#include <functional>

namespace dau {

struct Parallel {
  using Range = std::function<void(int64_t begin, int64_t end)>;

  // Calls range(begin, end) until [0, total) is covered once, on any number of threads.
  // `cost` is the cycles that one item takes, roughly.
  std::function<void(int64_t total, int64_t cost, const Range& range)> run =
      [](int64_t total, int64_t, const Range& range) { range(0, total); };
  int num_threads = 1;

  // body(item) for every item of [0, total).
  template <typename Body>
  void ForEach(int64_t total, int64_t cost, const Body& body) const {
    if (total <= 0) return;
    run(total, cost, [&](int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) body(item);
    });
  }

  // Slots are the pieces of scratch memory that items may use, at most `most`: an item has its slot to itself.
  static constexpr int64_t kNoLimit = INT64_MAX;
  int64_t Slots(int64_t total, int64_t most = kNoLimit) const {
    return std::max<int64_t>(1, std::min({total, 4 * int64_t{num_threads}, most}));
  }

  // body(slot, item) for every item of [0, total).
  template <typename Body>
  void ForEachInSlot(int64_t total, int64_t cost, int64_t most_slots, const Body& body) const {
    const int64_t slots = Slots(total, most_slots);
    ForEach(slots, cost * ((total + slots - 1) / slots), [&](int64_t slot) {
      for (int64_t item = slot; item < total; item += slots) body(slot, item);
    });
  }
  template <typename Body>
  void ForEachInSlot(int64_t total, int64_t cost, const Body& body) const {
    ForEachInSlot(total, cost, kNoLimit, body);
  }
};

}  // namespace dau

#endif  // DAU_CC_KERNELS_BASE_PARALLEL_H_
