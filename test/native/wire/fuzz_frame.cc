// Whatever a client says, and whatever a journal's file holds, must not end the process.
#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <protozero/exception.hpp>

#include "temp_dir.h"
#include "wire/session.h"

namespace {

using namespace vslog;

template <typename Message>
void try_decode(std::string_view bytes) {
  try {
    static_cast<void>(decode<Message>(bytes));
  } catch (const protozero::exception&) {
    // The way a message that is none is refused.
  }
}

void fuzz_session(std::string_view bytes) {
  static TempDir dir;
  static Journal journal(journal_options(dir));
  if (journal.next_sequence() == 1) put(journal, 10);
  Exchange exchange{journal, "node", "boot", "scripted", "fuzz", [] { return SourceStatus{}; }};
  Users users(8 << 20);
  Session session(exchange, -1, 1, Rights{true, true, false, true}, Peer{}, users, users.join(7, true));
  std::string hello;
  append_frame(hello, FrameType::control_hello, 0, 1, 0, encode(Hello{1, 1, ""}));
  session.receive(hello);
  session.receive(bytes.substr(0, bytes.size() / 2));
  session.receive(bytes.substr(bytes.size() / 2));
  while (session.wants_turn()) session.turn();
}

/// Writes the bytes over a sound file, at a place that they choose, and opens it.
void fuzz_journal(std::string_view bytes) {
  if (bytes.size() < 2) return;
  TempDir dir;
  {
    Journal journal(journal_options(dir));
    put(journal, 3);
  }
  const off_t at = static_cast<unsigned char>(bytes[0]) * 3 + (bytes[1] % 2 == 0 ? 0 : 65536);
  const int fd = open(dir.file("journal").c_str(), O_RDWR | O_CLOEXEC);
  [[maybe_unused]] const ssize_t n = pwrite(fd, bytes.data() + 2, bytes.size() - 2, at);
  close(fd);
  Journal journal(journal_options(dir));
  put(journal, 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: fuzz_journal(bytes); break;
    case 1:
      try_decode<EventBatch>(bytes);
      try_decode<Hello>(bytes);
      try_decode<Welcome>(bytes);
      try_decode<Subscribe>(bytes);
      try_decode<Subscribed>(bytes);
      try_decode<Acknowledge>(bytes);
      try_decode<ErrorReply>(bytes);
      try_decode<Overrun>(bytes);
      try_decode<SourceStatus>(bytes);
      break;
    default: fuzz_session(bytes); break;
  }
  return 0;
}
