/**
 * Compiled into TensorFlow's addon, so that TF_CPP_MIN_LOG_LEVEL also holds for what TensorFlow logs while it is loaded: two
 * lines that announce oneDNN in every process. TensorFlow reads the variable only after them.
 *
 * The loader looks for absl's function in the addon before it does so in TensorFlow's libraries, and finds this one. The
 * namespace is that of the absl in the pinned TensorFlow; with another one, the lines are back, and nothing else changes.
 */
#include <cstdlib>

namespace absl {
inline namespace lts_20250814 {

enum class LogSeverityAtLeast : int {};

/** Messages of a lower severity are dropped: 0 information, 1 warning, 2 error. */
LogSeverityAtLeast MinLogLevel() {
  const char* level = std::getenv("TF_CPP_MIN_LOG_LEVEL");
  return static_cast<LogSeverityAtLeast>(level == nullptr ? 0 : std::atoi(level));
}

}  // namespace lts_20250814
}  // namespace absl
