#include "cc/kernels/reference/general_reference_engine.h"

#include <algorithm>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/reference/general_reference.h"

namespace dau::reference {
namespace {

// Every array of a call in double; a pass may overwrite what it does not read.
struct Doubles {
  double *x, *y, *weight, *displacement, *sigma, *gradients;
  int64_t units;

  Doubles(const DauConvShape& shape, Arena&& arena)
      : x(arena.Take<double>(InputCount(shape))),
        y(arena.Take<double>(OutputCount(shape))),
        weight(arena.Take<double>(UnitCount(shape))),
        displacement(arena.Take<double>(2 * UnitCount(shape))),
        sigma(arena.Take<double>(UnitCount(shape))),
        gradients(arena.Take<double>(4 * UnitCount(shape))),
        units(UnitCount(shape)) {}

  template <typename T>
  void SetUnits(const T* from_weight, const T* from_displacement, const T* from_sigma) {
    std::copy_n(from_weight, units, weight);
    std::copy_n(from_displacement, 2 * units, displacement);
    std::copy_n(from_sigma, units, sigma);
  }
};

Status Bytes(const DauConvShape& shape, size_t* bytes) {
  Arena arena;
  arena.Take<double>(InputCount(shape) + OutputCount(shape) + 8 * UnitCount(shape));
  *bytes = arena.used() + 6 * Arena::kAlignment;  // each array may end within a line
  return Status();
}

}  // namespace

template <typename T>
Status GeneralForwardWorkspace(const DauConvShape& shape, const DisplacementRange&, const Parallel&, size_t* bytes) {
  return Bytes(shape, bytes);
}

template <typename T>
void GeneralForward(const DauConvShape& shape, const DisplacementRange&, const T* x, const T* weight,
                    const T* displacement, const T* sigma, T* y, void* workspace, const Parallel&) {
  Doubles doubles(shape, Arena(workspace));
  doubles.SetUnits(weight, displacement, sigma);
  std::copy_n(x, InputCount(shape), doubles.x);
  GeneralForward(shape, doubles.x, doubles.weight, doubles.displacement, doubles.sigma, doubles.y);
  std::copy_n(doubles.y, OutputCount(shape), y);
}

template <typename T>
Status GeneralBackwardInputWorkspace(const DauConvShape& shape, const DisplacementRange&, const Parallel&,
                                     size_t* bytes) {
  return Bytes(shape, bytes);
}

template <typename T>
void GeneralBackwardInput(const DauConvShape& shape, const DisplacementRange&, const T* weight, const T* displacement,
                          const T* sigma, const T* dy, T* dx, void* workspace, const Parallel&) {
  Doubles doubles(shape, Arena(workspace));
  doubles.SetUnits(weight, displacement, sigma);
  std::copy_n(dy, OutputCount(shape), doubles.y);
  GeneralBackwardInput(shape, doubles.weight, doubles.displacement, doubles.sigma, doubles.y, doubles.x);
  std::copy_n(doubles.x, InputCount(shape), dx);
}

template <typename T>
Status GeneralBackwardParamsWorkspace(const DauConvShape& shape, const DisplacementRange&, const Parallel&,
                                      size_t* bytes) {
  return Bytes(shape, bytes);
}

template <typename T>
void GeneralBackwardParams(const DauConvShape& shape, const DisplacementRange&, const T* x, const T* weight,
                           const T* displacement, const T* sigma, const T* dy, const ParamGradients<T>& gradients,
                           void* workspace, const Parallel&) {
  Doubles doubles(shape, Arena(workspace));
  doubles.SetUnits(weight, displacement, sigma);
  std::copy_n(x, InputCount(shape), doubles.x);
  std::copy_n(dy, OutputCount(shape), doubles.y);
  double* const of_displacement = doubles.gradients + doubles.units;
  double* const of_sigma = of_displacement + 2 * doubles.units;
  GeneralBackwardParams(shape, doubles.x, doubles.weight, doubles.displacement, doubles.sigma, doubles.y,
                        {doubles.gradients, of_displacement, of_sigma});
  std::copy_n(doubles.gradients, doubles.units, gradients.weight);
  std::copy_n(of_displacement, 2 * doubles.units, gradients.displacement);
  if (gradients.sigma != nullptr) std::copy_n(of_sigma, doubles.units, gradients.sigma);
}

#define DAU_INSTANTIATE(T)                                                                                             \
  template Status GeneralForwardWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&, size_t*); \
  template void GeneralForward<T>(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*,         \
                                  const T*, T*, void*, const Parallel&);                                               \
  template Status GeneralBackwardInputWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&,     \
                                                   size_t*);                                                           \
  template void GeneralBackwardInput<T>(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*,   \
                                        const T*, T*, void*, const Parallel&);                                         \
  template Status GeneralBackwardParamsWorkspace<T>(const DauConvShape&, const DisplacementRange&, const Parallel&,    \
                                                    size_t*);                                                          \
  template void GeneralBackwardParams<T>(const DauConvShape&, const DisplacementRange&, const T*, const T*, const T*,  \
                                         const T*, const T*, const ParamGradients<T>&, void*, const Parallel&)
DAU_INSTANTIATE(float);
DAU_INSTANTIATE(double);
#undef DAU_INSTANTIATE

}  // namespace dau::reference
