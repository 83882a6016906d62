// A protobuf message read strictly: a request that lost a part on the way to an older capture would mean something else than its sender did.
#pragma once

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace vslog {

/// A request that cannot be. what() is a sentence, field() the part of it.
class BadRequest : public std::invalid_argument {
 public:
  BadRequest(std::string field, const std::string& sentence) : std::invalid_argument(sentence), field_(std::move(field)) {}
  const std::string& field() const { return field_; }

 private:
  std::string field_;
};

/// One message's fields by number; each must have the wire type that it is asked for with. Throws BadRequest, and protozero::exception at bytes that are no message.
class StrictMessage {
 public:
  /// `name`: of the field that holds it, for sentences; empty for the request itself.
  StrictMessage(std::string_view bytes, std::string name) : reader_(protozero::data_view(bytes.data(), bytes.size())), name_(std::move(name)) {}

  bool next() { return reader_.next(); }
  std::uint32_t tag() const { return reader_.tag(); }

  /// A number of at most `max`.
  std::uint64_t number(const char* field, std::uint64_t max) {
    need(protozero::pbf_wire_type::varint, field);
    const std::uint64_t value = reader_.get_uint64();
    if (value > max) throw BadRequest(path(field), path(field) + " " + std::to_string(value) + " must be at most " + std::to_string(max) + ".");
    return value;
  }
  std::uint64_t fixed(const char* field) {
    need(protozero::pbf_wire_type::fixed64, field);
    return reader_.get_fixed64();
  }
  /// Bytes, a text or a message.
  std::string_view bytes(const char* field) {
    need(protozero::pbf_wire_type::length_delimited, field);
    const protozero::data_view view = reader_.get_view();
    return {view.data(), view.size()};
  }
  [[noreturn]] void unknown() const {
    throw BadRequest(name_, "field " + std::to_string(reader_.tag()) + " of " + (name_.empty() ? "the request" : name_) + " is not known: this capture is older than who asks it.");
  }
  std::string path(const char* field) const { return name_.empty() ? field : name_ + "." + field; }

 private:
  void need(protozero::pbf_wire_type type, const char* field) const {
    if (reader_.wire_type() != type) throw BadRequest(path(field), path(field) + " is of another type than it must be.");
  }

  protozero::pbf_reader reader_;
  std::string name_;
};

}  // namespace vslog
