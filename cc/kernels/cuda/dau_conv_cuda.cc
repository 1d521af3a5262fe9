#include "cc/kernels/cuda/dau_conv_cuda.h"

#include "cc/kernels/cuda/cost.h"
#include "cc/kernels/cuda/dau_conv_direct.h"
#include "cc/kernels/cuda/dau_conv_spectral.h"

namespace dau::cuda {
namespace {

struct Choice {
  Engine form = Engine::kDirect;
  DauConvShape shape;  // with near strides, and ignore_batch set as the options ask
};

Choice Choose(const Options& options, Pass pass, DisplacementGradient kind, const DauConvShape& shape,
              size_t real_bytes) {
  Choice choice = {options.engine, WithNearStrides(shape)};
  const bool forced = options.engine != Engine::kAuto;
  choice.shape.ignore_batch = shape.ignore_batch || forced || options.ignore_batch;
  if (!forced) choice.form = ChooseForm(pass, kind, choice.shape, real_bytes);
  return choice;
}

// direct() or spectral(), whichever is chosen, with the shape as planned.
template <typename Direct, typename Spectral>
Status Call(const Choice& choice, const Direct& direct, const Spectral& spectral) {
  if (choice.form == Engine::kDirect) return direct(choice.shape);
  if (choice.form == Engine::kSpectral) return spectral(choice.shape);
  return InvalidArgument("on a GPU the engine must be auto, direct or spectral. Received: ", EngineName(choice.form));
}

}  // namespace

template <typename T>
Status ForwardWorkspace(const Options& options, const DauConvShape& shape, size_t* bytes) {
  return Call(
      Choose(options, Pass::kForward, {}, shape, sizeof(Real<T>)),
      [&](const DauConvShape& planned) { return direct::ForwardWorkspace<T>(planned, bytes); },
      [&](const DauConvShape& planned) { return spectral::ForwardWorkspace<T>(planned, bytes); });
}

template <typename T>
Status Forward(const Options& options, const DauConvShape& shape, const T* x, const T* weight,
               const Real<T>* displacement, T* y, void* workspace, cudaStream_t stream) {
  return Call(
      Choose(options, Pass::kForward, {}, shape, sizeof(Real<T>)),
      [&](const DauConvShape& planned) {
        return direct::Forward<T>(planned, x, weight, displacement, y, workspace, stream);
      },
      [&](const DauConvShape& planned) {
        return spectral::Forward<T>(planned, x, weight, displacement, y, workspace, stream);
      });
}

template <typename T>
Status BackwardInputWorkspace(const Options& options, const DauConvShape& shape, size_t* bytes) {
  return Call(
      Choose(options, Pass::kBackwardInput, {}, shape, sizeof(Real<T>)),
      [&](const DauConvShape& planned) { return direct::BackwardInputWorkspace<T>(planned, bytes); },
      [&](const DauConvShape& planned) { return spectral::BackwardInputWorkspace<T>(planned, bytes); });
}

template <typename T>
Status BackwardInput(const Options& options, const DauConvShape& shape, const T* weight, const Real<T>* displacement,
                     const T* dy, T* dx, void* workspace, cudaStream_t stream) {
  return Call(
      Choose(options, Pass::kBackwardInput, {}, shape, sizeof(Real<T>)),
      [&](const DauConvShape& planned) {
        return direct::BackwardInput<T>(planned, weight, displacement, dy, dx, workspace, stream);
      },
      [&](const DauConvShape& planned) {
        return spectral::BackwardInput<T>(planned, weight, displacement, dy, dx, workspace, stream);
      });
}

template <typename T>
Status BackwardParamsWorkspace(const Options& options, const DauConvShape& shape, DisplacementGradient kind, bool sigma,
                               size_t* bytes) {
  return Call(
      Choose(options, Pass::kBackwardParams, kind, shape, sizeof(Real<T>)),
      [&](const DauConvShape& planned) { return direct::BackwardParamsWorkspace<T>(planned, kind, sigma, bytes); },
      [&](const DauConvShape& planned) { return spectral::BackwardParamsWorkspace<T>(planned, kind, sigma, bytes); });
}

template <typename T>
Status BackwardParams(const Options& options, const DauConvShape& shape, DisplacementGradient kind, const T* x,
                      const T* weight, const Real<T>* displacement, const T* dy, const ParamGradients<T>& gradients,
                      void* workspace, cudaStream_t stream) {
  return Call(
      Choose(options, Pass::kBackwardParams, kind, shape, sizeof(Real<T>)),
      [&](const DauConvShape& planned) {
        return direct::BackwardParams<T>(planned, kind, x, weight, displacement, dy, gradients, workspace, stream);
      },
      [&](const DauConvShape& planned) {
        return spectral::BackwardParams<T>(planned, kind, x, weight, displacement, dy, gradients, workspace, stream);
      });
}

#define DAU_INSTANTIATE(T)                                                                                             \
  template Status ForwardWorkspace<T>(const Options&, const DauConvShape&, size_t*);                                   \
  template Status Forward<T>(const Options&, const DauConvShape&, const T*, const T*, const Real<T>*, T*, void*,       \
                             cudaStream_t);                                                                            \
  template Status BackwardInputWorkspace<T>(const Options&, const DauConvShape&, size_t*);                             \
  template Status BackwardInput<T>(const Options&, const DauConvShape&, const T*, const Real<T>*, const T*, T*, void*, \
                                   cudaStream_t);                                                                      \
  template Status BackwardParamsWorkspace<T>(const Options&, const DauConvShape&, DisplacementGradient, bool,          \
                                             size_t*);                                                                 \
  template Status BackwardParams<T>(const Options&, const DauConvShape&, DisplacementGradient, const T*, const T*,     \
                                    const Real<T>*, const T*, const ParamGradients<T>&, void*, cudaStream_t)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
DAU_INSTANTIATE(BFloat16);
DAU_INSTANTIATE(Float16);
#undef DAU_INSTANTIATE

}  // namespace dau::cuda
