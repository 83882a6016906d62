// A run of records of one type with consecutive sequences, built as the finished frame that the journal stores and every subscriber gets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "event/conn_record.h"
#include "event/control_record.h"
#include "wire/messages.h"

namespace vslog {

/// A finished batch: the whole frame and the sequences in it.
struct FinishedBatch {
  std::string_view frame;
  std::uint64_t first_sequence = 0;
  std::uint32_t count = 0;
};

class BatchBuilder {
 public:
  static constexpr std::uint32_t kMaxCount = 16384;
  static constexpr std::size_t kMaxBody = 1024 * 1024;

  /// `max_body`: bytes of a batch's body, kMaxBody at most; one more record may come on top.
  BatchBuilder(std::string node, std::string epoch, std::uint64_t next_sequence, std::size_t max_body = kMaxBody);

  /// Appends a record under the next sequence; begins a new batch when the open one is full or of the other type.
  void add(const ConnRecord& record);
  void add(const ControlRecord& record);

  /// Nothing was added since clear().
  bool empty() const { return closed_.empty() && count_ == 0; }
  /// A batch is finished already, or the open one is half full: time to commit, so that the next records do not end one in the middle.
  bool full() const { return !closed_.empty() || count_ >= kMaxCount / 2 || size_ >= max_body_ / 2; }
  /// Records since clear().
  std::uint64_t records() const { return next_ - base_; }

  /// Finishes the open batch. The batches stay valid until the next add() or clear().
  std::vector<FinishedBatch> finish();

  /// Forgets everything; the next record gets `next_sequence`.
  void clear(std::uint64_t next_sequence);

 private:
  struct Closed {
    std::size_t at;
    std::size_t size;
    std::uint64_t first;
    std::uint32_t count;
  };

  template <typename Record>
  void append(const Record& record, RecordType type);
  bool is_full() const { return count_ >= kMaxCount || size_ >= max_body_; }
  void close();

  std::string node_;
  std::string epoch_;
  std::size_t max_body_;
  std::string body_;    // of the open batch
  std::string frames_;  // of the finished ones
  std::vector<Closed> closed_;
  std::size_t size_ = 0;
  RecordType type_ = RecordType::unspecified;
  std::uint32_t count_ = 0;
  std::uint64_t base_;
  std::uint64_t next_;
};

/// The frame of a batch around `body`; the checksum in `header` is set.
std::string batch_frame(const BatchHeader& header, std::string_view body);

}  // namespace vslog
