#include "cc/kernels/general_conv.h"

#include <algorithm>
#include <vector>

#include "cc/kernels/countable.h"
#include "cc/kernels/displacement_blocks.h"
#include "cc/kernels/general_functions.h"
#include "cc/kernels/reference/general_reference_engine.h"
#include "cc/kernels/spectral/general_spectral.h"
#include "cc/kernels/stored_arrays.h"

namespace dau {
namespace {

template <typename R>
struct Plan {
  GeneralFunctions<R> functions;
  DauConvShape shape;                     // with near strides, and ignore_batch set as the options ask
  std::vector<DisplacementRange> blocks;  // computed one after the other, and added up
  size_t bytes = 0;                       // of the engine
  Status status;

  // For a result of its own of each block but the first.
  int64_t PartCount(int64_t count) const { return blocks.size() > 1 ? count : 0; }
};

// workspace(functions, shape, range, &bytes): the engine's own …Workspace. It depends on the arguments alone, so that
// …Workspace and the pass that follows plan the same.
template <typename R, typename Workspace>
Plan<R> MakePlan(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                 const Workspace& workspace) {
  constexpr int64_t kMostParts = 64;  // of each axis: as many as images have that fill memory
  Plan<R> plan;
  plan.shape = WithNearStrides(shape);
  plan.status = CheckCountable(plan.shape, range);
  if (!plan.status.ok()) return plan;
  plan.functions = DAU_GENERAL_FUNCTIONS(R, spectral);
  plan.shape.ignore_batch = options.engine != Engine::kAuto || options.ignore_batch;
  const auto serves = [&] {
    plan.bytes = 0;
    for (const DisplacementRange& block : plan.blocks) {
      size_t bytes = 0;
      plan.status = workspace(plan.functions, plan.shape, block, &bytes);
      if (!plan.status.ok()) return false;
      plan.bytes = std::max(plan.bytes, bytes);
    }
    return true;
  };
  for (int64_t parts = 1; options.engine != Engine::kReference && parts <= kMostParts; parts *= 2) {
    plan.blocks = DisplacementBlocks(plan.shape, range, parts);
    if (serves()) return plan;
  }
  if (options.engine == Engine::kSpectral) return plan;
  plan.functions = DAU_GENERAL_FUNCTIONS(R, reference);
  plan.blocks = {range};
  serves();
  return plan;
}

template <typename R>
Plan<R> PlanForward(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                    const Parallel& parallel) {
  return MakePlan<R>(options, shape, range,
                     [&](const GeneralFunctions<R>& engine, const DauConvShape& planned, const DisplacementRange& block,
                         size_t* bytes) { return engine.forward_workspace(planned, block, parallel, bytes); });
}

template <typename R>
Plan<R> PlanBackwardInput(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                          const Parallel& parallel) {
  return MakePlan<R>(options, shape, range,
                     [&](const GeneralFunctions<R>& engine, const DauConvShape& planned, const DisplacementRange& block,
                         size_t* bytes) { return engine.backward_input_workspace(planned, block, parallel, bytes); });
}

template <typename R>
Plan<R> PlanBackwardParams(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                           const Parallel& parallel) {
  return MakePlan<R>(options, shape, range,
                     [&](const GeneralFunctions<R>& engine, const DauConvShape& planned, const DisplacementRange& block,
                         size_t* bytes) { return engine.backward_params_workspace(planned, block, parallel, bytes); });
}

template <typename R>
void Add(const R* part, int64_t count, R* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += part[i];
}

// to = Σ_blocks run(block): `part` is used where there are several.
template <typename R, typename Run>
void SumOfBlocks(const Plan<R>& plan, int64_t count, R* to, R* part, const Run& run) {
  for (size_t i = 0; i < plan.blocks.size(); ++i) {
    run(plan.blocks[i], i == 0 ? to : part);
    if (i > 0) Add(part, count, to);
  }
}

}  // namespace

template <typename T>
Status GeneralForwardWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                               const Parallel& parallel, size_t* bytes) {
  const auto plan = PlanForward<Real<T>>(options, shape, range, parallel);
  Arena arena;
  arena.Take<Real<T>>(plan.PartCount(OutputCount(shape)));
  *bytes = plan.bytes + arena.used();
  StoredArrays<T>::AddBytes({InputCount(shape), UnitCount(shape), OutputCount(shape)}, bytes);
  return plan.status;
}

template <typename T>
void GeneralForward(const Options& options, const DauConvShape& shape, const DisplacementRange& range, const T* x,
                    const T* weight, const Real<T>* displacement, const Real<T>* sigma, T* y, void* workspace,
                    const Parallel& parallel) {
  using R = Real<T>;
  const auto plan = PlanForward<R>(options, shape, range, parallel);
  const int64_t count = OutputCount(shape);
  StoredArrays<T> arrays(workspace, parallel);
  const R* const real_x = arrays.Read(x, InputCount(shape));
  const R* const real_weight = arrays.Read(weight, UnitCount(shape));
  R* const real_y = arrays.Target(y, count);
  Arena arena(arrays.rest());
  R* const part = arena.Take<R>(plan.PartCount(count));
  void* const rest = arena.Take<char>(0);
  SumOfBlocks(plan, count, real_y, part, [&](const DisplacementRange& block, R* to) {
    plan.functions.forward(plan.shape, block, real_x, real_weight, displacement, sigma, to, rest, parallel);
  });
  arrays.Write(real_y, count, y);
}

