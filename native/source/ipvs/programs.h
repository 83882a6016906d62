// The programs and maps in the kernel: loaded and pinned once, found again by the next capture.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

extern "C" {
#include "bpf/record.h"
}

namespace vslog {

struct IpvsOptions;

/// An open file descriptor of the bpf() system call.
class BpfFd {
 public:
  BpfFd() = default;
  explicit BpfFd(int fd) : fd_(fd) {}
  BpfFd(BpfFd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  BpfFd& operator=(BpfFd&& other) noexcept;
  ~BpfFd();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

class IpvsPrograms {
 public:
  /// Finds what an earlier capture left in the pin directory, or loads, attaches and pins anew. Throws SourceRefusal.
  explicit IpvsPrograms(const IpvsOptions& options);

  /// Nothing was found: the kernel side remembers no connection.
  bool fresh() const { return fresh_; }

  int ring() const { return ring_.get(); }
  std::uint64_t ring_bytes() const { return ring_bytes_; }

  /// Shared with the kernel side, field by field: record.h says who writes what.
  vslog_config& config() { return *config_page_; }

  /// Sum over the CPUs, by enum vslog_loss_place. Times are CLOCK_MONOTONIC.
  vslog_loss loss(std::uint32_t place) const;

  /// Runs the pinned program of that name. Throws std::system_error.
  vslog_run_args run_sweep() const;
  vslog_run_args run_reconcile() const;

  /// Where a reading of the remembered connections stands.
  struct Reading {
    std::uint32_t batch = 0;
    bool begun = false;
    std::vector<std::uint64_t> keys{};
    std::vector<vslog_conn_state> states{};
  };
  /// Has the kernel side write down what each connection is now. Throws std::system_error.
  void refresh_conns() const;
  /// Shows the next piece of the connections that live. False: that was all. Throws std::system_error.
  bool next_conns(Reading& reading, const std::function<void(const vslog_conn_state&)>& each) const;

  /// Takes all that is pinned in `dir` out of the kernel. False: there was nothing.
  static bool detach(const std::string& dir);

 private:
  bool find(const IpvsOptions& options);
  void load(const IpvsOptions& options);
  void open_pinned(const std::string& dir);

  void map_config();

  struct Unmap {
    void operator()(vslog_config* page) const;
  };
  bool fresh_ = false;
  std::unique_ptr<vslog_config, Unmap> config_page_;
  std::uint64_t ring_bytes_ = 0;
  BpfFd ring_, config_, conns_, losses_, sweep_, reconcile_, refresh_;
};

}  // namespace vslog
