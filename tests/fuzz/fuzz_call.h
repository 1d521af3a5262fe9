// The arrays of a fuzzed call, and the call itself, its scratch memory of just the size that was asked for.
#ifndef DAU_TESTS_FUZZ_FUZZ_CALL_H_
#define DAU_TESTS_FUZZ_FUZZ_CALL_H_

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "cc/kernels/general_conv.h"
#include "tests/cc/kernels/inputs.h"
#include "tests/fuzz/fuzz_case.h"

namespace dau::fuzz {

// Uniform in ±1; as quick to start as to run.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u) {}
  double operator()() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(static_cast<int64_t>(state_)) / 9223372036854775808.0;
  }

 private:
  uint64_t state_;
};

// `value` as R holds it; kMax and kLeast as R's own.
template <typename R>
R Cast(double value) {
  using Limits = std::numeric_limits<R>;
  if (!std::isfinite(value)) return static_cast<R>(value);
  if (std::abs(value) >= kMax) return value > 0 ? Limits::max() : Limits::lowest();
  if (std::abs(value) == kLeast) return value > 0 ? Limits::denorm_min() : -Limits::denorm_min();
  return static_cast<R>(value);
}

// The arrays of a case in R, float or double.
template <typename R>
struct Arrays : testing::Inputs<R> {
  using Base = testing::Inputs<R>;
  std::vector<R> sigma;  // of each unit, of the general form
  DisplacementRange range;

  explicit Arrays(const FuzzCase& c) : Base(testing::Case{"", testing::Shape(0, 1, 1, 1, 1, 1), 0}) {
    this->shape = c.shape;
    Random random(c.seed);
    const int64_t filters = c.shape.filters, image = c.shape.batch == 0 ? 1 : InputCount(c.shape) / c.shape.batch;
    const int64_t gradient = c.shape.batch == 0 ? 1 : OutputCount(c.shape) / c.shape.batch;
    Fill(&this->x, InputCount(c.shape), &random, [&](int64_t i) { return Power(c.x_power[i / image % 2]); });
    Fill(&this->weight, UnitCount(c.shape), &random, [&](int64_t i) { return Power(c.weight_power[i % filters % 2]); });
    Fill(&this->dy, OutputCount(c.shape), &random, [&](int64_t i) { return Power(c.dy_power[i / gradient % 2]); });
    Fill(&this->displacement, 2 * UnitCount(c.shape), &random, [&](int64_t) { return c.reach; });
    if (c.integers) {
      for (R& mu : this->displacement) mu = std::round(mu);
    }
    for (int64_t i = 0; c.general && i < UnitCount(c.shape); ++i) {
      // From nearly nothing to the largest, which is one of them.
      const double part = i % 5 == 1 ? 1 : i % 7 == 2 ? 1e-12 : std::abs(random());
      sigma.push_back(std::max(static_cast<R>(c.shape.max_sigma * part), std::numeric_limits<R>::min()));
    }
    for (const Special& special : c.specials) Write(special);
  }

 private:
  // 10^power, for doubles of powers as near to the end of their range as float's.
  static double Power(int64_t power) {
    return std::pow(10.0, static_cast<double>(sizeof(R) == 8 && power != 0 ? power + (power > 0 ? 260 : -260) : power));
  }
  template <typename Scale>
  static void Fill(std::vector<R>* array, int64_t count, Random* random, const Scale& scale) {
    array->resize(count);
    for (int64_t i = 0; i < count; ++i) (*array)[i] = static_cast<R>((*random)() * scale(i));
  }
  void Write(const Special& special) {
    std::vector<R>* const arrays[] = {&this->x, &this->weight, &this->dy, &this->displacement};
    std::vector<R>& array = *arrays[static_cast<int>(special.array)];
    if (array.empty()) return;
    R& element = array[special.index % array.size()];
    if (special.array == Array::kDisplacement) {
      element = Cast<R>(kPlaces[special.value % static_cast<int64_t>(std::size(kPlaces))]);
    } else {
      element = Cast<R>(kSpecials[special.value % static_cast<int64_t>(std::size(kSpecials))]);
    }
  }
};

// Runs a piece of work: at once, or for tools/tsan.sh in a thread of its own, until it goes out of scope.
class Workers {
 public:
#ifdef DAU_FUZZ_THREADS
  ~Workers() {
    for (std::thread& thread : threads_) thread.join();
  }
  template <typename Work>
  void Do(const Work& work) {
    threads_.emplace_back(work);
  }

 private:
  std::vector<std::thread> threads_;
#else
  template <typename Work>
  void Do(const Work& work) {
    work();
  }
#endif
};

