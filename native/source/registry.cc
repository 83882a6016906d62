#include "source/registry.h"

#include "source/conntrack/conntrack_check.h"
#include "source/conntrack/conntrack_source.h"
#include "source/engine/engine_source.h"
#include "source/engine/load_source.h"
#include "source/engine/pcap_source.h"
#include "source/engine/service_options.h"
#include "wire/journal.h"

#ifdef VSLOG_HAVE_IPVS
#include "source/ipvs/preflight.h"
#endif

namespace vslog {

std::string_view source_names() {
#ifdef VSLOG_HAVE_IPVS
  return "ipvs, conntrack, engine, scripted";
#else
  return "conntrack, engine, scripted";
#endif
}

std::unique_ptr<Source> make_source(const SourceOptions& options) {
#ifdef VSLOG_HAVE_IPVS
  if (options.name == "ipvs") return make_ipvs_source(options.ipvs);
#endif
  if (options.name == "conntrack") return make_conntrack_source(options.conntrack);
  if (options.name == "engine") {
    check_source(options);  // a sentence before any socket is bound
    if (!options.engine.pcap.empty()) return make_pcap_source(options.engine);
    if (options.engine.load) return make_load_source(options.engine);
    return make_engine_source(options.engine);
  }
  if (options.name == "scripted") return make_scripted_source(options.scripted);
  throw SourceRefusal("--source " + options.name + " is not in this build, which has: " + std::string(source_names()) + ".");
}

void check_source(const SourceOptions& options) {
#ifdef VSLOG_HAVE_IPVS
  if (options.name == "ipvs") return check_ipvs(options.ipvs.pin_dir);
#endif
  if (options.name == "conntrack") return check_conntrack();
  if (options.name == "engine") {
    try {
      check_setup(options.engine);
    } catch (const engine::ConfigError& e) {
      throw SetupError(e.what());
    }
    if (!options.engine.pcap.empty()) check_pcap(options.engine);
    return;
  }
  make_source(options);
}

std::vector<std::string> choose_source(SourceOptions& options) {
  const EngineSourceOptions& engine = options.engine;
  const bool balances = !engine.services.empty() || engine.load || !engine.pcap.empty();
  std::vector<std::string> passed;
  for (const char* const name : {"ipvs", "conntrack"}) {
    if (name == std::string_view("conntrack") && balances) {
      passed.emplace_back("not source conntrack: what is configured is for a balancer of our own.");
      continue;
    }
    SourceOptions one = options;
    one.name = name;
    try {
      check_source(one);
      options.name = name;
      return passed;
    } catch (const SourceRefusal& e) {
      passed.push_back("not source " + std::string(name) + ": " + e.what());
    }
  }
  if (balances) {
    options.name = "engine";
    return passed;
  }
  std::string all = "nothing can be recorded here: ";
  for (const std::string& why : passed) all += why + " ";
  throw SourceRefusal(all + "Not source engine: nothing is configured to balance; give it a [[service]], or --service.");
}

bool detach_source(const SourceOptions& options) {
#ifdef VSLOG_HAVE_IPVS
  return detach_ipvs(options.ipvs.pin_dir);
#else
  static_cast<void>(options);
  return false;
#endif
}

}  // namespace vslog
