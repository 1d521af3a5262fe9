#include "cc/kernels/direct/work.h"

#include <cstddef>

namespace dau::direct {

double Nanoseconds(WorkKind kind, const Work& work) {
  // Fitted; nanoseconds for each count.
  static constexpr Work kRates[] = {
      {0.38, 1, 0.2, 4, 2, 15, 2000, 0.5},  {7, 4, 4, 3, 3, 15, 2000, 0.5},    {0.8, 15, 0, 4, 4, 15, 2000, 0.5},
      {0.55, 12, 0.3, 3, 3, 15, 2000, 0.5}, {1.7, 25, 0, 4, 4, 15, 2000, 0.5}, {0.45, 10, 0.3, 3, 3, 15, 2000, 0.5},
  };
  double sum = 0;
  for (size_t i = 0; i < work.size(); ++i) sum += kRates[static_cast<int>(kind)][i] * work[i];
  return sum;
}

}  // namespace dau::direct
