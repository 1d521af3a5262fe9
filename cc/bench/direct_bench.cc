// Times the direct engine in the calling thread: milliseconds of each pass, least and median, on the benchmark's
// shapes.
//
//   direct_bench [name]     only the shapes whose name holds `name`
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/direct/layout.h"

namespace dau {
namespace {

struct Timing {
  double least, median;  // ms
};

// At least 5 calls and 0.2 s.
Timing Time(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  call();
  for (double total = 0; times.size() < 5 || total < 200;) {
    const Clock::time_point begin = Clock::now();
    call();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    total += times.back();
  }
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

class Layer {
 public:
  Layer(const DauConvShape& shape, double reach) : shape_(shape) {
    std::mt19937_64 random(1);
    const auto fill = [&](int64_t count, double scale) {
      std::uniform_real_distribution<float> uniform(-scale, scale);
      std::vector<float> values(count);
      for (float& value : values) value = uniform(random);
      return values;
    };
    x_ = fill(shape.batch * shape.height * shape.width * shape.in_channels, 1);
    weight_ = fill(shape.units * shape.in_channels * shape.filters, 1);
    displacement_ = fill(2 * weight_.size(), reach);
    dy_ = fill(shape.batch * OutputHeight(shape) * OutputWidth(shape) * shape.filters, 1);
    gradients_.resize(3 * weight_.size());
    const Status s = FindDisplacementRange(shape, displacement_.data(), &range_);
    if (!s.ok()) std::abort();
    y_ = dy_;
    dx_ = x_;
    for (const DisplacementGradient kind : {DisplacementGradient::kExact, DisplacementGradient::kGaussian}) {
      Grow([&](size_t* bytes) {
        return direct::BackwardParamsWorkspace<float>(shape, range_, kind, false, parallel_, bytes);
      });
    }
    Grow([&](size_t* bytes) { return direct::ForwardWorkspace<float>(shape, range_, parallel_, bytes); });
    Grow([&](size_t* bytes) { return direct::BackwardInputWorkspace<float>(shape, range_, parallel_, bytes); });
  }

  Timing Forward() {
    return Time([&] {
      direct::Forward(shape_, range_, x_.data(), weight_.data(), displacement_.data(), y_.data(), Workspace(),
                      parallel_);
    });
  }
  Timing BackwardInput() {
    return Time([&] {
      direct::BackwardInput(shape_, range_, weight_.data(), displacement_.data(), dy_.data(), dx_.data(), Workspace(),
                            parallel_);
    });
  }
  Timing BackwardParams(DisplacementGradient kind) {
    const ParamGradients<float> targets{gradients_.data(), gradients_.data() + weight_.size()};
    return Time([&] {
      direct::BackwardParams(shape_, range_, kind, x_.data(), weight_.data(), displacement_.data(), dy_.data(), targets,
                             Workspace(), parallel_);
    });
  }

 private:
  // At the start of a cache line, as TensorFlow's allocator gives it.
  void* Workspace() {
    void* begin = workspace_.data();
    size_t space = workspace_.size();
    return std::align(Arena::kAlignment, space - Arena::kAlignment, begin, space);
  }
  void Grow(const std::function<Status(size_t*)>& size) {
    size_t bytes = 0;
    if (!size(&bytes).ok()) std::abort();
    workspace_.resize(std::max(workspace_.size(), bytes + Arena::kAlignment));
  }

  DauConvShape shape_;
  DisplacementRange range_;
  Parallel parallel_;
  std::vector<float> x_, weight_, displacement_, dy_, gradients_, y_, dx_;
  std::vector<char> workspace_;
};

DauConvShape Shape(int64_t n, int64_t size, int64_t channels, int64_t units) {
  DauConvShape shape;
  shape.batch = n;
  shape.height = shape.width = size;
  shape.in_channels = shape.filters = channels;
  shape.units = units;
  return shape;
}

void Print(const Timing& t) {
  std::printf("  %8.2f %8.2f", t.least, t.median);
  std::fflush(stdout);
}

void TimeShapes(const char* name_part) {
  std::printf("float32, one thread, ms: least and median of a pass\n%-16s  %17s  %17s  %17s  %17s\n", "", "forward",
              "dx", "params exact", "params gaussian");
  const struct {
    const char* name;
    int64_t n, size, channels;
  } rows[] = {{"A", 8, 32, 192}, {"B", 1, 64, 256}, {"C1", 1, 256, 32}, {"C2", 1, 128, 64}};
  for (const auto& row : rows) {
    for (const int64_t units : {2, 6}) {
      for (const double reach : {4.0, 16.0}) {
        char name[64];
        std::snprintf(name, sizeof name, "%s K%d mu%d", row.name, static_cast<int>(units), static_cast<int>(reach));
        if (std::strstr(name, name_part) == nullptr) continue;
        if (std::getenv("DAU_LAYOUT") != nullptr) {
          direct::ForceLayoutForTest(std::getenv("DAU_LAYOUT")[0] == 'l' ? direct::Layout::kLanes
                                                                         : direct::Layout::kPlanes);
        }
        Layer layer(Shape(row.n, row.size, row.channels, units), reach);
        std::printf("%-16s", name);
        Print(layer.Forward());
        Print(layer.BackwardInput());
        Print(layer.BackwardParams(DisplacementGradient::kExact));
        Print(layer.BackwardParams(DisplacementGradient::kGaussian));
        std::printf("\n");
      }
    }
  }
}

}  // namespace
}  // namespace dau

int main(int argc, char** argv) {
  dau::TimeShapes(argc > 1 ? argv[1] : "");
  return 0;
}
