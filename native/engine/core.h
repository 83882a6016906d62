// What Engine is made of; engine.h is its face. One class in four files: its packets (core_packets.cc), its connections (core_conns.cc), its configuration
// (core_config.cc), and what looks at it (core_view.cc).
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/conn_table.h"
#include "engine/defence.h"
#include "engine/engine.h"
#include "engine/nodest.h"
#include "engine/service.h"
#include "engine/timer_wheel.h"

namespace vslog::engine {

struct ServiceKeyHash {
  std::size_t operator()(const ServiceKey& key) const;
};

class Engine::Core {
 public:
  Core(const EngineOptions& options, Observer& observer);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // core_packets.cc
  Outcome receive(const Packet& packet, Time now);

  // core_conns.cc
  void advance(Time now);
  ExpireResult expire(const ConnFilter& filter, EndReason reason);
  /// Brings the rates of all services and real servers up to now.
  void estimate();
  std::future<ExpireResult> request_expire(const ConnFilter& filter);

  // core_config.cc
  void add_service(const ServiceConfig& config, const Author& author);
  void edit_service(const ServiceConfig& config, const Author& author);
  void remove_service(const ServiceKey& key, const Author& author);
  void add_real(const ServiceKey& key, const RealConfig& config, const Author& author);
  void edit_real(const ServiceKey& key, const RealConfig& config, const Author& author);
  void remove_real(const ServiceKey& key, const Endpoint& at, const Author& author);
  void set_knob(std::string_view name, std::string_view value, const Author& author);

  // core_view.cc
  std::vector<const Service*> services() const;
  const Service* find_service(const ServiceKey& key) const;
  bool visit_some(WalkPosition& at, std::uint32_t entries, const ConnFilter& filter, const std::function<void(const ConnRecord&)>& visit) const;
  EngineFigures figures() const;
  std::vector<std::string> inconsistencies() const;

  bool set_user(ConnRef conn, std::uint32_t user);
  bool alive(ConnRef conn) const { return conn.id != 0 && conn.index < table_.high() && table_.at(conn.index).id == conn.id; }
  Time now() const { return now_; }
  const Knobs& knobs() const { return knobs_; }

 private:
  struct Request {
    ConnFilter filter;
    std::promise<ExpireResult> promise;
  };
  /// What ip_vs_conn_new is given.
  struct NewConn {
    std::uint8_t protocol = 0;
    std::uint8_t family = 4;
    Endpoint client;
    Endpoint at;                      ///< the virtual address and port
    std::uint16_t real_port = 0;
    std::uint32_t flags = 0;
    std::uint32_t fwmark = 0;
    RealServer* real = nullptr;       ///< null: bypass
    ScheduledBy by = ScheduledBy::scheduler;
  };
  /// How the search for a real server ended.
  struct Scheduled {
    std::uint32_t conn = kNone;
    Verdict verdict = Verdict::pass;  ///< without a connection
  };

  // Packets.
  std::uint32_t find_from_client(const Packet& p) const;
  std::uint32_t find_from_real(const Packet& p) const;
  std::uint32_t find_template(std::uint8_t protocol, std::uint8_t family, const Address& client, const Endpoint& at, std::uint32_t fwmark) const;
  Outcome from_real(std::uint32_t index, const Packet& p);
  Outcome from_client(const Packet& p);
  bool reused(const Conn& c, const Packet& p) const;
  Outcome drop_for_no_destination(std::uint32_t index, const Packet& p);
  Scheduled schedule(const Packet& p);
  Scheduled schedule_persistent(Service& service, const Packet& p);
  Scheduled leave(Service& service, const Packet& p);
  bool template_usable(std::uint32_t index);
  Service* find_service(const Packet& p);
  void transit(std::uint32_t index, const Packet& p, bool from_client);
  void sched_fail(const Packet& p, const Service& service);

  // Connections.
  std::uint32_t create(const NewConn& wanted);
  void bind(std::uint32_t index, RealServer& real);
  void unbind(Conn& c);
  void add_control(std::uint32_t index, std::uint32_t control);
  void drop_control(std::uint32_t index);
  /// Done with it for this packet: its timer is wound up, and its create told if it is new (ip_vs_conn_put).
  void put(std::uint32_t index);
  /// Its timer is due at the next tick (ip_vs_conn_expire_now).
  void expire_now(std::uint32_t index, EndReason reason);
  /// Its timer is due (ip_vs_conn_expire).
  void timer_due(std::uint32_t index);
  /// Ends by force, with what controls it (ip_vs_conn_del). Something that controls others stays for another minute.
  void force(std::uint32_t index, EndReason reason);
  /// force() and then, when nothing else hangs on it, what controlled it.
  void force_with_control(std::uint32_t index, EndReason reason);
  void end(std::uint32_t index, EndReason reason);
  void run_tick();
  void each_second();
  void drop_entries();
  void flush_nodest();
  void serve_requests();
  bool matches(const ConnFilter& filter, const Conn& c) const;
  Time last_packet(const Conn& c) const;
  Time tick_time(Tick tick) const;
  void assure_template(const Conn& c);

  // Configuration.
  Service& service_of(const ServiceKey& key);
  RealServer* real_of(const Service& service, const Endpoint& at) const;
  void remove_real_of(Service& service, RealServer& real, const Author& author);
  void release_real(RealServer& real);
  void overload(RealServer& real, bool on);
  void update_overload(RealServer& real, bool going);
  /// A service has come (1) or gone (-1).
  void count_service(const ServiceKey& key, int by);
  EndReason gone_reason(const RealServer* real) const;
  ControlRecord control_record(ControlKind kind, const ServiceKey& key, const Author& author) const;
  ControlRecord control_record(ControlKind kind, const ServiceKey& key, const RealConfig& real, const Author& author) const;

  // Records.
  ConnRecord record(EventKind kind, const Conn& c) const;
  void tell_nodest(const Conn& c, const NodestSum& sum);
  std::uint64_t wall(Time t) const { return t + options_.wall_offset_ns; }

  RealServer* real(const Conn& c) const { return c.real == kNone ? nullptr : reals_[c.real].get(); }

  /// A random number: SplitMix64.
  std::uint64_t chance() {
    std::uint64_t x = chance_ += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
  }

  EngineOptions options_;
  Observer& observer_;
  std::uint64_t chance_ = options_.seed;
  Knobs knobs_;
  Defence defence_;
  ConnTable table_;
  TimerWheel wheel_;
  NodestLedger nodest_;
  Time start_ = 0;        ///< of tick 0
  bool started_ = false;
  Time now_ = 0;
  Time second_ = 0;       ///< when the next each_second() is due
  bool flush_due_ = false;
  std::uint64_t next_id_;
  std::uint64_t templates_ = 0;
  std::uint64_t created_ = 0;
  std::uint64_t ended_ = 0;
  std::vector<std::unique_ptr<Service>> services_;
  std::unordered_map<ServiceKey, Service*, ServiceKeyHash> by_key_;
  // How many services there are of such kinds.
  int any_port_ = 0;  ///< of port 0
  int services_v4_ = 0;
  int services_v6_ = 0;
  std::vector<std::unique_ptr<RealServer>> reals_;
  std::vector<std::uint32_t> free_reals_;
  std::unordered_multimap<ServiceKey, RealServer*, ServiceKeyHash> trash_;  ///< deleted ones that have connections still

  std::mutex requests_lock_;
  std::vector<Request> requests_;
  std::atomic<bool> requested_ = false;
};

}  // namespace vslog::engine
