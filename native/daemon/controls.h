// What can be turned here: knobs, virtual services, real servers. Puts the parts of native/knob together for the source that runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/options.h"
#include "knob/administration.h"
#include "knob/capture_knobs.h"
#include "knob/engine_balancer.h"
#include "knob/kernel_balancer.h"
#include "wire/conn_filter.h"
#include "wire/messages.h"
#include "knob/knob_watch.h"
#include "knob/proc_knobs.h"
#include "knob/service_watch.h"
#include "source/source.h"

namespace vslog {

class Controls final : private Witness, private ServiceSockets {
 public:
  /// What of the capture itself can be turned while it runs.
  struct Turn {
    std::function<void(std::uint32_t)> linger;  ///< --linger, ms
    EventPolicy* events;                        ///< --events, --flood-rate, the key of --client-key
  };

  /// `log`: takes the records of changes.
  Controls(const DaemonOptions& options, Source& source, const std::string& boot_id, std::function<void(const ControlRecord&)> log, const Turn& turn);

  RequestHandler& handler() { return administration_; }

  /// After the source was started.
  void start();
  /// -1: nothing to wait for.
  int poll_fd() const { return watch_->poll_fd(); }
  void drain() { watch_->drain(); }
  void tick();
  /// Ends connections of a balancer that is not ours. False: this source cannot. Throws RequestError.
  bool expire(const ExpireRequest& request, const Author& author, ConnExpired& result);
  /// At a clean end.
  void stop();

 private:
  void resume_keys();
  void rotate_key(const std::string& id);
  void changed(const ControlRecord& record) override;
  void acted(const Author& author, std::uint64_t begin, std::uint64_t end) override { source_.acted(author, begin, end); }
  void before_change() override;
  void open_service(const engine::ServiceKey& key) override;
  void check_real(const engine::ServiceKey& key, const engine::Endpoint& real) override;
  void close_service(const engine::ServiceKey& key) override;

  Source& source_;
  std::function<void(const ControlRecord&)> log_;
  EventPolicy& events_;
  std::string keys_state_;
  std::string key_path_;
  std::string boot_id_;
  ProcKnobs proc_;
  KernelTimeouts timeouts_;
  CaptureKnobs capture_;
  std::unique_ptr<EngineKnobs> engine_;
  std::unique_ptr<Balancer> balancer_;
  KnobStore store_;
  Administration administration_;
  std::unique_ptr<KnobWatch> watch_;
  std::unique_ptr<ServiceWatch> services_;  // where no source tells of the kernel's services
};

}  // namespace vslog
