// Times every pass of both forms of the CUDA engine with events: the median of some rounds after a warm-up, the L2
// cache flushed before each. Beside each time stand the shares of the measured ceilings: compulsory bytes (each array
// once) of the copy rate; of the rate of float multiply-adds, the instructions that cost.h counts for the form on
// paper.
// `*` marks the form that the engine would take by itself.
//
//   cuda_bench [--tiny]    (--tiny: a small shape once, to see that it runs)
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "cc/bench/cuda_peaks.h"
#include "cc/kernels/base/half.h"
#include "cc/kernels/cuda/cost.h"
#include "cc/kernels/cuda/dau_conv_cuda.h"
#include "tests/cc/kernels/cases.h"
#include "tests/cc/kernels/device_array.h"

namespace dau::bench {
namespace {

using testing::Check;
using testing::DeviceArray;

void Check(const Status& status) {
  if (status.ok()) return;
  std::printf("%s\n", status.message().c_str());
  std::exit(1);
}

class Timer {
 public:
  Timer(int rounds, size_t flush_bytes) : rounds_(rounds), flush_(flush_bytes) {
    Check(cudaStreamCreate(&stream_), "cudaStreamCreate");
    Check(cudaEventCreate(&begin_), "cudaEventCreate");
    Check(cudaEventCreate(&end_), "cudaEventCreate");
  }
  ~Timer() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
    cudaStreamDestroy(stream_);
  }
  cudaStream_t stream() const { return stream_; }

  // Seconds.
  double Median(const std::function<Status()>& launch) {
    constexpr int kWarmUp = 3;
    std::vector<double> times;
    for (int round = -std::min(kWarmUp, rounds_); round < rounds_; ++round) {
      Check(cudaMemsetAsync(flush_.data(), round & 0xff, flush_.bytes(), stream_), "cudaMemsetAsync");
      Check(cudaEventRecord(begin_, stream_), "cudaEventRecord");
      Check(launch());
      Check(cudaEventRecord(end_, stream_), "cudaEventRecord");
      Check(cudaEventSynchronize(end_), "a kernel");
      float milliseconds;
      Check(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
      if (round >= 0) times.push_back(milliseconds * 1e-3);
    }
    std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
    return times[times.size() / 2];
  }

 private:
  int rounds_;
  DeviceArray<char> flush_;
  cudaStream_t stream_;
  cudaEvent_t begin_, end_;
};

struct Peaks {
  double bytes, fmas;  // a second
};

Peaks MeasurePeaks(Timer* timer, bool tiny) {
  const int64_t count = tiny ? 1 << 16 : int64_t{1} << 28;
  DeviceArray<float> from(count), to(count);
  const int64_t blocks = tiny ? 2 : 132 * 64;
  const int length = tiny ? 64 : 1 << 13;
  Peaks peaks;
  peaks.bytes = 8.0 * count / timer->Median([&] { return Copy(from.data(), to.data(), count, timer->stream()); });
  peaks.fmas = static_cast<double>(blocks) * kFmaThreads * kFmaChains * length /
               timer->Median([&] { return Fma(blocks, length, to.data(), timer->stream()); });
  return peaks;
}

struct Row {
  const char* name;
  DauConvShape shape;
  double reach;
};

template <typename T>
class Layer {
 public:
  Layer(Engine form, const Row& row, const char* type, const Peaks& peaks, Timer* timer)
      : options_{form},
        row_(row),
        shape_(row.shape),
        type_(type),
        peaks_(peaks),
        timer_(timer),
        x_(std::vector<T>(InputCount(row.shape))),
        dx_(InputCount(row.shape)),
        y_(OutputCount(row.shape)),
        dy_(std::vector<T>(OutputCount(row.shape))),
        weight_(std::vector<T>(UnitCount(row.shape))),
        dw_(UnitCount(row.shape)),
        displacement_(Displacement(row)),
        dmu_(2 * UnitCount(row.shape)) {
    shape_.max_displacement = row.reach;  // as a layer's constraint: tiles are sized by it
  }

  void Time() {
    const DauConvShape& shape = shape_;
    const cudaStream_t stream = timer_->stream();
    const double images = (InputCount(shape) + OutputCount(shape)) * sizeof(T);
    size_t bytes = 0;
    Check(cuda::ForwardWorkspace<T>(options_, shape, &bytes));
    Print("forward", Pass::kForward, {}, bytes, images, [&](void* workspace) {
      return cuda::Forward<T>(options_, shape, x_.data(), weight_.data(), displacement_.data(), y_.data(), workspace,
                              stream);
    });
    Check(cuda::BackwardInputWorkspace<T>(options_, shape, &bytes));
    Print("input gradient", Pass::kBackwardInput, {}, bytes, images, [&](void* workspace) {
      return cuda::BackwardInput<T>(options_, shape, weight_.data(), displacement_.data(), dy_.data(), dx_.data(),
                                    workspace, stream);
    });
    for (DisplacementGradient kind : {DisplacementGradient::kExact, DisplacementGradient::kGaussian}) {
      const bool exact = kind == DisplacementGradient::kExact;
      Check(cuda::BackwardParamsWorkspace<T>(options_, shape, kind, false, &bytes));
      Print(exact ? "params, exact" : "params, gaussian", Pass::kBackwardParams, kind, bytes, images,
            [&](void* workspace) {
              return cuda::BackwardParams<T>(options_, shape, kind, x_.data(), weight_.data(), displacement_.data(),
                                             dy_.data(), {dw_.data(), dmu_.data()}, workspace, stream);
            });
    }
  }

