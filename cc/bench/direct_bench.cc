// Times the direct engine in the calling thread: milliseconds of each pass, least and median, on the benchmark's
// shapes.
//
//   direct_bench [name]            only the shapes whose name holds `name`
//   direct_bench --random 30 [1]   as many random shapes (from a seed), each pass in each memory layout: what
//                                  cc/kernels/direct/work.cc is fitted to, see fit_direct_cost.py
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
#include "cc/kernels/direct/cost.h"
#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/direct/layout.h"

namespace dau {
namespace {

struct Timing {
  double least, median;  // ms
};

// At least 3 calls and so many milliseconds.
Timing Time(const std::function<void()>& call, double least_total = 200) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  call();
  for (double total = 0; times.size() < 3 || total < least_total;) {
    const Clock::time_point begin = Clock::now();
    call();
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    total += times.back();
  }
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

struct PassOfKind {
  Pass pass;
  DisplacementGradient kind = {};
};
constexpr PassOfKind kPasses[] = {{Pass::kForward},
                                  {Pass::kBackwardInput},
                                  {Pass::kBackwardParams, DisplacementGradient::kExact},
                                  {Pass::kBackwardParams, DisplacementGradient::kGaussian}};

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

  Timing Time(const PassOfKind& pass, double least_total = 200) {
    return dau::Time([&] { Run(pass); }, least_total);
  }
  direct::KindOfWork Count(const PassOfKind& pass) const {
    return direct::CountWork<float>(pass.pass, pass.kind, shape_, range_);
  }

 private:
  void Run(const PassOfKind& pass) {
    switch (pass.pass) {
      case Pass::kForward:
        return direct::Forward(shape_, range_, x_.data(), weight_.data(), displacement_.data(), y_.data(), Workspace(),
                               parallel_);
      case Pass::kBackwardInput:
        return direct::BackwardInput(shape_, range_, weight_.data(), displacement_.data(), dy_.data(), dx_.data(),
                                     Workspace(), parallel_);
      case Pass::kBackwardParams:
        return direct::BackwardParams(shape_, range_, pass.kind, x_.data(), weight_.data(), displacement_.data(),
                                      dy_.data(), {gradients_.data(), gradients_.data() + weight_.size()}, Workspace(),
                                      parallel_);
    }
  }

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

DauConvShape Shape(int64_t n, int64_t height, int64_t width, int64_t in_channels, int64_t filters, int64_t units) {
  DauConvShape shape;
  shape.batch = n;
  shape.height = height;
  shape.width = width;
  shape.in_channels = in_channels;
  shape.filters = filters;
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
        Layer layer(Shape(row.n, row.size, row.size, row.channels, row.channels, units), reach);
        std::printf("%-16s", name);
        for (const PassOfKind& pass : kPasses) Print(layer.Time(pass));
        std::printf("\n");
      }
    }
  }
}

// Pixels 1 … 10⁵, channels 1 … 256, units 1 … 8, |μ| 0.5 … 32, all but the units log-uniform. A line: layout, pass,
// kind of work, its counts, the nanoseconds measured and estimated, the shape.
void TimeRandomShapes(int count, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto log_uniform = [&](double low, double high) {
    return low * std::pow(high / low, std::uniform_real_distribution<double>()(random));
  };
  while (count > 0) {
    const double pixels = log_uniform(1, 1e5), batch = std::round(log_uniform(1, std::min(pixels, 32.0)));
    const double height = std::round(std::max(1.0, std::sqrt(pixels / batch) * log_uniform(0.5, 2)));
    const double width = std::round(std::max(1.0, pixels / batch / height));
    const double s = std::round(log_uniform(1, 256)), f = std::round(log_uniform(1, 256)),
                 k = std::round(log_uniform(1, 8));
    const double reach = log_uniform(0.5, 32);
    if (batch * height * width * s * f * k > 5e8) continue;  // some tenths of a second
    --count;
    const DauConvShape shape = Shape(batch, height, width, s, f, k);
    for (const direct::Layout layout : {direct::Layout::kPlanes, direct::Layout::kLanes}) {
      direct::ForceLayoutForTest(layout);
      Layer layer(shape, reach);
      for (const PassOfKind& pass : kPasses) {
        const direct::KindOfWork work = layer.Count(pass);
        std::printf("%d %d %d", static_cast<int>(layout), static_cast<int>(&pass - kPasses),
                    static_cast<int>(work.kind));
        for (const double n : work.work) std::printf(" %.6g", n);
        std::printf(" %.6g %.6g N%g_%gx%g_S%g_F%g_K%g_mu%.1f\n", 1e6 * layer.Time(pass, 5).least,
                    direct::Nanoseconds(work.kind, work.work), batch, height, width, s, f, k, reach);
      }
    }
  }
  direct::ForceLayoutForTest(direct::Layout::kCheapest);
}

}  // namespace
}  // namespace dau

int main(int argc, char** argv) {
  if (argc > 2 && std::strcmp(argv[1], "--random") == 0) {
    dau::TimeRandomShapes(std::atoi(argv[2]), argc > 3 ? std::atoi(argv[3]) : 1);
  } else {
    dau::TimeShapes(argc > 1 ? argv[1] : "");
  }
  return 0;
}
