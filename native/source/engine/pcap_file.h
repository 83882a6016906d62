// A pcap or pcapng file, packet by packet.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "source/engine/pcap_packet.h"

struct pcap;

namespace vslog {

struct CapturedPacket {
  std::uint64_t time_ns = 0;           ///< wall clock; 0: none that can be
  std::uint32_t wire_length = 0;
  std::span<const std::uint8_t> bytes; ///< until the file's next()
};

class PcapFile {
 public:
  /// Opens the file and reads its first packet. Throws SetupError with a sentence that names the file, and SourceRefusal in a build without libpcap.
  explicit PcapFile(std::string path);

  const std::string& path() const { return path_; }
  LinkType link() const { return link_; }

  /// Null at the end.
  const CapturedPacket* current() const { return there_ ? &current_ : nullptr; }
  void next();

  /// How many packets were read.
  std::uint64_t count() const { return count_; }
  /// Why reading ended before the file did, a sentence; else empty.
  const std::string& damage() const { return damage_; }

 private:
  struct Closer {
    void operator()(pcap* handle) const;
  };

  std::string path_;
  std::unique_ptr<pcap, Closer> handle_;
  LinkType link_ = LinkType::ethernet;
  CapturedPacket current_;
  bool there_ = false;
  std::uint64_t count_ = 0;
  std::string damage_;
};

}  // namespace vslog
