#include "engine/engine.h"

#include "engine/core.h"

namespace vslog::engine {

Engine::Engine(const EngineOptions& options, Observer& observer) : core_(std::make_unique<Core>(options, observer)) {}
Engine::~Engine() = default;

Outcome Engine::receive(const Packet& packet, Time now) { return core_->receive(packet, now); }
void Engine::advance(Time now) { core_->advance(now); }
Time Engine::now() const { return core_->now(); }
bool Engine::set_user(ConnRef conn, std::uint32_t user) { return core_->set_user(conn, user); }
bool Engine::alive(ConnRef conn) const { return core_->alive(conn); }
void Engine::add_service(const ServiceConfig& config, const Author& author) { core_->add_service(config, author); }
void Engine::edit_service(const ServiceConfig& config, const Author& author) { core_->edit_service(config, author); }
void Engine::remove_service(const ServiceKey& key, const Author& author) { core_->remove_service(key, author); }
void Engine::add_real(const ServiceKey& key, const RealConfig& config, const Author& author) { core_->add_real(key, config, author); }
void Engine::edit_real(const ServiceKey& key, const RealConfig& config, const Author& author) { core_->edit_real(key, config, author); }
void Engine::remove_real(const ServiceKey& key, const Endpoint& at, const Author& author) { core_->remove_real(key, at, author); }
void Engine::set_knob(std::string_view name, std::string_view value, const Author& author) { core_->set_knob(name, value, author); }
const Knobs& Engine::knobs() const { return core_->knobs(); }
std::vector<const Service*> Engine::services() const { return core_->services(); }
const Service* Engine::find_service(const ServiceKey& key) const { return core_->find_service(key); }
ExpireResult Engine::expire(const ConnFilter& filter, EndReason reason) { return core_->expire(filter, reason); }
std::future<ExpireResult> Engine::request_expire(const ConnFilter& filter) { return core_->request_expire(filter); }
bool Engine::visit_some(WalkPosition& at, std::uint32_t entries, const ConnFilter& filter, const std::function<void(const ConnRecord&)>& visit) const { return core_->visit_some(at, entries, filter, visit); }
EngineFigures Engine::figures() const { return core_->figures(); }
std::vector<std::string> Engine::inconsistencies() const { return core_->inconsistencies(); }

}  // namespace vslog::engine
