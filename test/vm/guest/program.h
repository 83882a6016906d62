// Programs of the guest.
#pragma once

#include <string>
#include <vector>

namespace hand {

struct Outcome {
  int code;
  std::string output;  ///< of both streams
};

/// Runs a program in the calling thread's namespace and waits for its end. What it leaves in the background goes on.
Outcome run(const std::vector<std::string>& words, const std::string& input);

/// Starts a program in the calling thread's namespace. Its output is appended to the file log of `folder`, its pid is written to the file pid there. Returns when a new
/// line of the log begins with "ready"; throws with the log when the program has ended before.
void start(const std::string& folder, const std::vector<std::string>& words);

/// Sends a signal to the program whose pid start() has written, by its number. `until_gone`: returns when the program is no more.
void send_signal(const std::string& folder, int number, bool until_gone);

}  // namespace hand
