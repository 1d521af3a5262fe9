// The two memory layouts of the direct engine's passes, and which one serves a call.
#ifndef DAU_CC_KERNELS_DIRECT_LAYOUT_H_
#define DAU_CC_KERNELS_DIRECT_LAYOUT_H_

namespace dau::direct {

// kPlanes (planes.h) serves everything. kLanes (lanes.h) serves stride 1, best where displacements are small. Sums are
// added in the same order in both, so that the forward pass and the input gradient have the same bits.
enum class Layout { kCheapest, kPlanes, kLanes };

// Overrides the choice, where the layout serves the call at all.
void ForceLayoutForTest(Layout layout);
Layout ForcedLayout();

}  // namespace dau::direct

#endif  // DAU_CC_KERNELS_DIRECT_LAYOUT_H_
