// One call of an engine with random arrays, its scratch memory guarded.
#ifndef DAU_TESTS_CC_KERNELS_PROBLEM_H_
#define DAU_TESTS_CC_KERNELS_PROBLEM_H_

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "cc/kernels/base/int_math.h"
#include "cc/kernels/engine_functions.h"
#include "tests/cc/kernels/inputs.h"

namespace dau::testing {

// Threads that take their items in an odd order, to show that the result does not depend on it.
inline Parallel Threads(int count) {
  Parallel parallel;
  parallel.num_threads = count;
  parallel.run = [count](int64_t total, int64_t, const Parallel::Range& range) {
    std::vector<std::thread> threads;
    for (int t = 0; t < count; ++t) {
      threads.emplace_back([=, &range] {
        for (int64_t item = total - 1 - t; item >= 0; item -= count) range(item, item + 1);
      });
    }
    for (std::thread& thread : threads) thread.join();
  };
  return parallel;
}

// Scratch of just the size that was asked for, filled with NaN: whatever is read must have been written. What lies
// behind it must stay as it was.
class Scratch {
 public:
  explicit Scratch(size_t bytes)
      : used_(CeilDiv(bytes, sizeof(float))), values_(used_ + kGuard, std::numeric_limits<float>::quiet_NaN()) {}
  ~Scratch() {
    for (size_t i = used_; i < values_.size(); ++i) EXPECT_TRUE(std::isnan(values_[i])) << "written beyond the end";
  }
  void* data() { return values_.data(); }

 private:
  static constexpr size_t kGuard = 4096;
  size_t used_;
  std::vector<float> values_;  // two of these NaN are one of double's
};

template <typename T>
struct Problem : Inputs<T> {
  using Inputs<T>::dy;
  using Inputs<T>::displacement;
  using Inputs<T>::shape;
  using Inputs<T>::weight;
  using Inputs<T>::x;
  DisplacementRange range;

  explicit Problem(const Case& c, uint64_t seed = 7) : Inputs<T>(c, seed) {
    EXPECT_TRUE(Validate(shape).ok()) << Validate(shape).message();
    EXPECT_TRUE(FindDisplacementRange(shape, displacement.data(), &range).ok());
  }

  // Empty, like the two below, where the engine refuses the shape.
  std::vector<T> Forward(const EngineFunctions<T>& engine, const Parallel& parallel) const {
    size_t bytes = 0;
    if (!engine.forward_workspace(shape, range, parallel, &bytes).ok()) return {};
    Scratch scratch(bytes);
    std::vector<T> y(dy.size());
    engine.forward(shape, range, x.data(), weight.data(), displacement.data(), y.data(), scratch.data(), parallel);
    return y;
  }
  std::vector<T> BackwardInput(const EngineFunctions<T>& engine, const Parallel& parallel) const {
    size_t bytes = 0;
    if (!engine.backward_input_workspace(shape, range, parallel, &bytes).ok()) return {};
    Scratch scratch(bytes);
    std::vector<T> dx(x.size());
    engine.backward_input(shape, range, weight.data(), displacement.data(), dy.data(), dx.data(), scratch.data(),
                          parallel);
    return dx;
  }
  // ∂weight, then ∂displacement, then ∂σ if wanted.
  std::vector<T> BackwardParams(const EngineFunctions<T>& engine, DisplacementGradient kind, const Parallel& parallel,
                                bool sigma = true) const {
    size_t bytes = 0;
    if (!engine.backward_params_workspace(shape, range, kind, sigma, parallel, &bytes).ok()) return {};
    Scratch scratch(bytes);
    std::vector<T> gradients(3 * weight.size() + sigma);
    const ParamGradients<T> targets{gradients.data(), gradients.data() + weight.size(),
                                    sigma ? &gradients.back() : nullptr};
    engine.backward_params(shape, range, kind, x.data(), weight.data(), displacement.data(), dy.data(), targets,
                           scratch.data(), parallel);
    return gradients;
  }
};

}  // namespace dau::testing

#endif  // DAU_TESTS_CC_KERNELS_PROBLEM_H_
