// What a session hands on to a room of its own: knobs, virtual services, real servers.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "event/author.h"
#include "wire/frame.h"

namespace vslog {

/// A request that is refused. what() is a sentence, code() an errno of Linux, field() what of the request it is about.
class RequestError : public std::runtime_error {
 public:
  RequestError(int code, std::string field, const std::string& sentence) : std::runtime_error(sentence), code_(code), field_(std::move(field)) {}
  int code() const { return code_; }
  const std::string& field() const { return field_; }

 private:
  int code_;
  std::string field_;
};

/// Sends one frame of the answer.
using SendPart = std::function<void(FrameType type, const std::string& payload)>;

/// The last frame of an answer.
struct Answer {
  FrameType type = FrameType::control_done;
  std::string payload;
};

/// An answer that is made a piece at a time, as its reader takes it, so that nobody else waits for the whole.
class Pieces {
 public:
  virtual ~Pieces() = default;
  /// Sends the next piece, which takes well below a millisecond. False: that was the last. Throws RequestError.
  virtual bool next(const SendPart& send) = 0;
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  /// Whether frames of that type are its.
  virtual bool takes(FrameType type) const = 0;
  /// Whether such a request changes anything: then only who may set gets as far as change().
  virtual bool changes(FrameType type) const = 0;
  /// Does what is asked, wholly, before it returns. Throws RequestError and BadRequest, and then has changed nothing, and protozero::exception.
  virtual Answer change(FrameType type, std::string_view payload, const Author& author) = 0;
  /// Begins an answer to what changes nothing. It outlives neither the handler nor what the handler shows. Throws as change().
  virtual std::unique_ptr<Pieces> look(FrameType type, std::string_view payload) = 0;
};

}  // namespace vslog
