#include "wire/batch.h"

#include <algorithm>
#include <iterator>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include "wire/crc32c.h"
#include "wire/encoder.h"
#include "wire/frame.h"
#include "wire/messages.h"

namespace vslog {
namespace {

/// All of a batch's frame that stands before the body.
std::string front(const BatchHeader& header, std::size_t body_size) {
  std::string out(kFrameHeaderSize, '\0');
  protozero::pbf_writer w(out);
  w.add_message(field::EventBatch::header, encode(header));
  out.push_back(static_cast<char>(field::EventBatch::body << 3 | static_cast<std::uint32_t>(protozero::pbf_wire_type::length_delimited)));
  protozero::write_varint(std::back_inserter(out), body_size);
  encode_header({static_cast<std::uint32_t>(out.size() + body_size), static_cast<std::uint16_t>(FrameType::event_batch), 0, 0, 0}, out.data());
  return out;
}

}  // namespace

BatchBuilder::BatchBuilder(std::string node, std::string epoch, std::uint64_t next_sequence, std::size_t max_body)
    : node_(std::move(node)), epoch_(std::move(epoch)), max_body_(std::min(max_body, kMaxBody)), body_(max_body_ + kMaxControlSize, '\0'), base_(next_sequence), next_(next_sequence) {}

template <typename Record>
void BatchBuilder::append(const Record& record, RecordType type) {
  if (count_ != 0 && (type != type_ || is_full())) close();
  type_ = type;
  char* const at = body_.data() + size_;
  size_ += static_cast<std::size_t>(encode(record, next_, at) - at);
  ++next_;
  ++count_;
}

void BatchBuilder::add(const ConnRecord& record) { append(record, RecordType::conn); }
void BatchBuilder::add(const ControlRecord& record) { append(record, RecordType::control); }

void BatchBuilder::close() {
  const std::string_view body(body_.data(), size_);
  const std::uint64_t first = next_ - count_;
  const std::size_t at = frames_.size();
  frames_ += front({type_, node_, epoch_, first, count_, crc32c(body), false}, size_);
  frames_ += body;
  closed_.push_back({at, frames_.size() - at, first, count_});
  size_ = 0;
  count_ = 0;
}

std::vector<FinishedBatch> BatchBuilder::finish() {
  if (count_ != 0) close();
  std::vector<FinishedBatch> out;
  for (const Closed& c : closed_) out.push_back({std::string_view(frames_).substr(c.at, c.size), c.first, c.count});
  return out;
}

void BatchBuilder::clear(std::uint64_t next_sequence) {
  closed_.clear();
  frames_.clear();
  size_ = 0;
  count_ = 0;
  base_ = next_ = next_sequence;
}

std::string batch_frame(const BatchHeader& header, std::string_view body) {
  BatchHeader h = header;
  h.crc32c = crc32c(body);
  return front(h, body.size()).append(body);
}

}  // namespace vslog
