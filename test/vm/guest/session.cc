#include "session.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "balancer.h"
#include "links.h"
#include "processors.h"
#include "program.h"
#include "sockets.h"
#include "wait.h"

namespace hand {
namespace {

constexpr std::array<const char*, 3> kNamespaces = {"d", "c", "s"};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

void write_file(const std::string& path, const std::string& value) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string line = value + "\n";
  if (fd.get() < 0 || write(fd.get(), line.data(), line.size()) < 0) fail(path);
}

Endpoint place(const std::vector<std::string>& words, std::size_t at) { return endpoint(words.at(at), std::stoi(words.at(at + 1))); }

}  // namespace

Session::Session(int connection, unsigned number) : connection_(connection) {
  stay_on_processor(number);
  wait_only_while_host_at(connection_.get());
}

void Session::serve() {
  try {
    for (std::string line; read_line(line);) {
      const Words words = words_of(line);
      if (words.size() != 2 || words[0] != "batch") return;
      batch(std::stoi(words[1]));
    }
  } catch (const HungUp&) {
  }
  remove();
}

bool Session::read_line(std::string& line) {
  std::size_t end;
  while ((end = unread_.find('\n')) == std::string::npos) {
    std::array<char, 4096> buffer;
    const ssize_t n = read(connection_.get(), buffer.data(), buffer.size());
    if (n <= 0) return false;
    unread_.append(buffer.data(), static_cast<std::size_t>(n));
  }
  line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return true;
}

std::string Session::read_bytes(std::size_t count) {
  while (unread_.size() < count) {
    std::array<char, 4096> buffer;
    const ssize_t n = read(connection_.get(), buffer.data(), buffer.size());
    if (n <= 0) throw HungUp();
    unread_.append(buffer.data(), static_cast<std::size_t>(n));
  }
  const std::string bytes = unread_.substr(0, count);
  unread_.erase(0, count);
  return bytes;
}

void Session::answer(const std::string& head, const std::string& text) {
  const std::string all = head + " " + std::to_string(text.size()) + "\n" + text;
  for (std::size_t done = 0; done < all.size();) {
    const ssize_t n = write(connection_.get(), all.data() + done, all.size() - done);
    if (n <= 0) throw HungUp();
    done += static_cast<std::size_t>(n);
  }
}

void Session::batch(int count) {
  std::string said, trouble;
  int failed = -1;
  for (int i = 0; i < count; ++i) {
    std::string line;
    if (!read_line(line)) throw HungUp();
    Words words = words_of(line);
    const bool to_fail = !words.empty() && words[0] == "fails";
    if (to_fail) words.erase(words.begin());
    // What stands behind a command is read even when that is not performed.
    if (!words.empty() && words[0] == "script") words.at(1) = read_bytes(std::stoul(words.at(1)));
    if (!words.empty() && words[0] == "feed") words.at(2) = read_bytes(std::stoul(words.at(2)));
    if (failed >= 0) continue;
    try {
      said += perform(std::move(words), to_fail);
      if (!to_fail) continue;
      trouble = line + ": should have failed";
    } catch (const Refused& error) {
      if (to_fail) continue;
      trouble = line + ": " + error.what();
    } catch (const std::exception& error) {
      trouble = line + ": " + error.what();
    } catch (const HungUp&) {
      std::fprintf(stderr, "hand: the host hung up during: %s\n", line.c_str());  // the console tells which command had no end
      throw;
    }
    failed = i;
  }
  if (failed < 0) answer("done", said);
  else answer("failed " + std::to_string(failed), trouble);
}

std::string Session::perform(Words words, bool to_fail) {
  const std::string verb = words.at(0);
  if (verb == "script") {
    const Outcome outcome = run({"bash", "-c", words.at(1)}, "");
    return std::to_string(outcome.code) + "\n" + outcome.output;
  }
  if (verb == "sleep") {
    pause(std::chrono::milliseconds(std::stoul(words.at(1))), "a step of the scenario");
    return "";
  }
  if (verb == "namespaces") return namespaces(words.at(1), words.at(2));
  if (verb == "remove") remove();
  else if (verb == "removedirector") remove_director();
  else if (verb == "signal") send_signal(words.at(1), std::stoi(words.at(2)), words.size() > 3);
  else if (verb == "serve" || verb == "open" || verb == "burst" || verb == "halfopen" || verb == "unanswered" || verb == "packets" || words.size() == 2) do_traffic(words, to_fail);
  else return do_network(words);
  return "";
}

