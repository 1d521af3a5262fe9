#include "cc/kernels/dau_conv.h"

#include "cc/kernels/countable.h"
#include "cc/kernels/direct/dau_conv_direct.h"
#include "cc/kernels/engine_functions.h"
#include "cc/kernels/no_images.h"
#include "cc/kernels/planner.h"
#include "cc/kernels/reference/reference_engine.h"
#include "cc/kernels/spectral/dau_conv_spectral.h"
#include "cc/kernels/stored_arrays.h"

namespace dau {
namespace {

template <typename R>
struct Entry {
  Engine engine;
  EngineFunctions<R> functions;
};

template <typename R>
constexpr EngineFunctions<R> kNoImages = DAU_ENGINE_FUNCTIONS(R, no_images);

// The one table of engines; what the planner's choice can't serve goes to the first that can.
template <typename R>
constexpr Entry<R> kEngines[] = {
    {Engine::kDirect, DAU_ENGINE_FUNCTIONS(R, direct)},
    {Engine::kSpectral, DAU_ENGINE_FUNCTIONS(R, spectral)},
    {Engine::kReference, DAU_ENGINE_FUNCTIONS(R, reference)},
};

template <typename R>
struct Choice {
  DauConvShape shape;  // with near strides, and ignore_batch set as the options ask
  const EngineFunctions<R>* functions = nullptr;
  size_t bytes = 0;
  Status status;
};

// workspace(functions, shape, &bytes): the engine's own …Workspace. It depends on the arguments alone, so that
// …Workspace and the pass that follows choose the same.
template <typename R, typename Workspace>
Choice<R> Choose(const Options& options, Pass pass, const DauConvShape& shape, const DisplacementRange& range,
                 DisplacementGradient kind, const Workspace& workspace) {
  Choice<R> choice;
  choice.shape = WithNearStrides(shape);
  choice.status = CheckCountable(choice.shape, range);
  if (!choice.status.ok()) return choice;
  if (shape.batch == 0) {
    choice.functions = &kNoImages<R>;
    return choice;
  }
  const bool forced = options.engine != Engine::kAuto;
  choice.shape.ignore_batch = forced || options.ignore_batch;
  const Engine first = forced ? options.engine : ChooseEngine(pass, choice.shape, range, kind, sizeof(R));
  choice.status = InvalidArgument("it is not part of this build");
  const auto serves = [&](const Entry<R>& entry) {
    choice.functions = &entry.functions;
    choice.status = workspace(entry.functions, choice.shape, &choice.bytes);
    return choice.status.ok();
  };
  for (const Entry<R>& entry : kEngines<R>) {
    if (entry.engine == first && serves(entry)) return choice;
  }
  if (forced) {
    choice.status =
        InvalidArgument("the engine `", EngineName(first), "` can't compute this call: ", choice.status.message());
    return choice;
  }
  const Status refusal = choice.status;
  for (const Entry<R>& entry : kEngines<R>) {
    // Not the reference: hours instead of an error are no service.
    if (entry.engine != first && entry.engine != Engine::kReference && serves(entry)) return choice;
  }
  choice.status = refusal;
  return choice;
}

template <typename R>
Choice<R> ChooseForward(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                        const Parallel& parallel) {
  return Choose<R>(options, Pass::kForward, shape, range, {},
                   [&](const EngineFunctions<R>& engine, const DauConvShape& planned, size_t* bytes) {
                     return engine.forward_workspace(planned, range, parallel, bytes);
                   });
}

template <typename R>
Choice<R> ChooseBackwardInput(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                              const Parallel& parallel) {
  return Choose<R>(options, Pass::kBackwardInput, shape, range, {},
                   [&](const EngineFunctions<R>& engine, const DauConvShape& planned, size_t* bytes) {
                     return engine.backward_input_workspace(planned, range, parallel, bytes);
                   });
}

template <typename R>
Choice<R> ChooseBackwardParams(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                               DisplacementGradient kind, bool sigma, const Parallel& parallel) {
  return Choose<R>(options, Pass::kBackwardParams, shape, range, kind,
                   [&](const EngineFunctions<R>& engine, const DauConvShape& planned, size_t* bytes) {
                     return engine.backward_params_workspace(planned, range, kind, sigma, parallel, bytes);
                   });
}

}  // namespace

template <typename T>
Status ForwardWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                        const Parallel& parallel, size_t* bytes) {
  const auto choice = ChooseForward<Real<T>>(options, shape, range, parallel);
  *bytes = choice.bytes;
  StoredArrays<T>::AddBytes({InputCount(shape), UnitCount(shape), OutputCount(shape)}, bytes);
  return choice.status;
}

