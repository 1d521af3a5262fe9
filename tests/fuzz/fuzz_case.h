// A call of the library read out of bytes: any bytes are a case, and what a byte decides does not depend on later ones,
// so that a fuzzer's small change of the bytes is a small change of the call.
#ifndef DAU_TESTS_FUZZ_FUZZ_CASE_H_
#define DAU_TESTS_FUZZ_FUZZ_CASE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "cc/kernels/dau_conv.h"
#include "cc/kernels/direct/layout.h"

namespace dau::fuzz {

// Bytes as numbers; zeros follow their end.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  int64_t Byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  int64_t Below(int64_t n) { return Byte() % n; }
  bool OneIn(int64_t n) { return Byte() % n == n - 1; }
  uint64_t Word() {
    uint64_t word = 0;
    for (int i = 0; i < 8; ++i) word = word << 8 | static_cast<uint64_t>(Byte());
    return word;
  }
  template <typename T, size_t n>
  const T& Of(const T (&values)[n]) {
    return values[Below(n)];
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

enum class Storage { kFloat, kDouble, kBFloat16, kFloat16 };
enum class Array { kX, kWeight, kDy, kDisplacement };
// What a result is held to.
enum class Against { kReference, kOtherThreads, kAlone };

// What is written over an element: the index is taken modulo the array's size, the value is an entry of kSpecials or,
// of a displacement, of kPlaces.
struct Special {
  Array array;
  uint64_t index;
  int64_t value;
};

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
// kMax and kLeast stand for the largest number and the least denormal of the array's own type.
constexpr double kMax = 1e308, kLeast = 5e-324;
constexpr double kSpecials[] = {0, -0.0, 1, -1, kLeast, -kLeast, 1e-30, 1e30, -1e30, kMax, kNan, kInfinity, -kInfinity};
constexpr double kPlaces[] = {0,      -0.0,    1,  -1,  0.5,  -1.5,  1 - 1e-9, -1e-9,     1e-9,
                              1e-40,  -1e-40,  24, -24, 1e9,  -1e15, 1e30,     -kMax,     kMax,
                              kLeast, -kLeast, 3,  -7,  1e12, 99,    kNan,     kInfinity, -kInfinity};

struct FuzzCase {
  DauConvShape shape;
  bool general = false;  // a σ per unit
  Storage storage = Storage::kFloat;
  Options options;
  direct::Layout layout = direct::Layout::kCheapest;
  int64_t instruction_set = 0;  // the n-th of those that the machine has
  int threads = 1, other_threads = 2;
  Pass pass = Pass::kForward;
  DisplacementGradient kind = DisplacementGradient::kGaussian;
  bool with_sigma = true;  // ∂σ is asked for
  Against against = Against::kReference;
  double reach = 1;       // displacements are uniform in ±reach px …
  bool integers = false;  // … and then rounded
  uint64_t seed = 0;
  // Powers of ten of the even and the odd images of x, filters of the weights, images of dy.
  int64_t x_power[2] = {}, weight_power[2] = {}, dy_power[2] = {};
  std::vector<Special> specials;
  std::vector<uint8_t> input;  // what it was read from

  FuzzCase(const uint8_t* data, size_t size) : input(data, data + size) {
    Bytes bytes(data, size);
    ReadCall(&bytes);
    ReadShape(&bytes);
    ReadValues(&bytes);
  }

 private:
  void ReadCall(Bytes* bytes) {
    constexpr Engine kEngines[] = {Engine::kAuto, Engine::kDirect, Engine::kSpectral, Engine::kReference};
    constexpr direct::Layout kLayouts[] = {direct::Layout::kCheapest, direct::Layout::kPlanes, direct::Layout::kLanes};
    pass = static_cast<Pass>(bytes->Below(3));
    options.engine = bytes->Of(kEngines);
    layout = bytes->Of(kLayouts);
    storage = static_cast<Storage>(bytes->Below(4));
    general = bytes->OneIn(3);
    options.ignore_batch = bytes->OneIn(3);
    instruction_set = bytes->Byte();
    threads = static_cast<int>(1 + bytes->Below(4));
    other_threads = static_cast<int>(1 + bytes->Below(64));
    kind = bytes->OneIn(2) ? DisplacementGradient::kExact : DisplacementGradient::kGaussian;
    with_sigma = bytes->OneIn(2);
    constexpr Against kAgainst[] = {Against::kReference, Against::kReference, Against::kOtherThreads, Against::kAlone};
    against = bytes->Of(kAgainst);
  }

  // Of 256 values most are small; a few take eight more bytes, and may be anything.
  static int64_t Extent(Bytes* bytes, int64_t most) {
    const int64_t byte = bytes->Byte();
    if (byte < 200) return 1 + byte % most;
    if (byte < 250) return 1 + (byte - 200) * 4;
    const uint64_t word = bytes->Word();
    return static_cast<int64_t>(word >> word % 64);
  }

  static double Perimeter(Bytes* bytes) {
    constexpr double kSigmas[] = {0.5, 0.3, 0.8,  1.6,  1e-12, 0.05, 1.0 / 3, 2.7, 1e-300, 4,
                                  12,  0,   -0.5, kNan, 1e5,   1e6,  1e300,   30,  0.999,  kInfinity};
    const int64_t byte = bytes->Byte();
    return byte < 128 ? kSigmas[byte % 10] : kSigmas[byte % 20];
  }

  // Small shapes become small enough for the reference to answer in a millisecond.
  void Shrink() {
    constexpr int64_t kMostWork = 3000, kSmall = 1000;
    int64_t* const extents[] = {&shape.height,      &shape.width,   &shape.units,
                                &shape.in_channels, &shape.filters, &shape.batch};
    for (const int64_t* extent : extents) {
      if (*extent < 0 || *extent > kSmall) return;
    }
    while (true) {
      int64_t work = 1;
      int64_t* largest = extents[0];
      for (int64_t* extent : extents) {
        work *= std::max<int64_t>(1, *extent);
        if (*extent > *largest) largest = extent;
      }
      if (work <= kMostWork) return;
      *largest -= *largest / 3 + 1;
    }
  }

  void ReadShape(Bytes* bytes) {
    shape.batch = std::max(Extent(bytes, 4), std::numeric_limits<int64_t>::min() + 1) - 1;
    shape.height = Extent(bytes, 24);
    shape.width = Extent(bytes, 40);
    shape.in_channels = Extent(bytes, 9);
    shape.filters = Extent(bytes, 9);
    shape.units = Extent(bytes, 5);
    Shrink();
    const bool strided = bytes->OneIn(3);
    shape.stride_h = strided ? Extent(bytes, 4) : 1;
    shape.stride_w = strided ? Extent(bytes, 4) : 1;
    shape.format = bytes->OneIn(3) ? DataFormat::kNCHW : DataFormat::kNHWC;
    shape.sigma = Perimeter(bytes);
    shape.max_sigma = general || bytes->OneIn(4) ? shape.sigma : 0;
    if (shape.max_sigma > 0 && bytes->OneIn(2)) shape.max_sigma += 1;
    if (general) shape.sigma = shape.max_sigma;
    constexpr double kMargins[] = {2, 0, 1.5, 0.25, 4, 20, -1, 1e15, 1e300, kNan, kInfinity};
    if (bytes->OneIn(4)) {
      shape.padding = Padding::kValid;
      const int64_t byte = bytes->Byte();
      shape.max_displacement = byte < 200 ? kMargins[byte % 5] : kMargins[byte % 11];
      // Mostly there is something left.
      if (byte % 16 != 0 && shape.max_displacement >= 0 && shape.max_displacement <= 20 && shape.sigma <= 12) {
        const int64_t margin = Margin(shape);
        shape.height += shape.height < 1000 ? 2 * margin : 0;
        shape.width += shape.width < 1000 ? 2 * margin : 0;
      }
    }
  }

  void ReadValues(Bytes* bytes) {
    constexpr double kReaches[] = {2, 0.5, 4, 9, 25, 60, 0, 1e12};
    reach = bytes->Of(kReaches);
    integers = bytes->OneIn(5);
    seed = static_cast<uint64_t>(bytes->Byte());
    constexpr int64_t kPowers[] = {0, 30, -30, -38, 0};
    if (bytes->OneIn(3)) {
      for (int64_t* powers : {x_power, weight_power, dy_power}) {
        for (int i = 0; i < 2; ++i) powers[i] = bytes->Of(kPowers);
      }
    }
    for (int64_t count = bytes->Below(8) - 4; count > 0; --count) {
      Special special;
      special.array = static_cast<Array>(bytes->Below(4));
      special.index = static_cast<uint64_t>(bytes->Byte()) << 8 | static_cast<uint64_t>(bytes->Byte());
      special.value = bytes->Byte();
      specials.push_back(special);
    }
  }
};

}  // namespace dau::fuzz

#endif  // DAU_TESTS_FUZZ_FUZZ_CASE_H_
