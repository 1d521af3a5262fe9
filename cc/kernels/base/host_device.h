// Marks what CUDA kernels call as well: one formula for both sides.
#ifndef DAU_CC_KERNELS_BASE_HOST_DEVICE_H_
#define DAU_CC_KERNELS_BASE_HOST_DEVICE_H_

#ifdef __CUDACC__
#define DAU_HOST_DEVICE __host__ __device__
#else
#define DAU_HOST_DEVICE
#endif

#endif  // DAU_CC_KERNELS_BASE_HOST_DEVICE_H_
