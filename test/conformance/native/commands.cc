#include "commands.h"

#include <stdexcept>

#include "parse.h"

namespace vslog::conformance {
namespace {

/// How long a client waits for an answer, as in test/vm/flows/flows.cc.
constexpr Time kPatience = 5 * kSecond;
/// Longer than packets need, shorter than any retransmission.
constexpr Time kSettled = 20 * kMillisecond;

const engine::Author kAuthor = [] {
  engine::Author author;
  author.uid = 0;
  author.pid = 1;
  author.command = "scenario";
  return author;
}();

void must(bool right, const std::string& sentence) {
  if (!right) throw std::runtime_error(sentence);
}

std::vector<std::string> from(const std::vector<std::string>& words, std::size_t first) {
  return {words.begin() + static_cast<std::ptrdiff_t>(first), words.end()};
}

}  // namespace

std::string Commands::obey(const std::string& line) {
  const Words words = words_of(line);
  must(!words.empty(), "an empty line");
  const std::string& verb = words[0];
  if (verb == "sleep" || verb == "wait") return passage_of_time(words);
  if (verb == "own" || verb == "mark" || verb == "direct-replies" || verb == "serve") return set_up(words), "";
  if (verb == "service" || verb == "real" || verb == "knob") {
    configure(words);
    settle();
    return "";
  }
  if (verb == "check") {
    std::string all;
    for (const std::string& sentence : network_.engine.inconsistencies()) all += (all.empty() ? "" : "; ") + sentence;
    return all;
  }
  const std::string answer = traffic(words);
  settle();
  return answer;
}

std::string Commands::passage_of_time(const Words& words) {
  must(words.size() == 2, "use sleep MILLISECONDS, wait MILLISECONDS");
  const std::uint64_t before = network_.log.records();
  const bool waits = words[0] == "wait";
  const bool told = network_.run(number(words[1]) * kMillisecond, [&] { return waits && network_.log.records() != before; });
  return told ? "" : std::to_string(network_.clock.now() / kMillisecond);
}

void Commands::set_up(const Words& words) {
  if (words[0] == "own" && words.size() == 2) network_.own.push_back(endpoint(words[1], "0").address);
  else if (words[0] == "mark" && words.size() == 4)
    network_.marks[{protocol(words[1]), static_cast<std::uint16_t>(number(words[2]))}] = static_cast<std::uint32_t>(number(words[3]));
  else if (words[0] == "serve" && words.size() == 4) network_.servers.serve(protocol(words[1]), endpoint(words[2], words[3]));
  else if (words[0] == "direct-replies" && words.size() == 1) network_.direct_replies = true;
  else throw std::runtime_error("use own ADDRESS, mark PROTOCOL PORT MARK, serve PROTOCOL ADDRESS PORT, direct-replies");
}

void Commands::configure(const Words& words) {
  auto& engine = network_.engine;
  if (words[0] == "knob") {
    must(words.size() == 3, "use knob NAME VALUE");
    return engine.set_knob(words[1], words[2], kAuthor);
  }
  must(words.size() >= 5, "use service|real add|edit|delete KEY ...");
  const auto key = service_key(words[2], words[3], words[4]);
  const std::string what = words[0] + " " + words[1];
  if (what == "service add") return engine.add_service(service(key, from(words, 5)), kAuthor);
  if (what == "service edit") return engine.edit_service(service(key, from(words, 5)), kAuthor);
  if (what == "service delete") return engine.remove_service(key, kAuthor);
  must(words.size() >= 7, "use real add|edit|delete KEY ADDRESS PORT ...");
  const auto at = endpoint(words[5], words[6]);
  if (what == "real add") return engine.add_real(key, real(at, from(words, 7)), kAuthor);
  if (what == "real edit") return engine.edit_real(key, real(at, from(words, 7)), kAuthor);
  if (what == "real delete") return engine.remove_real(key, at, kAuthor);
  throw std::runtime_error("no such command: " + what);
}

std::string Commands::traffic(const Words& words) {
  const std::string& verb = words[0];
  if (verb == "open" && words.size() == 7) return open(words), "";
  if (verb == "packets" && words.size() == 6) return packets(words), "";
  if (verb == "burst" && words.size() == 7) return std::to_string(burst(words));
  if (verb == "halfopen" && words.size() == 6) return half_open(words), "";
  if (words.size() == 2) return act(verb, words[1]), "";
  throw std::runtime_error("no such command: " + verb);
}

void Commands::open(const Words& words) {
  const auto socket = client(protocol(words[2]), endpoint(words[3], words[4]), endpoint(words[5], words[6]));
  must(socket != nullptr, "the client's address is in use");
  socket->connect();
  network_.run(kPatience, [&] { return socket->connected() || socket->over(); });
  if (!socket->connected() || socket->over()) {
    const bool refused = socket->over();
    socket->abort();
    throw std::runtime_error(refused ? "connection refused" : "no answer");
  }
  if (socket->protocol() == engine::kUdp) socket->write('p');
  open_[words[1]] = socket;
}

void Commands::act(const std::string& verb, const std::string& name) {
  const auto found = open_.find(name);
  must(found != open_.end(), "nothing is open as " + name);
  Socket& socket = *found->second;
  const auto drained = [&] { return network_.run(kPatience, [&] { return socket.at_end() || socket.over(); }) && socket.at_end(); };
  if (verb == "send") return must(echoed(socket, 'p'), "no answer");
  if (verb == "post") return must(socket.write('p'), "not sent");
  if (verb == "reset") return socket.abort();
  if (verb == "halfclose") {
    must(echoed(socket, 'k'), "no answer");
    return socket.shutdown();
  }
  if (verb == "close") {
    socket.shutdown();
    return must(drained(), "the server did not close");
  }
  if (verb == "serverclose" || verb == "serverhalfclose") {
    must(socket.write(verb == "serverclose" ? 'q' : 'h'), "not sent");
    must(drained(), "the server did not close");
    if (verb == "serverclose") socket.shutdown();
    return;
  }
  throw std::runtime_error("no such command: " + verb);
}

bool Commands::echoed(Socket& socket, char byte) {
  if (!socket.write(byte)) return false;
  bool read = false;
  network_.run(kPatience, [&] { return (read = read || socket.read()) || socket.over() || socket.failed(); });
  return read;
}

unsigned Commands::burst(const Words& words) {
  const auto transport = protocol(words[1]);
  unsigned answered = 0;
  for (std::uint64_t i = 0; i < number(words[2]); ++i) {
    const auto socket = client(transport, endpoint(words[3], std::to_string(number(words[4]) + i)), endpoint(words[5], words[6]));
    if (!socket) continue;
    socket->connect();
    network_.run(kPatience, [&] { return socket->connected() || socket->over(); });
    if (echoed(*socket, 'p')) ++answered;
    socket->abort();
  }
  return answered;
}

void Commands::packets(const Words& words) {
  const auto socket = client(engine::kUdp, endpoint(words[2], words[3]), endpoint(words[4], words[5]));
  must(socket != nullptr, "the client's address is in use");
  socket->connect();
  for (std::uint64_t i = 0; i < number(words[1]); ++i) {
    if (!socket->write('p')) socket->write('p');
    settle();
  }
  socket->abort();
}

void Commands::half_open(const Words& words) {
  for (std::uint64_t i = 0; i < number(words[1]); ++i) {
    const auto socket = client(engine::kTcp, endpoint(words[2], std::to_string(number(words[3]) + i)), endpoint(words[4], words[5]));
    if (!socket) continue;
    socket->connect();
    socket->abort();
  }
}

std::shared_ptr<Socket> Commands::client(std::uint8_t transport, const Endpoint& source, const Endpoint& target) {
  const auto& a = source.address;
  const bool mapped = a[10] == 0xff && a[11] == 0xff && a[0] == 0;
  return network_.clients.open(transport, mapped ? 4 : 6, source, target);
}

void Commands::settle() {
  network_.run(kSettled, [] { return false; });
}

}  // namespace vslog::conformance
