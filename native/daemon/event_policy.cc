#include "daemon/event_policy.h"

#include <sys/stat.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "event/clock.h"

namespace vslog {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

constexpr std::uint32_t bit(EventKind kind) { return 1U << static_cast<unsigned>(kind); }

constexpr EventKind kNamed[] = {EventKind::create, EventKind::expire, EventKind::nodest_drop, EventKind::sched_fail, EventKind::state};

std::uint64_t load64(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// The four words of SipHash.
struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  std::uint64_t finish() {
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

std::array<std::uint8_t, 16> siphash128(const std::array<std::uint8_t, 16>& key, const std::array<std::uint8_t, 16>& data) {
  const std::uint64_t k0 = load64(key.data());
  const std::uint64_t k1 = load64(key.data() + 8);
  State s{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
  s.v1 ^= 0xee;
  s.take(load64(data.data()));
  s.take(load64(data.data() + 8));
  s.take(std::uint64_t{16} << 56);  // the length, behind no further bytes
  s.v2 ^= 0xee;
  const std::uint64_t low = s.finish();
  s.v1 ^= 0xdd;
  const std::uint64_t high = s.finish();
  std::array<std::uint8_t, 16> out{};
  std::memcpy(out.data(), &low, sizeof low);
  std::memcpy(out.data() + 8, &high, sizeof high);
  return out;
}

std::uint32_t parse_event_kinds(std::string_view list) {
  std::uint32_t kinds = 0;
  if (list == "none") return kinds;
  for (;;) {
    const std::size_t end = list.find(',');
    const std::string_view word = list.substr(0, end);
    std::uint32_t found = 0;
    for (const EventKind kind : kNamed) {
      if (to_string(kind) == word) found = bit(kind);
    }
    if (found == 0) throw std::invalid_argument("\"" + std::string(word) + "\" must be create, expire, nodest_drop, sched_fail or state");
    kinds |= found;
    if (end == std::string_view::npos) break;
    list.remove_prefix(end + 1);
  }
  std::uint32_t all = 0;
  for (const EventKind kind : kNamed) all |= bit(kind);
  if (kinds == all) return ~0U;
  if ((kinds & bit(EventKind::create)) != 0) kinds |= bit(EventKind::snapshot);
  return kinds;
}

std::array<std::uint8_t, 16> read_key(const std::string& path) {
  std::ifstream in(path);
  // Whoever can read the key can find out whom a hash means.
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWGRP | S_IWOTH)) != 0) {
    throw std::invalid_argument("others may read or change the file " + path + ": chmod 600 " + path);
  }
  std::string line;
  if (!std::getline(in, line)) throw std::invalid_argument("the file " + path + " cannot be read, or is empty");
  std::array<std::uint8_t, 16> key{};
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  bool good = line.size() == 2 * key.size();
  for (std::size_t i = 0; good && i < key.size(); ++i) {
    const int high = digit(line[2 * i]);
    const int low = digit(line[2 * i + 1]);
    good = high >= 0 && low >= 0;
    if (good) key[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if (!good) throw std::invalid_argument("the first line of " + path + " must be 32 hexadecimal digits; `openssl rand -hex 16` makes some");
  return key;
}

Address shown_client(const Address& address, const EventPolicyOptions& options) {
  if (options.client == ClientAddress::whole || address == Address{}) return address;
  if (options.client == ClientAddress::hash) {
    Address hashed = siphash128(options.key, address);
    hashed[0] = 0xfd;
    return hashed;
  }
  const unsigned kept = is_mapped_ipv4(address) ? 96U + options.prefix4 : options.prefix6;
  Address shown = address;
  for (unsigned i = 0; i < shown.size(); ++i) {
    if (8 * i >= kept) shown[i] = 0;
    else if (8 * (i + 1) > kept) shown[i] = static_cast<std::uint8_t>(shown[i] & (0xffU << (8 * (i + 1) - kept)));
  }
  return shown;
}

bool EventPolicy::admits(const ConnRecord& record) {
  if ((options_.kinds & bit(record.kind)) == 0) return false;
  if (options_.flood_rate == 0 || (record.kind != EventKind::create && record.kind != EventKind::sched_fail)) return true;
  const std::uint64_t second = record.time_ns / kSecond;
  if (second != second_) {
    second_ = second;
    in_second_ = 0;
  }
  if (++in_second_ <= options_.flood_rate) return true;
  if (counted_++ == 0) first_ns_ = record.time_ns;
  last_ns_ = record.time_ns;
  return false;
}

std::optional<ControlRecord> EventPolicy::summary() {
  if (counted_ == 0) return std::nullopt;
  ControlRecord record;
  record.kind = ControlKind::loss;
  record.where = LossPlace::summarised;
  record.lost = counted_;
  record.first_ns = first_ns_;
  record.last_ns = last_ns_;
  record.time_ns = clock_ns(CLOCK_REALTIME);
  record.through = Through::vslog;
  record.detail = "more connections began than --flood-rate lets be logged one by one: these were counted; their ends are logged";
  counted_ = 0;
  return record;
}

}  // namespace vslog
