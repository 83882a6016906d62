// Feeds arbitrary bytes to the translator of the kernel side's records, and what comes out to the encoder.
#include <array>
#include <cstring>
#include <vector>

extern "C" {
#include "bpf/record.h"
}
#include "source/ipvs/translate.h"
#include "wire/encoder.h"

namespace {

struct Encoding final : vslog::EventSink {
  std::array<char, vslog::kMaxControlSize> out;
  void conn(const vslog::ConnRecord& record) override { vslog::encode(record, 1, out.data()); }
  void control(const vslog::ControlRecord& record) override { vslog::encode(record, 1, out.data()); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const vslog::WallClock clock;
  const vslog::Translator translator(clock, 250);
  static Encoding sink;
  if (size < 1) return 0;
  // The first byte chooses a true type and size, so that the fields behind the check are reached.
  std::vector<std::byte> bytes(size - 1);
  if (size > 1) std::memcpy(bytes.data(), data + 1, size - 1);
  const std::size_t sizes[] = {0, sizeof(vslog_conn_record), sizeof(vslog_service_record), sizeof(vslog_dest_record)};
  const unsigned type = data[0] % 4;
  if (type != 0) {
    bytes.resize(sizes[type]);
    const vslog_record_head head{type, static_cast<__u32>(sizes[type])};
    std::memcpy(bytes.data(), &head, sizeof head);
  }
  translator.translate(bytes, sink);
  return 0;
}