template <typename T>
void Forward(const Options& options, const DauConvShape& shape, const DisplacementRange& range, const T* x,
             const T* weight, const Real<T>* displacement, T* y, void* workspace, const Parallel& parallel) {
  const auto choice = ChooseForward<Real<T>>(options, shape, range, parallel);
  StoredArrays<T> arrays(workspace, parallel);
  const Real<T>* const real_x = arrays.Read(x, InputCount(shape));
  const Real<T>* const real_weight = arrays.Read(weight, UnitCount(shape));
  Real<T>* const real_y = arrays.Target(y, OutputCount(shape));
  choice.functions->forward(choice.shape, range, real_x, real_weight, displacement, real_y, arrays.rest(), parallel);
  arrays.Write(real_y, OutputCount(shape), y);
}

template <typename T>
Status BackwardInputWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                              const Parallel& parallel, size_t* bytes) {
  const auto choice = ChooseBackwardInput<Real<T>>(options, shape, range, parallel);
  *bytes = choice.bytes;
  StoredArrays<T>::AddBytes({UnitCount(shape), OutputCount(shape), InputCount(shape)}, bytes);
  return choice.status;
}

template <typename T>
void BackwardInput(const Options& options, const DauConvShape& shape, const DisplacementRange& range, const T* weight,
                   const Real<T>* displacement, const T* dy, T* dx, void* workspace, const Parallel& parallel) {
  const auto choice = ChooseBackwardInput<Real<T>>(options, shape, range, parallel);
  StoredArrays<T> arrays(workspace, parallel);
  const Real<T>* const real_weight = arrays.Read(weight, UnitCount(shape));
  const Real<T>* const real_dy = arrays.Read(dy, OutputCount(shape));
  Real<T>* const real_dx = arrays.Target(dx, InputCount(shape));
  choice.functions->backward_input(choice.shape, range, real_weight, displacement, real_dy, real_dx, arrays.rest(),
                                   parallel);
  arrays.Write(real_dx, InputCount(shape), dx);
}

template <typename T>
Status BackwardParamsWorkspace(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                               DisplacementGradient kind, bool sigma, const Parallel& parallel, size_t* bytes) {
  const auto choice = ChooseBackwardParams<Real<T>>(options, shape, range, kind, sigma, parallel);
  *bytes = choice.bytes;
  StoredArrays<T>::AddBytes({InputCount(shape), UnitCount(shape), OutputCount(shape), UnitCount(shape)}, bytes);
  return choice.status;
}

template <typename T>
void BackwardParams(const Options& options, const DauConvShape& shape, const DisplacementRange& range,
                    DisplacementGradient kind, const T* x, const T* weight, const Real<T>* displacement, const T* dy,
                    const ParamGradients<T>& gradients, void* workspace, const Parallel& parallel) {
  const bool sigma = gradients.sigma != nullptr;
  const auto choice = ChooseBackwardParams<Real<T>>(options, shape, range, kind, sigma, parallel);
  StoredArrays<T> arrays(workspace, parallel);
  const Real<T>* const real_x = arrays.Read(x, InputCount(shape));
  const Real<T>* const real_weight = arrays.Read(weight, UnitCount(shape));
  const Real<T>* const real_dy = arrays.Read(dy, OutputCount(shape));
  Real<T>* const d_weight = arrays.Target(gradients.weight, UnitCount(shape));
  choice.functions->backward_params(choice.shape, range, kind, real_x, real_weight, displacement, real_dy,
                                    {d_weight, gradients.displacement, gradients.sigma}, arrays.rest(), parallel);
  arrays.Write(d_weight, UnitCount(shape), gradients.weight);
}

#define DAU_INSTANTIATE(T)                                                                                             \
  template Status ForwardWorkspace<T>(const Options&, const DauConvShape&, const DisplacementRange&, const Parallel&,  \
                                      size_t*);                                                                        \
  template void Forward<T>(const Options&, const DauConvShape&, const DisplacementRange&, const T*, const T*,          \
                           const Real<T>*, T*, void*, const Parallel&);                                                \
  template Status BackwardInputWorkspace<T>(const Options&, const DauConvShape&, const DisplacementRange&,             \
                                            const Parallel&, size_t*);                                                 \
  template void BackwardInput<T>(const Options&, const DauConvShape&, const DisplacementRange&, const T*,              \
                                 const Real<T>*, const T*, T*, void*, const Parallel&);                                \
  template Status BackwardParamsWorkspace<T>(const Options&, const DauConvShape&, const DisplacementRange&,            \
                                             DisplacementGradient, bool, const Parallel&, size_t*);                    \
  template void BackwardParams<T>(const Options&, const DauConvShape&, const DisplacementRange&, DisplacementGradient, \
                                  const T*, const T*, const Real<T>*, const T*, const ParamGradients<T>&, void*,       \
                                  const Parallel&)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
DAU_INSTANTIATE(BFloat16);
DAU_INSTANTIATE(Float16);
#undef DAU_INSTANTIATE

}  // namespace dau
