// A libFuzzer target over the library's front doors, dau_conv.h and general_conv.h: every case is refused with a
// message, or its result is right, within its memory, by any number of threads. `make fuzz` runs it under sanitizers;
// replay_test the seeds and some thousands of random cases without.
#include <cstdio>
#include <cstdlib>
#include <iomanip>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "cc/kernels/base/convert.h"
#include "hwy/highway.h"
#include "tests/fuzz/fuzz_call.h"
#include "tests/fuzz/fuzz_case.h"
#include "tests/fuzz/fuzz_expected.h"

namespace dau::fuzz {
namespace {

std::string Describe(const FuzzCase& c) {
  constexpr const char* kPasses[] = {"forward", "backward input", "backward params"};
  constexpr const char* kStorages[] = {"float", "double", "bfloat16", "float16"};
  const DauConvShape& s = c.shape;
  std::ostringstream text;
  text << kPasses[static_cast<int>(c.pass)] << (c.general ? ", general, " : ", ")
       << kStorages[static_cast<int>(c.storage)] << ", engine " << EngineName(c.options.engine) << ", layout "
       << static_cast<int>(c.layout) << ", instruction set " << c.instruction_set << ", threads " << c.threads
       << (c.options.ignore_batch ? ", ignore_batch" : "")
       << (c.kind == DisplacementGradient::kExact ? ", exact" : ", gaussian") << (c.with_sigma ? ", with sigma" : "")
       << ", against " << static_cast<int>(c.against) << "\nN=" << s.batch << " H=" << s.height << " W=" << s.width
       << " S=" << s.in_channels << " F=" << s.filters << " K=" << s.units << " strides=" << s.stride_h << ","
       << s.stride_w << " sigma=" << s.sigma << " max_sigma=" << s.max_sigma
       << (s.padding == Padding::kValid ? " valid" : " same") << " max_displacement=" << s.max_displacement
       << (s.format == DataFormat::kNCHW ? " NCHW" : " NHWC") << "\nreach=" << c.reach
       << (c.integers ? " integers" : "") << " seed=" << c.seed << " powers=" << c.x_power[0] << "," << c.x_power[1]
       << " " << c.weight_power[0] << "," << c.weight_power[1] << " " << c.dy_power[0] << "," << c.dy_power[1];
  for (const Special& special : c.specials) {
    text << " special(" << static_cast<int>(special.array) << ", " << special.index << ", " << special.value << ")";
  }
  text << "\n" << std::hex << std::setfill('0');
  for (const uint8_t byte : c.input) text << std::setw(2) << static_cast<int>(byte);
  return text.str();
}

[[noreturn]] void Fail(const FuzzCase& c, const std::string& what) {
  std::fprintf(stderr, "FAILED: %s\n%s\n", what.c_str(), Describe(c).c_str());
  std::abort();
}

void Require(const FuzzCase& c, bool good, const std::string& what) {
  if (!good) Fail(c, what);
}

// What a user reads: a name in backquotes or an environment, and what came.
void CheckRefusal(const FuzzCase& c, const std::string& message) {
  Require(c, message.size() > 20, "a refusal that says nothing: " + message);
}

template <typename S, typename R>
Call<S> MakeCall(const FuzzCase& c, const Arrays<R>& a, const S* x, const S* weight, const S* dy) {
  return {c, a.shape, a.range, x, weight, dy, a.displacement.data(), a.sigma.data()};
}
template <typename R>
Call<R> MakeCall(const FuzzCase& c, const Arrays<R>& a) {
  return MakeCall<R, R>(c, a, a.x.data(), a.weight.data(), a.dy.data());
}

template <typename S>
Result<S> Run(const FuzzCase& c, const Call<S>& call, int threads) {
  constexpr size_t kMostBytes = size_t{512} << 20;  // small calls need little scratch memory
  size_t bytes = 0;
  const bool served = call.Workspace(Pieces(threads), &bytes).ok();
  Require(c, !served || bytes <= kMostBytes, "scratch memory of " + std::to_string(bytes) + " bytes");
  bool intact = true;
  Result<S> result = call.Run(threads, &intact);
  Require(c, intact, "written behind the scratch memory");
  if (!result.refusal.empty()) {
    CheckRefusal(c, result.refusal);
    // Small calls are refused only where an engine is forced that has limits; an empty batch may have huge images.
    const DauConvShape& s = c.shape;
    const int64_t largest = std::max({s.height, s.width, s.in_channels, s.filters, s.units, s.stride_h, s.stride_w});
    Require(c, c.options.engine == Engine::kSpectral || largest > 1 << 15, "refused: " + result.refusal);
  }
  return result;
}

template <typename T>
bool SameBits(const std::vector<T>& one, const std::vector<T>& other) {
  return one.size() == other.size() &&
         (one.empty() || std::memcmp(one.data(), other.data(), one.size() * sizeof(T)) == 0);
}
template <typename S>
bool SameBits(const Result<S>& one, const Result<S>& other) {
  return SameBits(one.values, other.values) && SameBits(one.displacement, other.displacement) &&
         SameBits(one.sigma, other.sigma);
}

// The last image of a batch by itself.
template <typename R>
void CheckAlone(const FuzzCase& c, const Arrays<R>& a, const Result<R>& result) {
  Call<R> call = MakeCall(c, a);
  call.shape.batch = 1;
  const size_t size = result.values.size() / a.shape.batch, before = result.values.size() - size;
  call.x += InputCount(call.shape) * (a.shape.batch - 1);
  call.dy += OutputCount(call.shape) * (a.shape.batch - 1);
  const Result<R> alone = Run(c, call, c.threads);
  if (!alone.refusal.empty()) return;
  Require(c, SameBits(alone.values, {result.values.begin() + before, result.values.end()}),
          "an image has other bits alone than in its batch");
}

// result: of the arrays as they are.
template <typename R>
void CheckResult(const FuzzCase& c, const Arrays<R>& a, const Result<R>& result) {
  const bool independent = c.options.ignore_batch || c.options.engine != Engine::kAuto;
  if (c.against == Against::kOtherThreads) {
    Require(c, SameBits(Run(c, MakeCall(c, a), c.other_threads), result), "other bits with another number of threads");
  } else if (c.against == Against::kAlone && independent && c.pass != Pass::kBackwardParams && a.shape.batch > 1) {
    CheckAlone(c, a, result);
  }
  if (IsSafe(a, c.pass)) {
    if (c.against != Against::kReference || !IsQuick(a.shape)) return;
    const std::string wrong = CompareWithReference(c, a, result);
    Require(c, wrong.empty(), wrong);
  } else {
    const Arrays<R> clean = Clean(a);
    const std::string wrong = CompareWithClean(c, a, result, Run(c, MakeCall(c, clean), c.threads));
    Require(c, wrong.empty(), wrong);
  }
}

template <typename Half>
std::vector<Half> Narrow(const std::vector<float>& values) {
  std::vector<Half> halves(values.size());
  FromFloat(values.data(), static_cast<int64_t>(values.size()), halves.data(), Parallel());
  return halves;
}
template <typename Half>
std::vector<float> Widen(const std::vector<Half>& halves) {
  std::vector<float> values(halves.size());
  ToFloat(halves.data(), static_cast<int64_t>(halves.size()), values.data(), Parallel());
  return values;
}

// One NaN is as good as another.
bool SameValues(const std::vector<float>& one, const std::vector<float>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); });
}

