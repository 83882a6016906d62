// What is said on the socket besides events: proto/vslog/v1/socket.proto as structs. decode() throws protozero::exception at bytes that are no such message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vslog_fields.h"

namespace vslog {

struct BatchHeader {
  RecordType record = RecordType::unspecified;
  std::string node;
  std::string epoch;
  std::uint64_t first_sequence = 0;
  std::uint32_t count = 0;
  std::uint32_t crc32c = 0;
  bool filtered = false;
};

/// `body` points into the bytes that were decoded.
struct EventBatch {
  BatchHeader header;
  std::string_view body;
};

struct Hello {
  std::uint32_t version_min = 0;
  std::uint32_t version_max = 0;
  std::string software;
};

struct Welcome {
  std::uint32_t version = 0;
  std::string software;
  std::string node;
  std::string epoch;
  std::string boot_id;
  std::string source;
  bool may_subscribe = false;
  bool may_set = false;
  bool may_keep = false;
};

struct Subscribe {
  SubscriptionMode mode = SubscriptionMode::unspecified;
  std::string name;
  std::vector<Group> groups;
  std::string epoch;
  std::uint64_t after_sequence = 0;
  std::string filter;  ///< an EventFilter: wire/event_filter.h
};

struct Subscribed {
  std::string epoch;
  std::uint64_t first_sequence = 0;
  std::uint64_t skipped = 0;
  bool filtered = false;
  std::uint64_t skipped_first_ns = 0;
  std::uint64_t skipped_last_ns = 0;
};

struct Acknowledge {
  std::string epoch;
  std::uint64_t sequence = 0;
};

struct Erasure {
  EraseStage stage = EraseStage::unspecified;
  std::string id;
  std::string selectors;
  std::uint64_t before_ns = 0;
  std::string reason;
  std::uint64_t events = 0;
  std::string places;
};

struct ErrorReply {
  std::int32_t code = 0;
  std::string message;
  std::string field;
};

struct Overrun {
  std::uint64_t missed = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
};

struct DurableStatus {
  std::string name;
  std::uint64_t acknowledged = 0;
  bool connected = false;
  std::optional<std::uint32_t> owner{};
  std::uint64_t away_ns = 0;
};

struct LossCount {
  std::string where;
  std::uint64_t lost = 0;
};

struct SourceStatus {
  std::string source;
  std::string epoch;
  std::uint64_t next_sequence = 0;
  std::uint64_t events = 0;
  std::uint64_t journal_bytes = 0;
  std::uint64_t journal_used = 0;
  std::uint64_t ring_bytes = 0;
  std::uint64_t ring_used = 0;
  std::uint64_t connections = 0;
  std::vector<DurableStatus> durable;
  std::uint32_t live = 0;
  std::vector<LossCount> losses;
  std::uint32_t pid = 0;
  std::uint64_t rss_bytes = 0;
  std::uint64_t cpu_ns = 0;
  std::string state;
  std::uint64_t started_ns = 0;
  std::uint64_t malformed = 0;
  std::uint64_t session_bytes = 0;
  std::uint64_t longest_away_ns = 0;
  std::uint64_t unlogged = 0;
};

struct ConnEntries {
  std::uint32_t count = 0;
  std::string body;
};

struct ConnExpired {
  std::uint64_t matched = 0;
  std::uint64_t ended = 0;
  std::uint64_t others = 0;
  std::vector<std::string> steps;
};

std::string encode(const BatchHeader& message);
std::string encode(const Hello& message);
std::string encode(const Welcome& message);
std::string encode(const Subscribe& message);
std::string encode(const Subscribed& message);
std::string encode(const Acknowledge& message);
std::string encode(const Erasure& message);
std::string encode(const ErrorReply& message);
std::string encode(const Overrun& message);
std::string encode(const DurableStatus& message);
std::string encode(const LossCount& message);
std::string encode(const SourceStatus& message);

std::string encode(const ConnEntries& message);
std::string encode(const ConnExpired& message);

template <typename Message>
Message decode(std::string_view bytes);

template <> BatchHeader decode<BatchHeader>(std::string_view bytes);
template <> EventBatch decode<EventBatch>(std::string_view bytes);
template <> Hello decode<Hello>(std::string_view bytes);
template <> Welcome decode<Welcome>(std::string_view bytes);
template <> Subscribe decode<Subscribe>(std::string_view bytes);
template <> Subscribed decode<Subscribed>(std::string_view bytes);
template <> Acknowledge decode<Acknowledge>(std::string_view bytes);
template <> Erasure decode<Erasure>(std::string_view bytes);
template <> ErrorReply decode<ErrorReply>(std::string_view bytes);
template <> Overrun decode<Overrun>(std::string_view bytes);
template <> DurableStatus decode<DurableStatus>(std::string_view bytes);
template <> LossCount decode<LossCount>(std::string_view bytes);
template <> SourceStatus decode<SourceStatus>(std::string_view bytes);

}  // namespace vslog