template <typename T>
Status GeneralBackwardInputWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                                     const Parallel& parallel, size_t* bytes) {
  const auto plan = PlanBackwardInput<Real<T>>(options, shape, range, parallel);
  Arena arena;
  arena.Take<Real<T>>(plan.PartCount(InputCount(shape)));
  *bytes = plan.bytes + arena.used();
  StoredArrays<T>::AddBytes({UnitCount(shape), OutputCount(shape), InputCount(shape)}, bytes);
  return plan.status;
}

template <typename T>
void GeneralBackwardInput(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                          const T* weight, const Real<T>* displacement, const Real<T>* sigma, const T* dy, T* dx,
                          void* workspace, const Parallel& parallel) {
  using R = Real<T>;
  const auto plan = PlanBackwardInput<R>(options, shape, range, parallel);
  const int64_t count = InputCount(shape);
  StoredArrays<T> arrays(workspace, parallel);
  const R* const real_weight = arrays.Read(weight, UnitCount(shape));
  const R* const real_dy = arrays.Read(dy, OutputCount(shape));
  R* const real_dx = arrays.Target(dx, count);
  Arena arena(arrays.rest());
  R* const part = arena.Take<R>(plan.PartCount(count));
  void* const rest = arena.Take<char>(0);
  SumOfBlocks(plan, count, real_dx, part, [&](const DisplacementRange& block, R* to) {
    plan.functions.backward_input(plan.shape, block, real_weight, displacement, sigma, real_dy, to, rest, parallel);
  });
  arrays.Write(real_dx, count, dx);
}

template <typename T>
Status GeneralBackwardParamsWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                                      const Parallel& parallel, size_t* bytes) {
  const auto plan = PlanBackwardParams<Real<T>>(options, shape, range, parallel);
  Arena arena;
  arena.Take<Real<T>>(plan.PartCount(4 * UnitCount(shape)));
  *bytes = plan.bytes + arena.used();
  StoredArrays<T>::AddBytes({InputCount(shape), UnitCount(shape), OutputCount(shape), UnitCount(shape)}, bytes);
  return plan.status;
}

template <typename T>
void GeneralBackwardParams(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                           const T* x, const T* weight, const Real<T>* displacement, const Real<T>* sigma, const T* dy,
                           const ParamGradients<T>& gradients, void* workspace, const Parallel& parallel) {
  using R = Real<T>;
  const auto plan = PlanBackwardParams<R>(options, shape, range, parallel);
  const int64_t count = UnitCount(shape);
  StoredArrays<T> arrays(workspace, parallel);
  const R* const real_x = arrays.Read(x, InputCount(shape));
  const R* const real_weight = arrays.Read(weight, count);
  const R* const real_dy = arrays.Read(dy, OutputCount(shape));
  R* const d_weight = arrays.Target(gradients.weight, count);
  Arena arena(arrays.rest());
  R* const part = arena.Take<R>(plan.PartCount(4 * count));
  void* const rest = arena.Take<char>(0);
  const ParamGradients<R> sums{d_weight, gradients.displacement, gradients.sigma};
  for (size_t i = 0; i < plan.blocks.size(); ++i) {
    const ParamGradients<R> to = i == 0 ? sums : ParamGradients<R>{part, part + count, part + 3 * count};
    plan.functions.backward_params(plan.shape, plan.blocks[i], real_x, real_weight, displacement, sigma, real_dy, to,
                                   rest, parallel);
    if (i == 0) continue;
    Add(to.weight, count, sums.weight);
    Add(to.displacement, 2 * count, sums.displacement);
    Add(to.sigma, count, sums.sigma);
  }
  arrays.Write(d_weight, count, gradients.weight);
}

#define DAU_INSTANTIATE(T)                                                                                             \
  template Status GeneralForwardWorkspace<T>(const Options&, const DauConvShape&, const DisplacementRange&,            \
                                             const Parallel&, size_t*);                                                \
  template void GeneralForward<T>(const Options&, const DauConvShape&, const DisplacementRange&, const T*, const T*,   \
                                  const Real<T>*, const Real<T>*, T*, void*, const Parallel&);                         \
  template Status GeneralBackwardInputWorkspace<T>(const Options&, const DauConvShape&, const DisplacementRange&,      \
                                                   const Parallel&, size_t*);                                          \
  template void GeneralBackwardInput<T>(const Options&, const DauConvShape&, const DisplacementRange&, const T*,       \
                                        const Real<T>*, const Real<T>*, const T*, T*, void*, const Parallel&);         \
  template Status GeneralBackwardParamsWorkspace<T>(const Options&, const DauConvShape&, const DisplacementRange&,     \
                                                    const Parallel&, size_t*);                                         \
  template void GeneralBackwardParams<T>(const Options&, const DauConvShape&, const DisplacementRange&, const T*,      \
                                         const T*, const Real<T>*, const Real<T>*, const T*, const ParamGradients<T>&, \
                                         void*, const Parallel&)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
DAU_INSTANTIATE(BFloat16);
DAU_INSTANTIATE(Float16);
#undef DAU_INSTANTIATE

}  // namespace dau
