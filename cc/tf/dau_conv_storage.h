// What the library calls TensorFlow's types.
#ifndef DAU_CC_TF_DAU_CONV_STORAGE_H_
#define DAU_CC_TF_DAU_CONV_STORAGE_H_

#include "cc/kernels/base/half.h"
#include "tensorflow/core/framework/tensor.h"

namespace dau::tf {

template <typename T>
struct StorageOf {
  using Type = T;
};
template <>
struct StorageOf<Eigen::half> {
  using Type = Float16;
};
template <>
struct StorageOf<Eigen::bfloat16> {
  using Type = BFloat16;
};
static_assert(sizeof(Eigen::half) == sizeof(Float16) && sizeof(Eigen::bfloat16) == sizeof(BFloat16));

template <typename T>
const typename StorageOf<T>::Type* Data(const tensorflow::Tensor& tensor) {
  return reinterpret_cast<const typename StorageOf<T>::Type*>(tensor.flat<T>().data());
}
template <typename T>
typename StorageOf<T>::Type* Data(tensorflow::Tensor* tensor) {
  return reinterpret_cast<typename StorageOf<T>::Type*>(tensor->flat<T>().data());
}

}  // namespace dau::tf

#endif  // DAU_CC_TF_DAU_CONV_STORAGE_H_
