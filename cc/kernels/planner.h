// Which engine computes a pass fastest.
#ifndef DAU_CC_KERNELS_PLANNER_H_
#define DAU_CC_KERNELS_PLANNER_H_

#include <cstdint>

#include "cc/kernels/dau_conv_shape.h"
#include "cc/kernels/engine.h"

namespace dau {

// Never kAuto. With shape.ignore_batch the batch size has no part in it. element_bytes: 4 or 8, of what the engine
// computes in. `kind` matters to Pass::kBackwardParams only.
Engine ChooseEngine(Pass pass, const DauConvShape& shape, const DisplacementRange& range, DisplacementGradient kind,
                    int64_t element_bytes);

}  // namespace dau

#endif  // DAU_CC_KERNELS_PLANNER_H_