 private:
  static std::vector<Real<T>> Displacement(const Row& row) {
    std::mt19937_64 random(7);
    return testing::RandomDisplacement<Real<T>>(random, {row.name, row.shape, row.reach});
  }

  void Print(const char* name, Pass pass, DisplacementGradient kind, size_t workspace_bytes, double image_bytes,
             const std::function<Status(void*)>& launch) {
    DeviceArray<char> workspace(workspace_bytes);
    const double seconds = timer_->Median([&] { return launch(workspace.data()); });
    const double instructions = cuda::EstimateCost(options_.engine, pass, kind, shape_);
    const double bytes = image_bytes + 3.0 * UnitCount(shape_) * sizeof(T);
    const bool chosen = cuda::ChooseForm(pass, kind, shape_, sizeof(Real<T>)) == options_.engine;
    std::printf("%-22s %-8s %-8s%c %-16s %9.1f us  %5.2f of copy rate  %5.2f of FMA rate  workspace %7.1f MB\n",
                row_.name, type_, EngineName(options_.engine), chosen ? '*' : ' ', name, seconds * 1e6,
                bytes / seconds / peaks_.bytes, instructions / seconds / peaks_.fmas, workspace_bytes * 1e-6);
  }

  const Options options_;
  const Row& row_;
  DauConvShape shape_;
  const char* type_;
  const Peaks& peaks_;
  Timer* timer_;
  DeviceArray<T> x_, dx_, y_, dy_, weight_, dw_;
  DeviceArray<Real<T>> displacement_, dmu_;
};

std::vector<Row> Rows(bool tiny) {
  using testing::Nchw;
  using testing::Shape;
  using testing::Strided;
  if (tiny) return {{"tiny", Shape(1, 9, 10, 3, 4, 2), 4}};
  return {
      {"A 8x32x32x192 K2", Shape(8, 32, 32, 192, 192, 2), 4},
      {"A 8x32x32x192 K6", Shape(8, 32, 32, 192, 192, 6), 4},
      {"A NCHW K2", Nchw(Shape(8, 32, 32, 192, 192, 2)), 4},
      {"A |mu|<16 K2", Shape(8, 32, 32, 192, 192, 2), 16},
      {"A 64 images K2", Shape(64, 32, 32, 192, 192, 2), 4},
      {"B 1x64x64x256 K2", Shape(1, 64, 64, 256, 256, 2), 4},
      {"C1 1x256x256x32 K2", Shape(1, 256, 256, 32, 32, 2), 4},
      {"C2 1x128x128x64 K2", Shape(1, 128, 128, 64, 64, 2), 4},
      {"ResNet 64x56x56x64 K2", Shape(64, 56, 56, 64, 64, 2), 4},
      {"ResNet 64x14x14x256 K2", Shape(64, 14, 14, 256, 256, 2), 4},
      {"ResNet 64x7x7x512 K2", Shape(64, 7, 7, 512, 512, 2), 4},
      {"stride 2, 8x64x64x128", Strided(Shape(8, 64, 64, 128, 128, 2), 2, 2), 4},
  };
}

int Main(bool tiny) {
  cudaDeviceProp device;
  Check(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
  Timer timer(tiny ? 1 : 21, tiny ? 1 << 16 : std::max<size_t>(4 * device.l2CacheSize, 256 << 20));
  const Peaks peaks = MeasurePeaks(&timer, tiny);
  std::printf("%s: copy %.0f GB/s, float32 %.1f T multiply-adds/s, both measured\n", device.name, peaks.bytes * 1e-9,
              peaks.fmas * 1e-12);
  for (const Row& row : Rows(tiny)) {
    for (Engine form : {Engine::kDirect, Engine::kSpectral}) {
      Layer<float>(form, row, "float32", peaks, &timer).Time();
      Layer<Float16>(form, row, "float16", peaks, &timer).Time();
    }
  }
  return 0;
}

}  // namespace
}  // namespace dau::bench

int main(int argc, char** argv) { return dau::bench::Main(argc > 1 && std::strcmp(argv[1], "--tiny") == 0); }
