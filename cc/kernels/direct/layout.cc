#include "cc/kernels/direct/layout.h"

#include <atomic>

namespace dau::direct {
namespace {

std::atomic<Layout> forced{Layout::kCheapest};

}  // namespace

void ForceLayoutForTest(Layout layout) { forced.store(layout); }
Layout ForcedLayout() { return forced.load(); }

}  // namespace dau::direct
