// Whatever bytes come as a request of the knob or service subsystem: an answer or a refusal, and never a service whose settings were not checked.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <protozero/exception.hpp>

#include "knob/administration.h"
#include "knob/engine_balancer.h"
#include "wire/strict_message.h"

namespace {

using namespace vslog;

class Nobody final : public engine::Observer {
 public:
  void conn(const ConnRecord&) override {}
  void control(const ControlRecord&) override {}
  void ended(std::uint32_t, EndReason) override {}
};

class Silent final : public Witness {
 public:
  void changed(const ControlRecord&) override {}
  void acted(const Author&, std::uint64_t, std::uint64_t) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static constexpr FrameType kTypes[] = {FrameType::knob_list, FrameType::knob_set, FrameType::service_list, FrameType::service_change};
  Nobody nobody;
  engine::Engine engine({}, nobody);
  EngineBalancer balancer(engine, nullptr);
  EngineKnobs knobs(engine);
  KnobStore store([](const KnobChange&, const Netns&, const Author&) {});
  store.add_engine(knobs);
  Silent silent;
  Administration administration(store, balancer, silent);
  try {
    const FrameType type = kTypes[data[0] % 4];
    const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (administration.changes(type)) {
      administration.change(type, payload, {});
    } else {
      const std::unique_ptr<Pieces> pieces = administration.look(type, payload);
      while (pieces->next([](FrameType, const std::string&) {})) {
      }
    }
  } catch (const RequestError&) {
  } catch (const BadRequest&) {
  } catch (const protozero::exception&) {
  }
  for (const ServiceState& service : balancer.list(nullptr)) {
    for (const auto& [name, value] : service.settings) checked_value(need_knob(name), value);
  }
  return 0;
}
