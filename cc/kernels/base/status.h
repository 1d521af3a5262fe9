// The result of a call that may refuse its arguments: a code and one sentence for the user.
#ifndef DAU_CC_KERNELS_BASE_STATUS_H_
#define DAU_CC_KERNELS_BASE_STATUS_H_

#include <sstream>
#include <string>
#include <utility>

namespace dau {

class Status {
 public:
  Status() = default;
  explicit Status(std::string message) : message_(std::move(message)) {}

  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }

 private:
  std::string message_;  // empty: no error
};

// An error from the parts of its sentence: "`units` must be ≥ 1. Received: units=", 0.
template <typename... Parts>
Status InvalidArgument(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return Status(text.str());
}

}  // namespace dau

#endif  // DAU_CC_KERNELS_BASE_STATUS_H_
