// Every kernel of the CUDA engine against the reference, in every type, on the GPU at hand or by cuda_on_cpu.h. A
// program without googletest, for tools/gpu_check.sh; its last line is "N passed, N failed".
//
//   cuda_check [--quick]    (--quick: small shapes only, and few random ones)
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "cc/kernels/base/half_convert.h"
#include "cc/kernels/cuda/dau_conv_cuda.h"
#include "cc/kernels/cuda/platform.h"
#include "cc/kernels/reference/dau_conv_reference.h"
#include "tests/cc/kernels/device_array.h"
#include "tests/cc/kernels/inputs.h"
#include "tests/cc/kernels/scales.h"

namespace dau::testing {
namespace {

// What rounding to T, once, costs: of the value, and below its smallest normal number.
template <typename T>
struct Rounding {
  static constexpr double kRelative = 0, kAbsolute = 0;
};
template <>
struct Rounding<BFloat16> {
  static constexpr double kRelative = 0x1p-8, kAbsolute = 0x1p-134;
};
template <>
struct Rounding<Float16> {
  static constexpr double kRelative = 0x1p-11, kAbsolute = 0x1p-25;
};

template <typename T>
double Value(T value) {
  if constexpr (sizeof(T) == 2) {
    return Widen(value);
  } else {
    return value;
  }
}

// As stored in T.
template <typename T, typename R>
std::vector<T> Stored(const std::vector<R>& values) {
  std::vector<T> stored(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if constexpr (sizeof(T) == 2) {
      Narrow(values[i], &stored[i]);
    } else {
      stored[i] = values[i];
    }
  }
  return stored;
}

template <typename T>
std::vector<double> Doubles(const std::vector<T>& values) {
  std::vector<double> doubles;
  for (const T& value : values) doubles.push_back(Value(value));
  return doubles;
}

class Report {
 public:
  void SetCase(const std::string& name) { case_ = name; }

  void Status(const char* what, const dau::Status& status) {
    if (!status.ok()) Fail(what, status.message());
  }

  template <typename T>
  void Near(const char* what, const std::vector<T>& actual, const double* expected, const std::vector<Scale>& scales,
            double terms) {
    constexpr double kUnderflows = 16;  // of a term: blur along two axes, lerps, the weight
    for (size_t i = 0; i < actual.size(); ++i) {
      const double allowed = Allowed<Real<T>>(scales[i], terms, kUnderflows);
      const double error = std::abs(Value(actual[i]) - expected[i]);
      const double rounding = Rounding<T>::kRelative * (std::abs(expected[i]) + allowed) + Rounding<T>::kAbsolute;
      if (error <= allowed + rounding) continue;  // a NaN is not
      Fail(what, "at " + std::to_string(i) + ": " + std::to_string(Value(actual[i])) + " instead of " +
                     std::to_string(expected[i]));
      return;
    }
    ++passed_;
  }
  void Same(const char* what, bool same) {
    if (same) {
      ++passed_;
    } else {
      Fail(what, "differs between two runs");
    }
  }

  int passed() const { return passed_; }
  int failed() const { return failed_; }

 private:
  void Fail(const char* what, const std::string& why) {
    ++failed_;
    std::printf("FAILED %s, %s: %s\n", case_.c_str(), what, why.c_str());
  }

  std::string case_;
  int passed_ = 0, failed_ = 0;
};

template <typename T>
class Checker {
 public:
  using R = Real<T>;

  Checker(Engine form, const Case& c, uint64_t seed, cudaStream_t stream, Report* report)
      : options_{form},
        inputs_(c, seed),
        scales_(inputs_, /*lerps_by_ratio=*/false),
        stream_(stream),
        report_(report),
        x_(Stored<T>(inputs_.x)),
        weight_(Stored<T>(inputs_.weight)),
        dy_(Stored<T>(inputs_.dy)),
        displacement_(inputs_.displacement) {}

  void Run() {
    Forward();
    BackwardInput();
    BackwardParams(DisplacementGradient::kExact);
    BackwardParams(DisplacementGradient::kGaussian);
  }

 private:
  void Forward() {
    size_t bytes = 0;
    report_->Status("forward", cuda::ForwardWorkspace<T>(options_, inputs_.shape, &bytes));
    DeviceArray<T> y(inputs_.dy.size());
    DeviceArray<char> workspace(bytes);
    const auto run = [&] {
      report_->Status("forward", cuda::Forward<T>(options_, inputs_.shape, x_.data(), weight_.data(),
                                                  displacement_.data(), y.data(), workspace.data(), stream_));
      return y.Get(stream_);
    };
    const std::vector<T> actual = run();
    std::vector<double> expected(actual.size());
    reference::Forward(inputs_.shape, Host(x_).data(), Host(weight_).data(), Host(displacement_).data(),
                       expected.data());
    report_->Near("y", actual, expected.data(), scales_.Output(), inputs_.shape.units * inputs_.shape.in_channels);
    report_->Same("y", SameBits(actual, run()));
  }