std::string Session::do_network(const Words& words) {
  const std::string& verb = words.at(0);
  if (verb == "pair") {
    add_pair(ns(words.at(1)), words.at(2), ns(words.at(3)), words.at(4));
    return "";
  }
  if (verb == "timeouts") {
    const Inside inside(ns("d"));
    set_timeouts(std::stoi(words.at(1)), std::stoi(words.at(2)), std::stoi(words.at(3)));
    return "";
  }
  std::optional<Inside> inside;
  if (words.at(1) != "-") inside.emplace(ns(words.at(1)));
  if (verb == "address") add_address(words.at(2), words.at(3));
  else if (verb == "up") {
    for (std::size_t i = 2; i < words.size(); ++i) set_device(words[i], true);
  } else if (verb == "ready") {
    for (std::size_t i = 2; i < words.size(); ++i) until_ready(words[i]);
  } else if (verb == "route") add_route(words.at(2), words.at(3), words.size() > 4 ? words[4] : "");
  else if (verb == "write") write_file("/proc/sys/net/" + words.at(2), words.at(3));
  else if (verb == "markers") return std::to_string(add_markers(static_cast<unsigned>(std::stoul(words.at(2))))) + "\n";
  else if (verb == "start") start(words.at(2), Words(words.begin() + 3, words.end()));
  else if (verb == "run" || verb == "feed") {
    const bool fed = verb == "feed";
    const Outcome outcome = run(Words(words.begin() + (fed ? 3 : 2), words.end()), fed ? words.at(2) : "");
    if (outcome.code != 0) throw std::runtime_error("exit " + std::to_string(outcome.code) + "\n" + outcome.output);
    return outcome.output;
  } else {
    throw std::runtime_error("no such command");
  }
  return "";
}

void Session::do_traffic(const Words& words, bool to_fail) {
  const std::string& verb = words.at(0);
  const Inside inside(ns(verb == "serve" ? "s" : "c"));
  if (verb == "serve") return servers_->add(words.at(1), words.at(2), std::stoi(words.at(3)));
  std::exception_ptr trouble;
  Fd asked;
  try {
    if (verb == "open") clients_->open(words.at(1), words.at(2), place(words, 3), place(words, 5));
    else if (verb == "burst") burst(words.at(1), std::stoi(words.at(2)), words.at(3), std::stoi(words.at(4)), place(words, 5));
    else if (verb == "halfopen") half_open(std::stoi(words.at(1)), words.at(2), std::stoi(words.at(3)), place(words, 4));
    else if (verb == "unanswered") asked = connecting_from(words.at(1), place(words, 2), place(words, 4));
    else if (verb == "packets") packets(std::stoi(words.at(1)), place(words, 2), place(words, 4));
    else clients_->act(words.at(1), verb, to_fail);
  } catch (...) {
    trouble = std::current_exception();
  }
  echo_request_->settle(echo_);
  servers_->until_idle();
  // Their answers have been sent by now, and so has one that takes a longer way than the echo's: the next echo comes after both.
  echo_request_->settle(echo_);
  if (trouble) std::rethrow_exception(trouble);
  if (asked.get() >= 0) must_be_unanswered(asked);
}

std::string Session::namespaces(const std::string& name, const std::string& echo) {
  name_ = name;
  echo_ = echo;
  for (const char* letter : kNamespaces) namespaces_.insert_or_assign(letter, make_namespace(std::string(letter) + "_" + name));
  servers_ = std::make_unique<Servers>();
  clients_ = std::make_unique<Clients>();
  {
    const Inside inside(ns("c"));
    echo_request_ = std::make_unique<EchoRequest>();
  }
  struct stat info{};
  if (fstat(ns("d"), &info) != 0) fail("stat");
  return std::to_string(info.st_ino) + "\n";
}

void Session::remove_director() {
  namespaces_.erase("d");
  forget_namespace("d_" + name_);
  // Its devices go after everything else of it, and their other ends with them (net/core/dev.c, default_device_exit_batch).
  const Inside inside(ns("c"));
  until([] { return if_nametoindex("c0") == 0; });
}

void Session::remove() {
  if (name_.empty()) return;
  // First the devices: the ends of the sockets shall reach no director.
  for (const char* letter : {"c", "s"}) {
    const Inside inside(ns(letter));
    set_device("x", false);
    if (namespaces_.contains("d")) set_device(std::string(letter) + "0", false);
  }
  clients_.reset();
  servers_.reset();
  echo_request_.reset();
  namespaces_.clear();
  for (const char* letter : kNamespaces) forget_namespace(std::string(letter) + "_" + name_);
  name_.clear();
}

int Session::ns(const std::string& letter) const {
  const auto found = namespaces_.find(letter);
  if (found == namespaces_.end()) throw std::runtime_error("no namespace is called " + letter);
  return found->second.get();
}

}  // namespace hand
