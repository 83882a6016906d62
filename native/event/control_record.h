// One control event before it is encoded. Fields, units and meaning: proto/vslog/v1/control_event.proto.
#pragma once

#include <cstdint>
#include <string>

#include "event/conn_record.h"
#include "vslog_fields.h"

namespace vslog {

/// uid and login_uid where nobody knows them, as the kernel has it: (uid_t)-1.
inline constexpr std::uint32_t kNoUid = 0xffffffff;

/// All fields of ControlEvent but the sequence.
struct ControlRecord {
  ControlKind kind = ControlKind::unspecified;
  Through through = Through::unknown;
  LossPlace where = LossPlace::none;
  std::uint64_t time_ns = 0;
  std::uint64_t lost = 0;
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;
  Address virtual_addr{};
  Address real_addr{};
  std::uint16_t virtual_port = 0;
  std::uint16_t real_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t family = 0;
  std::uint32_t fwmark = 0;
  std::uint32_t uid = kNoUid;
  std::uint32_t login_uid = kNoUid;
  std::uint32_t pid = 0;
  std::uint32_t netns = 0;
  std::uint32_t parent_pid = 0;
  bool fresh = false;
  bool lost_unknown = false;
  std::string name;
  std::string old_value;
  std::string new_value;
  std::string command;
  std::string parent_command;
  std::string detail;
  std::string boot_id;
  std::string loss_id;
};

}  // namespace vslog