// Covers [0, total) in pieces and in an odd order: no result may depend on it.
inline Parallel Pieces(int threads) {
  Parallel parallel;
  parallel.num_threads = threads;
  parallel.run = [threads](int64_t total, int64_t, const Parallel::Range& range) {
    const int64_t piece = (total + threads - 1) / threads;
    Workers workers;
    for (int64_t begin = (threads - 1) * piece; begin >= 0; begin -= piece) {
      const int64_t end = std::min(total, begin + piece);
      if (begin < end) workers.Do([&range, begin, end] { range(begin, end); });
    }
  };
  return parallel;
}

// What a pass gives: y, dx or dw; and of the parameters' pass the others too.
template <typename S>
struct Result {
  std::string refusal;  // empty: served
  std::vector<S> values;
  std::vector<Real<S>> displacement, sigma;
};

// Scratch memory filled with NaN, that whatever is read must have been written; what lies behind it must stay as it
// was. A sanitizer sees a single byte too far, so that there is nothing behind it then.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : used_(bytes), bytes_(bytes + kGuard, kFill) {}
  void* data() { return bytes_.data(); }
  bool Intact() const {
    return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(used_), bytes_.end(),
                       [](unsigned char byte) { return byte == kFill; });
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
#define DAU_FUZZ_GUARD 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DAU_FUZZ_GUARD 0
#endif
#endif
#ifndef DAU_FUZZ_GUARD
#define DAU_FUZZ_GUARD 4096
#endif
  static constexpr size_t kGuard = DAU_FUZZ_GUARD;
  static constexpr unsigned char kFill = 0xFF;
  size_t used_;
  std::vector<unsigned char> bytes_;
};

// S: what images and weights are stored as.
template <typename S>
struct Call {
  const FuzzCase& c;
  DauConvShape shape;
  DisplacementRange range;
  const S *x, *weight, *dy;
  const Real<S>*displacement, *sigma;

  Status Workspace(const Parallel& parallel, size_t* bytes) const {
    switch (c.pass) {
      case Pass::kForward:
        return c.general ? GeneralForwardWorkspace<S>(c.options, shape, range, parallel, bytes)
                         : ForwardWorkspace<S>(c.options, shape, range, parallel, bytes);
      case Pass::kBackwardInput:
        return c.general ? GeneralBackwardInputWorkspace<S>(c.options, shape, range, parallel, bytes)
                         : BackwardInputWorkspace<S>(c.options, shape, range, parallel, bytes);
      case Pass::kBackwardParams:
        break;
    }
    return c.general ? GeneralBackwardParamsWorkspace<S>(c.options, shape, range, parallel, bytes)
                     : BackwardParamsWorkspace<S>(c.options, shape, range, c.kind, c.with_sigma, parallel, bytes);
  }

  // intact: whether nothing was written behind the scratch memory.
  Result<S> Run(int threads, bool* intact) const {
    const Parallel parallel = Pieces(threads);
    Result<S> result;
    size_t bytes = 0;
    if (const Status status = Workspace(parallel, &bytes); !status.ok()) {
      result.refusal = status.message();
      return result;
    }
    Scratch scratch(bytes);
    const int64_t units = UnitCount(shape);
    Resize(&result.values, c.pass == Pass::kForward         ? OutputCount(shape)
                           : c.pass == Pass::kBackwardInput ? InputCount(shape)
                                                            : units);
    if (c.pass == Pass::kForward) {
      if (c.general) {
        GeneralForward<S>(c.options, shape, range, x, weight, displacement, sigma, result.values.data(), scratch.data(),
                          parallel);
      } else {
        Forward<S>(c.options, shape, range, x, weight, displacement, result.values.data(), scratch.data(), parallel);
      }
    } else if (c.pass == Pass::kBackwardInput) {
      if (c.general) {
        GeneralBackwardInput<S>(c.options, shape, range, weight, displacement, sigma, dy, result.values.data(),
                                scratch.data(), parallel);
      } else {
        BackwardInput<S>(c.options, shape, range, weight, displacement, dy, result.values.data(), scratch.data(),
                         parallel);
      }
    } else {
      Resize(&result.displacement, 2 * units);
      Resize(&result.sigma, c.general ? units : c.with_sigma ? 1 : 0);
      const ParamGradients<S> gradients{result.values.data(), result.displacement.data(),
                                        result.sigma.empty() ? nullptr : result.sigma.data()};
      if (c.general) {
        GeneralBackwardParams<S>(c.options, shape, range, x, weight, displacement, sigma, dy, gradients, scratch.data(),
                                 parallel);
      } else {
        BackwardParams<S>(c.options, shape, range, c.kind, x, weight, displacement, dy, gradients, scratch.data(),
                          parallel);
      }
    }
    *intact = scratch.Intact();
    return result;
  }

 private:
  // Of NaN: what is not written shows.
  template <typename T>
  static void Resize(std::vector<T>* values, int64_t count) {
    values->resize(count);
    if (count > 0) std::memset(static_cast<void*>(values->data()), 0xFF, count * sizeof(T));
  }
};

}  // namespace dau::fuzz

#endif  // DAU_TESTS_FUZZ_FUZZ_CALL_H_
