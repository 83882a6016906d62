#include "source/engine/pcap_file.h"

#include <pcap/pcap.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "wire/journal.h"

namespace vslog {
namespace {

/// The year 2255: a clock that goes on for some decades from there still fits.
constexpr std::int64_t kLastSecond = 9'000'000'000;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::string reason(int error) { return std::generic_category().message(error); }

std::uint64_t wall_ns(const timeval& t) {
  // With the nanosecond precision that was asked for, tv_usec holds nanoseconds.
  if (t.tv_sec < 0 || t.tv_sec > kLastSecond || t.tv_usec < 0 || t.tv_usec >= 1'000'000'000) return 0;
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_usec);
}

}  // namespace

PcapFile::PcapFile(std::string path) : path_(std::move(path)) {
  std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path_.c_str(), "rbe"));
  if (!file) throw SetupError("--pcap " + path_ + " cannot be opened: " + reason(errno) + ".");
  struct stat info{};
  // A pipe would hold up everything else.
  if (fstat(fileno(file.get()), &info) != 0 || !S_ISREG(info.st_mode)) throw SetupError("--pcap " + path_ + " must be a regular file.");
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  handle_.reset(pcap_fopen_offline_with_tstamp_precision(file.get(), PCAP_TSTAMP_PRECISION_NANO, why.data()));
  if (!handle_) throw SetupError("--pcap " + path_ + " is not a pcap or pcapng file: " + why.data() + ".");
  static_cast<void>(file.release());  // pcap_close() closes it
  const int dlt = pcap_datalink(handle_.get());
  const std::optional<LinkType> link = link_type(dlt);
  if (!link) {
    const char* const name = pcap_datalink_val_to_name(dlt);
    throw SetupError("--pcap " + path_ + " has packets of link type " + (name != nullptr ? name : std::to_string(dlt)) +
                     ", which cannot be read: it must be Ethernet, Linux cooked, raw IP or BSD loopback.");
  }
  link_ = *link;
  next();
}

void PcapFile::next() {
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  const int result = pcap_next_ex(handle_.get(), &header, &data);
  there_ = result == 1;
  if (there_) {
    ++count_;
    current_ = {wall_ns(header->ts), header->len, {data, header->caplen}};
  } else if (result != PCAP_ERROR_BREAK) {
    const std::string_view said = pcap_geterr(handle_.get());
    const bool cut = said.find("truncated") != std::string_view::npos;
    damage_ = "--pcap " + path_ + (cut ? " is cut off in packet " : " cannot be read from packet ") + std::to_string(count_ + 1) + (cut ? "" : " on") +
              ", and all that stands before it is kept: " + std::string(said) + ".";
  }
}

void PcapFile::Closer::operator()(pcap* handle) const { pcap_close(handle); }

}  // namespace vslog
