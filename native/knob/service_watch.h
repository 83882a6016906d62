// Finds changes of the kernel's virtual services and real servers by comparison, where no source tells them. Who made them is then not known.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "event/control_record.h"
#include "knob/balancer.h"

namespace vslog {

class ServiceWatch {
 public:
  using Tell = std::function<void(const ControlRecord&)>;

  /// `netns`: inode number of our network namespace.
  ServiceWatch(Balancer& balancer, std::uint32_t netns, Tell tell) : balancer_(balancer), netns_(netns), tell_(std::move(tell)) {}

  /// Remembers what there is: at the start, and after a change that was told otherwise.
  void remember() { known_ = look(); }
  /// About once a second: tells what is different.
  void tick();

 private:
  struct Entry {
    engine::ServiceKey service;
    std::optional<engine::Endpoint> real;
    std::string text;
  };
  /// By service and real server, as text.
  using Entries = std::map<std::string, Entry>;

  Entries look();
  void tell(const Entry& entry, ControlKind of_service, ControlKind of_real, const std::string& before, const std::string& after);

  Balancer& balancer_;
  std::uint32_t netns_;
  Tell tell_;
  Entries known_;
};

}  // namespace vslog
