// Times the engines in the calling thread: milliseconds of each pass, least and median, on the benchmark's shapes.
//
//   engine_bench direct|spectral [name]            only the shapes whose name holds `name`
//   engine_bench direct|spectral --random 30 [1]   as many random shapes (from a seed), each pass, and in the direct
//                                                  engine each memory layout: what the cost models are fitted to, see
//                                                  fit_cost.py
#include <algorithm>
#include <array>
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
#include "cc/kernels/engine_functions.h"
#include "cc/kernels/spectral/cost.h"
#include "cc/kernels/spectral/dau_conv_spectral.h"
#include "cc/kernels/spectral/tiling.h"

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
  Layer(const EngineFunctions<float>& engine, const DauConvShape& shape, double reach)
      : engine_(engine), shape_(shape) {
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
    for (const PassOfKind& pass : kPasses) Grow(pass);
  }
  // False where the engine refuses a pass of the shape.
  bool ok() const { return ok_; }

  Timing Time(const PassOfKind& pass, double least_total = 200) {
    return dau::Time([&] { Run(pass); }, least_total);
  }
  const DisplacementRange& range() const { return range_; }

 private:
  void Run(const PassOfKind& pass) {
    switch (pass.pass) {
      case Pass::kForward:
        return engine_.forward(shape_, range_, x_.data(), weight_.data(), displacement_.data(), y_.data(), Workspace(),
                               parallel_);
      case Pass::kBackwardInput:
        return engine_.backward_input(shape_, range_, weight_.data(), displacement_.data(), dy_.data(), dx_.data(),
                                      Workspace(), parallel_);
      case Pass::kBackwardParams:
        return engine_.backward_params(shape_, range_, pass.kind, x_.data(), weight_.data(), displacement_.data(),
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
  void Grow(const PassOfKind& pass) {
    size_t bytes = 0;
    Status status;
    switch (pass.pass) {
      case Pass::kForward:
        status = engine_.forward_workspace(shape_, range_, parallel_, &bytes);
        break;
      case Pass::kBackwardInput:
        status = engine_.backward_input_workspace(shape_, range_, parallel_, &bytes);
        break;
      case Pass::kBackwardParams:
        status = engine_.backward_params_workspace(shape_, range_, pass.kind, false, parallel_, &bytes);
    }
    ok_ = ok_ && status.ok();
    workspace_.resize(std::max(workspace_.size(), bytes + Arena::kAlignment));
  }

  EngineFunctions<float> engine_;
  DauConvShape shape_;
  DisplacementRange range_;
  Parallel parallel_;
  std::vector<float> x_, weight_, displacement_, dy_, gradients_, y_, dx_;
  std::vector<char> workspace_;
  bool ok_ = true;
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

void TimeShapes(const EngineFunctions<float>& engine, const char* name_part) {
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
        Layer layer(engine, Shape(row.n, row.size, row.size, row.channels, row.channels, units), reach);
        std::printf("%-16s", name);
        for (const PassOfKind& pass : kPasses) Print(layer.Time(pass));
        std::printf("\n");
      }
    }
  }
}

// A line: layout, pass, kind of work, its counts, the nanoseconds measured and estimated, the shape.
template <size_t kCounts>
void PrintWork(int layout, int pass, int kind, const std::array<double, kCounts>& counts, double measured,
               double estimated, const std::string& name) {
  std::printf("%d %d %d", layout, pass, kind);
  for (const double n : counts) std::printf(" %.6g", n);
  std::printf(" %.6g %.6g %s\n", measured, estimated, name.c_str());
  std::fflush(stdout);
}

void TimeDirect(const DauConvShape& shape, double reach, const std::string& name) {
  for (const direct::Layout layout : {direct::Layout::kPlanes, direct::Layout::kLanes}) {
    direct::ForceLayoutForTest(layout);
    Layer layer(DAU_ENGINE_FUNCTIONS(float, direct), shape, reach);
    for (const PassOfKind& pass : kPasses) {
      const direct::KindOfWork work = direct::CountWork<float>(pass.pass, pass.kind, shape, layer.range());
      PrintWork(static_cast<int>(layout), static_cast<int>(&pass - kPasses), static_cast<int>(work.kind), work.work,
                1e6 * layer.Time(pass, 5).least, direct::Nanoseconds(work.kind, work.work), name);
    }
  }
  direct::ForceLayoutForTest(direct::Layout::kCheapest);
}

void TimeSpectral(const DauConvShape& shape, double reach, const std::string& name) {
  Layer layer(DAU_ENGINE_FUNCTIONS(float, spectral), shape, reach);
  if (!layer.ok()) return;
  for (const PassOfKind& pass : kPasses) {
    spectral::Tiling tiling;
    const auto direction =
        pass.pass == Pass::kBackwardInput ? spectral::Direction::kBackward : spectral::Direction::kForward;
    if (!spectral::ChooseTiling(direction, shape, layer.range(), &tiling).ok()) std::abort();
    const int index = static_cast<int>(&pass - kPasses);
    PrintWork(0, index, index, spectral::CountWork(pass.pass, pass.kind, shape, tiling),
              1e6 * layer.Time(pass, 5).least, spectral::EstimateCost(pass.pass, pass.kind, shape, tiling), name);
  }
}

// Pixels 1 … 10⁵, channels 1 … 512, units 1 … 8, |μ| 0.5 … 32, all but the units log-uniform.
void TimeRandomShapes(bool spectral, int count, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto log_uniform = [&](double low, double high) {
    return low * std::pow(high / low, std::uniform_real_distribution<double>()(random));
  };
  while (count > 0) {
    const double pixels = log_uniform(1, 1e5), batch = std::round(log_uniform(1, std::min(pixels, 32.0)));
    const double height = std::round(std::max(1.0, std::sqrt(pixels / batch) * log_uniform(0.5, 2)));
    const double width = std::round(std::max(1.0, pixels / batch / height));
    const double s = std::round(log_uniform(1, 512)), f = std::round(log_uniform(1, 512)),
                 k = std::round(log_uniform(1, 8));
    const double reach = log_uniform(0.5, 32);
    if (batch * height * width * s * f * k > (spectral ? 4e9 : 5e8)) continue;  // some tenths of a second
    --count;
    char name[128];
    std::snprintf(name, sizeof name, "N%g_%gx%g_S%g_F%g_K%g_mu%.1f", batch, height, width, s, f, k, reach);
    const DauConvShape shape = Shape(batch, height, width, s, f, k);
    if (spectral) {
      TimeSpectral(shape, reach, name);
    } else {
      TimeDirect(shape, reach, name);
    }
  }
}

}  // namespace
}  // namespace dau

int main(int argc, char** argv) {
  const bool spectral = argc > 1 && std::strcmp(argv[1], "spectral") == 0;
  if (!spectral && (argc < 2 || std::strcmp(argv[1], "direct") != 0)) {
    std::fprintf(stderr, "usage: engine_bench direct|spectral [name | --random COUNT [SEED]]\n");
    return 2;
  }
  if (argc > 3 && std::strcmp(argv[2], "--random") == 0) {
    dau::TimeRandomShapes(spectral, std::atoi(argv[3]), argc > 4 ? std::atoi(argv[4]) : 1);
  } else {
    dau::TimeShapes(spectral ? DAU_ENGINE_FUNCTIONS(float, spectral) : DAU_ENGINE_FUNCTIONS(float, direct),
                    argc > 2 ? argv[2] : "");
  }
  return 0;
}