template <typename S>
void CheckValues(const FuzzCase& c) {
  using R = Real<S>;
  Arrays<R> a(c);
  const bool finite = std::all_of(a.displacement.begin(), a.displacement.end(), [](R mu) { return std::isfinite(mu); });
  const Status found = FindDisplacementRange(a.shape, a.displacement.data(), &a.range);
  Require(c, found.ok() == finite, "displacements that are " + std::string(finite ? "" : "not ") + "finite");
  if (!finite) return CheckRefusal(c, found.message());
  if constexpr (std::is_same_v<S, R>) {
    const Result<R> result = Run(c, MakeCall(c, a), c.threads);
    if (result.refusal.empty()) CheckResult(c, a, result);
  } else {
    const std::vector<S> x = Narrow<S>(a.x), weight = Narrow<S>(a.weight), dy = Narrow<S>(a.dy);
    a.x = Widen(x);
    a.weight = Widen(weight);
    a.dy = Widen(dy);
    const Result<S> half = Run(c, MakeCall(c, a, x.data(), weight.data(), dy.data()), c.threads);
    const Result<R> result = Run(c, MakeCall(c, a), c.threads);
    Require(c, half.refusal.empty() == result.refusal.empty(), "refused in one precision only");
    if (!half.refusal.empty()) return;
    Require(c,
            SameValues(Widen(half.values), Widen(Narrow<S>(result.values))) &&
                SameValues(half.displacement, result.displacement) && SameValues(half.sigma, result.sigma),
            "16 bits are not the float result rounded once");
    CheckResult(c, a, result);
  }
}

