#include "source/bpf/kernel_ring.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace vslog {
namespace {

/// A file laid out as the kernel maps a ring: consumer page, producer page, data. The kernel maps the data twice; here the copy is written by hand.
class FakeRing {
 public:
  FakeRing() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))), fd_(memfd_create("ring", MFD_CLOEXEC)) {
    if (ftruncate(fd_, static_cast<off_t>(2 * page_ + 2 * kBytes)) != 0) throw std::runtime_error("ftruncate");
    base_ = static_cast<std::byte*>(mmap(nullptr, 2 * page_ + 2 * kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0));
  }
  ~FakeRing() {
    munmap(base_, 2 * page_ + 2 * kBytes);
    close(fd_);
  }

  /// Appends a record with these flag bits in its length. Returns where it began.
  std::uint64_t put(const std::string& text, std::uint32_t flags = 0) {
    const std::uint64_t at = produced();
    write(at, static_cast<std::uint32_t>(text.size()) | flags);
    for (std::size_t i = 0; i < text.size(); ++i) byte(at + BPF_RINGBUF_HDR_SZ + i, static_cast<std::byte>(text[i]));
    set_produced(at + (text.size() + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8);
    return at;
  }
  void finish(std::uint64_t at, std::uint32_t length) { write(at, length); }
  std::uint64_t produced() const { return word(page_); }
  std::uint64_t consumed() const { return word(0); }
  int fd() const { return fd_; }

  static constexpr std::size_t kBytes = 4096;

 private:
  std::uint64_t word(std::size_t at) const {
    std::uint64_t v;
    std::memcpy(&v, base_ + at, sizeof v);
    return v;
  }
  void set_produced(std::uint64_t v) { std::memcpy(base_ + page_, &v, sizeof v); }
  void byte(std::uint64_t at, std::byte b) {
    base_[2 * page_ + (at & (kBytes - 1))] = b;
    base_[2 * page_ + kBytes + (at & (kBytes - 1))] = b;
  }
  void write(std::uint64_t at, std::uint32_t v) {
    for (unsigned i = 0; i < 4; ++i) byte(at + i, static_cast<std::byte>(v >> (8 * i)));
  }

  std::size_t page_;
  int fd_;
  std::byte* base_;
};

std::string text(const KernelRing::Record& r) { return {reinterpret_cast<const char*>(r.bytes.data()), r.bytes.size()}; }

TEST(KernelRingTest, ReadsInOrderAndReleasesOnlyWhenTold) {
  FakeRing fake;
  KernelRing ring(fake.fd(), FakeRing::kBytes);
  fake.put("one");
  fake.put("two, longer");
  EXPECT_EQ(text(ring.next()), "one");
  EXPECT_EQ(text(ring.next()), "two, longer");
  EXPECT_FALSE(ring.next().found);
  EXPECT_EQ(fake.consumed(), 0U);
  EXPECT_FALSE(ring.release(ring.position()));
  EXPECT_EQ(fake.consumed(), ring.position());
}

TEST(KernelRingTest, StopsAtARecordThatIsBeingWritten) {
  FakeRing fake;
  KernelRing ring(fake.fd(), FakeRing::kBytes);
  const std::uint64_t at = fake.put("later", BPF_RINGBUF_BUSY_BIT);
  fake.put("after it");
  EXPECT_FALSE(ring.next().found);
  fake.finish(at, 5);
  EXPECT_EQ(text(ring.next()), "later");
  EXPECT_EQ(text(ring.next()), "after it");
}

TEST(KernelRingTest, SkipsWhatItsProducerDiscarded) {
  FakeRing fake;
  KernelRing ring(fake.fd(), FakeRing::kBytes);
  fake.put("no", BPF_RINGBUF_DISCARD_BIT);
  fake.put("yes");
  const KernelRing::Record discarded = ring.next();
  EXPECT_TRUE(discarded.found);
  EXPECT_TRUE(discarded.bytes.empty());
  EXPECT_EQ(text(ring.next()), "yes");
}

TEST(KernelRingTest, SaysWhenNoWakeUpWillCome) {
  FakeRing fake;
  KernelRing ring(fake.fd(), FakeRing::kBytes);
  fake.put("one");
  ring.next();
  fake.put("came while the first was being kept");
  EXPECT_TRUE(ring.release(ring.position()));
  const std::uint64_t before = ring.position();
  ring.next();
  fake.put("unfinished", BPF_RINGBUF_BUSY_BIT);
  EXPECT_FALSE(ring.release(ring.position())) << "its producer will find us waiting and wake us";
  EXPECT_GT(ring.position(), before);
}

TEST(KernelRingTest, ASecondReaderGoesOnWhereTheFirstReleased) {
  FakeRing fake;
  fake.put("kept");
  fake.put("read, then killed");
  {
    KernelRing first(fake.fd(), FakeRing::kBytes);
    first.next();
    first.release(first.position());
    first.next();
  }
  KernelRing second(fake.fd(), FakeRing::kBytes);
  EXPECT_EQ(text(second.next()), "read, then killed");
}

TEST(KernelRingTest, RecordsWrapAroundTheEnd) {
  FakeRing fake;
  KernelRing ring(fake.fd(), FakeRing::kBytes);
  for (int i = 0; i < 1000; ++i) {
    const std::string want = std::string(static_cast<std::size_t>(i % 90), 'x') + std::to_string(i);
    fake.put(want);
    ASSERT_EQ(text(ring.next()), want);
    ring.release(ring.position());
  }
}

}  // namespace
}  // namespace vslog
