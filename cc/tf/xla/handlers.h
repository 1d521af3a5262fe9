// What the handlers of the custom calls share: arrays, refusals, scratch memory, attributes.
#ifndef DAU_CC_TF_XLA_HANDLERS_H_
#define DAU_CC_TF_XLA_HANDLERS_H_

#include <new>
#include <string>

#include "cc/kernels/base/arena.h"
#include "cc/kernels/dau_conv_shape.h"
#include "cc/tf/dau_conv_args.h"
#include "cc/tf/dau_conv_options.h"
#include "cc/tf/xla/dau_conv_call.h"
#include "xla/ffi/api/c_api.h"
#include "xla/ffi/api/ffi.h"

namespace xla::ffi {
const XLA_FFI_Api* GetXlaFfiApi();  // xla/ffi/ffi_api.h declares it, and needs MLIR, which the wheel does not bring
}

namespace dau::tf {

namespace ffi = ::xla::ffi;
using Array = ffi::AnyBuffer;
using Result = ffi::Result<ffi::AnyBuffer>;

inline ffi::Error Refusal(const Status& status) { return ffi::Error::InvalidArgument(status.message()); }

// Scratch memory of one call. XLA's CPU client has no allocator to offer to a handler.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : data_(::operator new(bytes, kAlignment, std::nothrow)) {}
  ~Scratch() { ::operator delete(data_, kAlignment); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void* data() const { return data_; }

 private:
  static constexpr std::align_val_t kAlignment{Arena::kAlignment};
  void* data_;
};

inline ffi::Error OutOfMemory(size_t bytes) {
  return ffi::Error(ffi::ErrorCode::kResourceExhausted,
                    "no memory for " + std::to_string(bytes) + " bytes of scratch space");
}

// Of a call that our own kernel wrote: all of them are there. Returns the margin.
inline int64_t ReadAttributes(const ffi::Dictionary& attributes, DauConvShape* shape, DisplacementGradient* gradient) {
  for (const ShapeAttribute& attribute : kShapeAttributes) {
    shape->*attribute.field = attributes.get<int64_t>(attribute.name).value();
  }
  shape->padding = static_cast<Padding>(attributes.get<int64_t>(kPadding).value());
  shape->format = static_cast<DataFormat>(attributes.get<int64_t>(kFormat).value());
  shape->max_displacement = attributes.get<double>(kMaxDisplacement).value();
  *gradient = static_cast<DisplacementGradient>(attributes.get<int64_t>(kDisplacementGradient).value());
  shape->max_sigma = attributes.get<double>(kMaxSigma).value();
  return attributes.get<int64_t>(kMargin).value();
}

// The same of a call with a fixed sigma, checked. outputs: the elements of y or dy. With padding `valid` they hang on
// sigma, whose value comes only now.
inline Status ReadFixed(const ffi::Dictionary& attributes, double sigma, int64_t outputs, DauConvShape* shape,
                        DisplacementGradient* gradient, Options* options) {
  const int64_t margin = ReadAttributes(attributes, shape, gradient);
  shape->sigma = sigma;
  if (Status status = Validate(*shape); !status.ok()) return status;
  if (Status status = CheckMargin(*shape, margin); !status.ok()) return status;
  if (OutputCount(*shape) != outputs) {
    return InvalidArgument("padding `valid` with sigma=", sigma, " has ", OutputCount(*shape),
                           " outputs, and the cluster was compiled for ", outputs);
  }
  const absl::Status status = ReadOptions(options);
  return status.ok() ? Status() : Status(std::string(status.message()));
}

// Runs call(); without memory for the kernels' own lists the answer is an error, and not the end of the process.
template <typename Call>
ffi::Error GuardMemory(const Call& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "no memory is left for the lists of a call");
  }
}

// One handler for every type: RUN of what the weight is stored as.
#define DAU_BY_TYPE(WEIGHT, RUN, ...)                                                           \
  return GuardMemory([&] {                                                                      \
    switch ((WEIGHT).element_type()) {                                                          \
      case ffi::DataType::F16:                                                                  \
        return RUN<Float16>(__VA_ARGS__);                                                       \
      case ffi::DataType::BF16:                                                                 \
        return RUN<BFloat16>(__VA_ARGS__);                                                      \
      case ffi::DataType::F32:                                                                  \
        return RUN<float>(__VA_ARGS__);                                                         \
      case ffi::DataType::F64:                                                                  \
        return RUN<double>(__VA_ARGS__);                                                        \
      default:                                                                                  \
        return ffi::Error::InvalidArgument("`weight` must be half, bfloat16, float or double"); \
    }                                                                                           \
  })

inline auto ParametersFirst() { return ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().Arg<Array>().Arg<Array>().Arg<Array>(); }

}  // namespace dau::tf

#endif  // DAU_CC_TF_XLA_HANDLERS_H_
