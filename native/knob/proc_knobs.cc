#include "knob/proc_knobs.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "wire/requests.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

// Longer than any value in the catalogue.
constexpr std::size_t kLongest = 4096;

std::string path_of(const Knob& knob) { return (knob.backing == KnobBacking::module_parameter ? "/sys/" : "/proc/sys/") + std::string(knob.path); }

std::string reason(int error) { return std::generic_category().message(error); }

/// Why the file is not there, as far as one can tell.
std::string absent(const Knob& knob) {
  if (knob.backing == KnobBacking::sysctl_ipvs && access("/proc/sys/net/ipv4/vs", F_OK) != 0) return "there is no IPVS in this network namespace: module ip_vs is not loaded.";
  if (knob.backing == KnobBacking::sysctl_conntrack && access("/proc/sys/net/netfilter/nf_conntrack_max", F_OK) != 0) return "connection tracking is not loaded: there is no module nf_conntrack.";
  if (knob.backing == KnobBacking::module_parameter) return "the module is not loaded.";
  return "this kernel has no such knob.";
}

}  // namespace

KnobReading ProcKnobs::read(const Knob& knob) {
  const UniqueFd file(open(path_of(knob).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {"", errno == ENOENT ? absent(knob) : "it cannot be read: " + reason(errno) + "."};
  std::array<char, kLongest> text;
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return {"", "it cannot be read: " + reason(errno) + "."};
  std::string value(text.data(), static_cast<std::size_t>(size));
  while (!value.empty() && (value.back() == '\n' || value.back() == ' ' || value.back() == '\t')) value.pop_back();
  for (char& c : value) {
    if (c == '\t') c = ' ';
  }
  return {value, ""};
}

void ProcKnobs::write(const Knob& knob, const std::string& value, const Author&) {
  const std::string name(knob.name);
  const UniqueFd file(open(path_of(knob).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) throw RequestError(errno == ENOENT ? EOPNOTSUPP : errno, name, name + " cannot be set: " + (errno == ENOENT ? absent(knob) : reason(errno) + "."));
  if (::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    throw RequestError(errno == EINVAL ? EINVAL : EIO, name, "the kernel did not take " + name + " = " + value + ": " + reason(errno) + ".");
  }
}

}  // namespace vslog