  void BackwardInput() {
    size_t bytes = 0;
    report_->Status("backward", cuda::BackwardInputWorkspace<T>(options_, inputs_.shape, &bytes));
    DeviceArray<T> dx(inputs_.x.size());
    DeviceArray<char> workspace(bytes);
    report_->Status("backward", cuda::BackwardInput<T>(options_, inputs_.shape, weight_.data(), displacement_.data(),
                                                       dy_.data(), dx.data(), workspace.data(), stream_));
    const std::vector<T> actual = dx.Get(stream_);
    std::vector<double> expected(actual.size());
    reference::BackwardInput(inputs_.shape, Host(weight_).data(), Host(displacement_).data(), Host(dy_).data(),
                             expected.data());
    report_->Near("dx", actual, expected.data(), scales_.InputGradient(), inputs_.shape.units * inputs_.shape.filters);
  }

  void BackwardParams(DisplacementGradient kind) {
    const size_t count = inputs_.weight.size();
    size_t bytes = 0;
    report_->Status("params", cuda::BackwardParamsWorkspace<T>(options_, inputs_.shape, kind, /*sigma=*/true, &bytes));
    DeviceArray<T> dw(count);
    DeviceArray<R> dmu(2 * count), dsigma(1);
    DeviceArray<char> workspace(bytes);
    const auto run = [&] {
      report_->Status("params", cuda::BackwardParams<T>(
                                    options_, inputs_.shape, kind, x_.data(), weight_.data(), displacement_.data(),
                                    dy_.data(), {dw.data(), dmu.data(), dsigma.data()}, workspace.data(), stream_));
      return dmu.Get(stream_);
    };
    const std::vector<R> actual = run();
    std::vector<double> expected(3 * count);
    double sigma;
    reference::BackwardParams(inputs_.shape, kind, Host(x_).data(), Host(weight_).data(), Host(displacement_).data(),
                              Host(dy_).data(), {expected.data(), expected.data() + count, &sigma});
    const double pixels = inputs_.shape.batch * OutputHeight(inputs_.shape) * OutputWidth(inputs_.shape);
    report_->Near("dw", dw.Get(stream_), expected.data(), scales_.WeightGradient(), pixels);
    report_->Near("dmu", actual, expected.data() + count, scales_.DisplacementGradient(kind), pixels);
    report_->Near("dsigma", dsigma.Get(stream_), &sigma, scales_.SigmaGradient(), pixels);
    report_->Same("dmu", SameBits(actual, run()));
  }

  template <typename A>
  std::vector<double> Host(const DeviceArray<A>& array) const {
    return Doubles(array.Get(stream_));
  }

  const Options options_;
  const Inputs<R> inputs_;
  const Scales<R> scales_;
  cudaStream_t stream_;
  Report* report_;
  const DeviceArray<T> x_, weight_, dy_;
  const DeviceArray<R> displacement_;
};

template <typename T>
void CheckForms(const char* type, const Case& c, uint64_t seed, cudaStream_t stream, Report* report) {
  for (Engine form : {Engine::kDirect, Engine::kSpectral}) {
    size_t bytes;
    // The one thing that may be refused: a reach and blur that no tile holds.
    if (form == Engine::kSpectral && !cuda::ForwardWorkspace<T>(Options{form}, c.shape, &bytes).ok()) continue;
    report->SetCase(std::string(EngineName(form)) + " " + type + " " + Describe(c, seed));
    Checker<T>(form, c, seed, stream, report).Run();
  }
}

void CheckAll(const Case& c, uint64_t seed, cudaStream_t stream, Report* report) {
  CheckForms<float>("float32", c, seed, stream, report);
  CheckForms<double>("float64", c, seed, stream, report);
  CheckForms<BFloat16>("bfloat16", c, seed, stream, report);
  CheckForms<Float16>("float16", c, seed, stream, report);
}

int Main(int argc, char** argv) {
  cudaDeviceProp device;
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0 ||
      cudaGetDeviceProperties(&device, 0) != cudaSuccess) {
    std::printf("no GPU that CUDA can use: nothing was checked\n0 passed, 1 failed\n");
    return 1;
  }
  std::printf("on %s, compute capability %d.%d\n", device.name, device.major, device.minor);
  // Not the default stream: nothing may depend on it.
  cudaStream_t stream;
  Check(cudaStreamCreate(&stream), "cudaStreamCreate");
  Report report;
  const bool quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
  for (const Case& c : Cases()) {
    if (!quick || UnitCount(c.shape) < 1000) CheckAll(c, 7, stream, &report);
  }
  CheckAll(ManyTiles(), 7, stream, &report);
  for (int seed = 0; seed < (quick ? 5 : 100); ++seed) CheckAll(RandomCase(seed), seed, stream, &report);
  Check(cudaStreamDestroy(stream), "cudaStreamDestroy");
  std::printf("%d passed, %d failed\n", report.passed(), report.failed());
  return report.failed() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dau::testing

int main(int argc, char** argv) { return dau::testing::Main(argc, argv); }