// Of calls whose arrays would be too large only the plan is made: an error, or a size that has not overflowed.
template <typename S>
void CheckPlan(const FuzzCase& c) {
  DauConvShape units = c.shape;  // two units, for a range that this shape can have
  units.in_channels = units.filters = 1;
  units.units = 2;
  const double far = std::min(c.reach, 1e15);
  const double displacement[] = {-far, far / 2, -far / 3, far};
  Call<S> call{c, c.shape, {}, nullptr, nullptr, nullptr, nullptr, nullptr};
  Require(c, FindDisplacementRange(units, displacement, &call.range).ok(), "finite displacements are refused");
  size_t bytes = 0;
  if (const Status status = call.Workspace(Pieces(c.other_threads), &bytes); !status.ok()) {
    return CheckRefusal(c, status.message());
  }
  Require(c, bytes < size_t{1} << 63, "a workspace of " + std::to_string(bytes) + " bytes");
}

template <typename S>
void Check(const FuzzCase& c) {
  constexpr int64_t kMostElements = 20000, kWidestRadius = 40;
  // Transforms take up to half a megabyte of scratch memory for each unit of a pair, and half a minute for 2000 of
  // them.
  constexpr int64_t kMostUnits = 128;
  const DauConvShape& shape = c.shape;
  const bool many = shape.units > kMostUnits && (c.general || c.options.engine == Engine::kSpectral);
  if (!many && InputCount(shape) <= kMostElements && OutputCount(shape) <= kMostElements &&
      UnitCount(shape) <= kMostElements && SupportRadius(shape) <= kWidestRadius &&
      (c.options.engine != Engine::kReference || IsQuick(shape))) {
    CheckValues<S>(c);
  } else {
    CheckPlan<S>(c);
  }
}

int64_t InstructionSet(int64_t n) {
  std::vector<int64_t> sets;
  for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) sets.push_back(left & -left);
  return sets[n % static_cast<int64_t>(sets.size())];
}

void CheckCase(const FuzzCase& c) {
  if (const Status status = Validate(c.shape); !status.ok()) return CheckRefusal(c, status.message());
  hwy::SetSupportedTargetsForTest(0);
  hwy::SetSupportedTargetsForTest(InstructionSet(c.instruction_set));
  direct::ForceLayoutForTest(c.layout);
  switch (c.storage) {
    case Storage::kFloat:
      return Check<float>(c);
    case Storage::kDouble:
      return Check<double>(c);
    case Storage::kBFloat16:
      return Check<BFloat16>(c);
    case Storage::kFloat16:
      return Check<Float16>(c);
  }
}

}  // namespace
}  // namespace dau::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dau::fuzz::CheckCase(dau::fuzz::FuzzCase(data, size));
  return 0;
}
