#include "cc/tf/xla/threads.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace dau::tf {
namespace {

// A range cut into pieces that whoever comes takes. The caller takes pieces too, so that it ends even where every
// other thread is busy; a task that comes late finds none left and touches nothing but this.
class Pieces {
 public:
  Pieces(int64_t total, int64_t pieces, const Parallel::Range& range) : total_(total), pieces_(pieces), range_(range) {}

  void Work() {
    for (int64_t piece; (piece = next_.fetch_add(1)) < pieces_;) {
      range_(piece * total_ / pieces_, (piece + 1) * total_ / pieces_);
      std::lock_guard<std::mutex> lock(mutex_);
      if (++done_ == pieces_) all_done_.notify_all();
    }
  }

  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    all_done_.wait(lock, [this] { return done_ == pieces_; });
  }

 private:
  const int64_t total_, pieces_;
  const Parallel::Range& range_;
  std::atomic<int64_t> next_{0};
  int64_t done_ = 0;
  std::mutex mutex_;
  std::condition_variable all_done_;
};

// Below this a piece costs less than waking a thread for it; as in TensorFlow's ParallelFor.
constexpr double kCyclesPerPiece = 1e5;
constexpr int64_t kPiecesPerThread = 4;  // evens out threads of different speed

}  // namespace

Parallel ClusterThreads(xla::ffi::ThreadPool pool) {
  Parallel parallel;
  const int64_t threads = std::max<int64_t>(1, pool.num_threads());
  parallel.num_threads = static_cast<int>(threads);
  parallel.run = [pool, threads](int64_t total, int64_t cost, const Parallel::Range& range) mutable {
    const double worth = static_cast<double>(total) * static_cast<double>(cost) / kCyclesPerPiece;
    const int64_t most = std::min(total, kPiecesPerThread * threads);
    const int64_t pieces = worth < static_cast<double>(most) ? static_cast<int64_t>(worth) : most;
    if (threads == 1 || pieces <= 1) return range(0, total);
    const auto shared = std::make_shared<Pieces>(total, pieces, range);
    for (int64_t helper = 1; helper < std::min(threads, pieces); ++helper) {
      pool.Schedule([shared] { shared->Work(); });
    }
    shared->Work();
    shared->Wait();
  };
  return parallel;
}

}  // namespace dau::tf
