// The engines by name, and what a caller may ask of the choice among them.
#ifndef DAU_CC_KERNELS_ENGINE_H_
#define DAU_CC_KERNELS_ENGINE_H_

#include <string>

namespace dau {

enum class Engine { kAuto, kReference, kDirect, kSpectral };
enum class Pass { kForward, kBackwardInput, kBackwardParams };

struct Options {
  Engine engine = Engine::kAuto;  // anything else forces it
  // Plan as for one image: an image alone and inside a batch gets the same bits. A forced engine does so anyway.
  bool ignore_batch = false;
};

constexpr const char* kEngineNames[] = {"auto", "reference", "direct", "spectral"};  // in the enum's order

inline const char* EngineName(Engine engine) { return kEngineNames[static_cast<int>(engine)]; }

// False when no engine is called so.
inline bool ParseEngine(const std::string& name, Engine* engine) {
  for (Engine candidate : {Engine::kAuto, Engine::kReference, Engine::kDirect, Engine::kSpectral}) {
    if (name != EngineName(candidate)) continue;
    *engine = candidate;
    return true;
  }
  return false;
}

}  // namespace dau

#endif  // DAU_CC_KERNELS_ENGINE_H_
