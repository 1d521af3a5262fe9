// Runs the fuzz target without a fuzzer: the seeds of seeds.txt, then random changes of them, the same on each run.
//
//   replay_test seeds.txt 4000
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;

// A case a line, in hexadecimal; '#' begins a comment.
std::vector<Input> ReadSeeds(const char* path) {
  std::ifstream file(path);
  std::vector<Input> seeds;
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find_first_of(" #"));
    Input input;
    for (size_t i = 0; i + 1 < line.size(); i += 2) {
      input.push_back(static_cast<uint8_t>(std::stoi(line.substr(i, 2), nullptr, 16)));
    }
    if (!input.empty()) seeds.push_back(input);
  }
  return seeds;
}

void Mutate(std::mt19937_64* random, const std::vector<Input>& seeds, Input* input) {
  for (uint64_t changes = 1 + (*random)() % 4; changes > 0; --changes) {
    switch ((*random)() % 4) {
      case 0:
        input->push_back(static_cast<uint8_t>((*random)()));
        break;
      case 1: {  // the end of another
        const Input& other = seeds[(*random)() % seeds.size()];
        const size_t at = (*random)() % std::min(input->size(), other.size());
        input->resize(at);
        input->insert(input->end(), other.begin() + static_cast<std::ptrdiff_t>(at), other.end());
        break;
      }
      default:
        (*input)[(*random)() % input->size()] = static_cast<uint8_t>((*random)());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s seeds.txt CASES\n", argv[0]);
    return 2;
  }
  const std::vector<Input> seeds = ReadSeeds(argv[1]);
  if (seeds.empty()) {
    std::fprintf(stderr, "%s holds no seeds\n", argv[1]);
    return 1;
  }
  for (const Input& seed : seeds) LLVMFuzzerTestOneInput(seed.data(), seed.size());
  std::mt19937_64 random(1);
  const int cases = std::atoi(argv[2]);
  for (int i = 0; i < cases; ++i) {
    Input input = seeds[random() % seeds.size()];
    Mutate(&random, seeds, &input);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu seeds and %d random cases\n", seeds.size(), cases);
  return 0;
}
