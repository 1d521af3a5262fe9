#include "cc/kernels/reference/reference_engine.h"

#include <algorithm>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/reference/dau_conv_reference.h"

namespace dau::reference {
namespace {

// Every array of a call in double; a pass may overwrite what it does not read.
struct Doubles {
  double *x, *y, *weight, *displacement, *d_weight, *d_displacement;
  int64_t units;

  Doubles(const DauConvShape& shape, Arena* arena)
      : x(arena->Take<double>(InputCount(shape))),
        y(arena->Take<double>(OutputCount(shape))),
        weight(arena->Take<double>(UnitCount(shape))),
        displacement(arena->Take<double>(2 * UnitCount(shape))),
        d_weight(arena->Take<double>(UnitCount(shape))),
        d_displacement(arena->Take<double>(2 * UnitCount(shape))),
        units(UnitCount(shape)) {}

  template <typename T>
  void SetUnits(const T* from_weight, const T* from_displacement) {
    std::copy_n(from_weight, units, weight);
    std::copy_n(from_displacement, 2 * units, displacement);
  }
};

Status Bytes(const DauConvShape& shape, size_t* bytes) {
  Arena arena;
  Doubles(shape, &arena);
  *bytes = arena.used();
  return Status();
}

Doubles Workspace(const DauConvShape& shape, void* workspace) {
  Arena arena(workspace);
  return Doubles(shape, &arena);
}

}  // namespace

template <typename T>
Status ForwardWorkspace(const DauConvShape& shape, const DisplacementRange&, const Parallel&, size_t* bytes) {
  return Bytes(shape, bytes);
}

template <typename T>
void Forward(const DauConvShape& shape, const DisplacementRange&, const T* x, const T* weight, const T* displacement,
             T* y, void* workspace, const Parallel&) {
  Doubles doubles = Workspace(shape, workspace);
  doubles.SetUnits(weight, displacement);
  std::copy_n(x, InputCount(shape), doubles.x);
  Forward(shape, doubles.x, doubles.weight, doubles.displacement, doubles.y);
  std::copy_n(doubles.y, OutputCount(shape), y);
}

template <typename T>
Status BackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange&, const Parallel&, size_t* bytes) {
  return Bytes(shape, bytes);
}

template <typename T>
void BackwardInput(const DauConvShape& shape, const DisplacementRange&, const T* weight, const T* displacement,
                   const T* dy, T* dx, void* workspace, const Parallel&) {
  Doubles doubles = Workspace(shape, workspace);
  doubles.SetUnits(weight, displacement);
  std::copy_n(dy, OutputCount(shape), doubles.y);
  BackwardInput(shape, doubles.weight, doubles.displacement, doubles.y, doubles.x);
  std::copy_n(doubles.x, InputCount(shape), dx);
}

template <typename T>
Status BackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange&, DisplacementGradient, bool,
                               const Parallel&, size_t* bytes) {
  return Bytes(shape, bytes);
}

template <typename T>
void BackwardParams(const DauConvShape& shape, const DisplacementRange&, DisplacementGradient kind, const T* x,
                    const T* weight, const T* displacement, const T* dy, const ParamGradients<T>& gradients,
                    void* workspace, const Parallel&) {
  Doubles doubles = Workspace(shape, workspace);
  doubles.SetUnits(weight, displacement);
  std::copy_n(x, InputCount(shape), doubles.x);
  std::copy_n(dy, OutputCount(shape), doubles.y);
  double sigma;
  BackwardParams(shape, kind, doubles.x, doubles.weight, doubles.displacement, doubles.y,
                 {doubles.d_weight, doubles.d_displacement, gradients.sigma == nullptr ? nullptr : &sigma});
  std::copy_n(doubles.d_weight, doubles.units, gradients.weight);
  std::copy_n(doubles.d_displacement, 2 * doubles.units, gradients.displacement);
  if (gradients.sigma != nullptr) *gradients.sigma = static_cast<T>(sigma);
}

#define DAU_INSTANTIATE(T)                                                                                            \
  template Status ForwardWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*);       \
  template void Forward<T>(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, T*, void*,    \
                           const Parallel&);                                                                          \
  template Status BackwardInputWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*); \
  template void BackwardInput<T>(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*, T*,     \
                                 void*, const Parallel&);                                                             \
  template Status BackwardParamsWorkspace<T>(const DauConvShape&, const DisplacementRange&, DisplacementGradient,     \
                                             bool, const Parallel&, size_t*);                                         \
  template void BackwardParams<T>(const DauConvShape&, const DisplacementRange&, DisplacementGradient, const T*,      \
                                  const T*, const T*, const T*, const ParamGradients<T>&, void*, const Parallel&)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
#undef DAU_INSTANTIATE

}  // namespace dau::reference
