// The kernel's virtual services and real servers, and its timeouts.
#pragma once

#include "knob/backend.h"
#include "knob/balancer.h"

namespace vslog {

class KernelBalancer final : public Balancer {
 public:
  /// `told`: a source sees every change in the kernel and writes the records.
  explicit KernelBalancer(bool told) : told_(told) {}
  std::vector<ServiceState> list(const engine::ServiceKey* only) override;
  std::unique_ptr<ServiceWalk> walk(const engine::ServiceKey* only) override;
  void change(const ServiceOrder& order, const Author& author) override;
  bool tells() const override { return told_; }

 private:
  bool told_;
};

/// timeout_tcp, timeout_tcpfin, timeout_udp.
class KernelTimeouts final : public KnobBackend {
 public:
  KnobReading read(const Knob& knob) override;
  void write(const Knob& knob, const std::string& value, const Author& author) override;
};

}  // namespace vslog
