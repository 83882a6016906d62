#include "knob/knob_store.h"

#include <algorithm>
#include <cerrno>

#include "wire/requests.h"

namespace vslog {
namespace {

bool of_services(const Knob& knob) { return knob.backing == KnobBacking::service || knob.backing == KnobBacking::real_server; }

std::string configured(const Knob& knob) {
  return knob.option.empty() ? std::string(".") : ": set " + std::string(knob.option) + " in the configuration and start it again.";
}

}  // namespace

void KnobStore::add(KnobBacking backing, KnobBackend& backend) { backends_[backing] = &backend; }

void KnobStore::add_engine(KnobBackend& engine) { engine_ = &engine; }

KnobBackend* KnobStore::backend_of(const Knob& knob) const {
  if (engine_ != nullptr && (knob.engine || knob.backing == KnobBacking::sysctl_ipvs || knob.backing == KnobBacking::ipvs_netlink)) return engine_;
  const auto at = backends_.find(knob.backing);
  return at == backends_.end() ? nullptr : at->second;
}

KnobReading KnobStore::read(const Knob& knob) {
  if (of_services(knob)) return {"", knob.backing == KnobBacking::service ? "each virtual service has its own." : "each real server has its own."};
  KnobBackend* const backend = backend_of(knob);
  if (backend == nullptr) return {"", knob.engine ? "only source engine has it." : "this source has no such knob."};
  return backend->read(knob);
}

bool KnobStore::settable(const Knob& knob, const KnobReading& reading) const { return reading.problem.empty() && knob.writable && knob.live && !of_services(knob); }

std::vector<KnobChange> KnobStore::plan(const std::vector<KnobAssignment>& assignments) {
  std::vector<KnobChange> changes;
  for (const KnobAssignment& a : assignments) {
    const Knob& knob = need_knob(a.name);
    const std::string name(knob.name);
    if (of_services(knob)) {
      throw RequestError(EINVAL, name, name + ": " + read(knob).problem + " `vslog " + (knob.backing == KnobBacking::service ? "vs set` and its SERVICE" : "rs set` and its SERVICE and ADDRESS") + " say which.");
    }
    if (!knob.writable) throw RequestError(EOPNOTSUPP, name, name + " can only be read: it is given to the module when it is loaded.");
    if (!knob.live) throw RequestError(EOPNOTSUPP, name, name + " works from the capture's next start on" + configured(knob));
    std::string value = checked_value(knob, a.value);
    const KnobReading now = read(knob);
    if (!now.problem.empty()) throw RequestError(EOPNOTSUPP, name, name + " cannot be set: " + now.problem);
    if (std::any_of(changes.begin(), changes.end(), [&knob](const KnobChange& c) { return c.knob == &knob; })) throw RequestError(EINVAL, name, name + " is there twice.");
    changes.push_back({&knob, now.value, std::move(value)});
  }
  return changes;
}

void KnobStore::write(KnobChange& change, const Netns& netns, const Author& author) {
  const Knob& knob = *change.knob;
  KnobBackend& backend = *backend_of(knob);
  if (change.new_value == change.old_value) return;
  backend.write(knob, change.new_value, author);
  const KnobReading after = backend.read(knob);
  const std::string name(knob.name);
  if (!after.problem.empty()) throw RequestError(EIO, name, name + " was set, but cannot be read back: " + after.problem);
  if (after.value == change.old_value) throw RequestError(EIO, name, name + " was set to " + change.new_value + ", but is still " + after.value + ".");
  change.new_value = after.value;  // the kernel may have rounded it
  if (!backend.tells()) told_(change, netns, author);
}

std::string KnobStore::put_back(std::vector<KnobChange> done, const Netns& netns, const Author& author) {
  std::string stuck;
  std::size_t changed = 0;
  std::reverse(done.begin(), done.end());
  for (const KnobChange& c : done) {
    if (c.old_value == c.new_value) continue;
    ++changed;
    try {
      KnobChange back{c.knob, c.new_value, c.old_value};
      write(back, netns, author);
    } catch (const RequestError& e) {
      stuck.append(stuck.empty() ? "" : ", ").append(c.knob->name).append(" = ").append(c.new_value);
    }
  }
  if (!stuck.empty()) return " Could not be put back: " + stuck + ".";
  return changed == 0 ? "" : " What was set before it was put back.";
}

std::vector<KnobChange> KnobStore::set(const std::vector<KnobAssignment>& assignments, const Netns& netns, bool dry_run, const Author& author) {
  if (assignments.empty()) throw RequestError(EINVAL, "assignments", "there is nothing to set.");
  std::vector<KnobChange> changes;
  netns.run([&] {
    changes = plan(assignments);
    if (dry_run) return;
    std::vector<KnobChange> done;
    for (KnobChange& change : changes) {
      try {
        write(change, netns, author);
      } catch (const RequestError& e) {
        throw RequestError(e.code(), e.field(), e.what() + put_back(std::move(done), netns, author));
      }
      done.push_back(change);
    }
  });
  return changes;
}

}  // namespace vslog
