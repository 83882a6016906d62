#include "source/conntrack/flow_filter.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include <algorithm>

namespace vslog {
namespace {

constexpr std::uint32_t kTake = 0xffffffff;
constexpr std::uint32_t kDrop = 0;
constexpr std::uint32_t kAttributes = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));

bool inside(const AddressBlock& block, const Address& address) {
  const std::size_t whole = block.prefix / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), block.address.begin())) return false;
  const unsigned rest = block.prefix % 8;
  return rest == 0 || (address[whole] ^ block.address[whole]) >> (8 - rest) == 0;
}

/// Classic BPF over a netlink message. The kernel finds attributes for it: net/core/filter.c, SKF_AD_NLATTR.
class Program {
 public:
  void load(std::uint32_t value) { add(BPF_LD | BPF_IMM, value); }
  /// A = offset of attribute `type`, searched from offset A on; 0 when there is none.
  void find(std::uint16_t type) { seek(SKF_AD_NLATTR, type); }
  /// A = offset of attribute `type` inside the attribute at A.
  void find_inside(std::uint16_t type) { seek(SKF_AD_NLATTR_NEST, type); }
  void save(std::uint32_t cell) { add(BPF_ST, cell); }
  void restore(std::uint32_t cell) { add(BPF_LD | BPF_MEM, cell); }
  /// X = A, for load_value().
  void point() { add(BPF_MISC | BPF_TAX, 0); }
  /// A = the value of the attribute at X, `size` BPF_B or BPF_W, from byte `at` on.
  void load_value(std::uint16_t size, std::uint32_t at = 0) { add(static_cast<std::uint16_t>(BPF_LD | size | BPF_IND), NLA_HDRLEN + at); }
  void mask(std::uint32_t bits) { add(BPF_ALU | BPF_AND, bits); }
  void answer(std::uint32_t what) { add(BPF_RET | BPF_K, what); }
  void answer_if(std::uint32_t value, std::uint32_t what) {
    code_.push_back(sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value});
    answer(what);
  }
  /// A jump whose goal land() gives, taken when A is (or is not) `value`.
  std::size_t jump(bool when_equal, std::uint32_t value) {
    code_.push_back(sock_filter{BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint8_t>(when_equal ? 0 : 1), static_cast<std::uint8_t>(when_equal ? 1 : 0), value});
    code_.push_back(sock_filter{BPF_JMP | BPF_JA, 0, 0, 0});
    return code_.size() - 1;
  }
  void land(std::size_t jump) { code_[jump].k = static_cast<std::uint32_t>(code_.size() - jump - 1); }

  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  void add(std::uint16_t code, std::uint32_t k) { code_.push_back(sock_filter{code, 0, 0, k}); }
  void seek(std::uint32_t how, std::uint16_t type) {
    add(BPF_LDX | BPF_IMM, type);
    add(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF) + how);
  }
  std::vector<sock_filter> code_;
};

std::uint32_t word_of(const AddressBlock& block, unsigned word) {
  const std::uint8_t* b = block.address.data() + word * 4;
  return static_cast<std::uint32_t>(b[0]) << 24 | static_cast<std::uint32_t>(b[1]) << 16 | static_cast<std::uint32_t>(b[2]) << 8 | b[3];
}

std::uint32_t mask_of(const AddressBlock& block, unsigned word) {
  const int bits = std::clamp(static_cast<int>(block.prefix) - static_cast<int>(word) * 32, 0, 32);
  return bits == 0 ? 0 : 0xffffffffU << (32 - bits);
}

/// Takes the event when the address of attribute `type` of the CTA_TUPLE_IP at `cell` is in one of the blocks. `first`: the first word that the attribute's value has.
void take_if_inside(Program& p, std::uint32_t cell, std::uint16_t type, const std::vector<AddressBlock>& blocks, unsigned first) {
  p.restore(cell);
  p.find_inside(type);
  const std::size_t none = p.jump(true, 0);
  p.point();
  for (const AddressBlock& block : blocks) {
    std::vector<std::size_t> others;
    for (unsigned word = first; word < 4; ++word) {
      const std::uint32_t mask = mask_of(block, word);
      if (mask == 0) break;
      p.load_value(BPF_W, (word - first) * 4);
      p.mask(mask);
      others.push_back(p.jump(false, word_of(block, word)));
    }
    p.answer(kTake);
    for (const std::size_t other : others) p.land(other);
  }
  p.land(none);
}

}  // namespace

bool is_ipv4(const AddressBlock& block) {
  return block.prefix >= 96 && std::all_of(block.address.begin(), block.address.begin() + 10, [](std::uint8_t b) { return b == 0; }) && block.address[10] == 0xff && block.address[11] == 0xff;
}

bool FlowFilter::takes(const Flow& flow) const {
  if (!protocols_.empty() && std::find(protocols_.begin(), protocols_.end(), flow.protocol) == protocols_.end()) return false;
  if (addresses_.empty()) return true;
  return std::any_of(addresses_.begin(), addresses_.end(), [&](const AddressBlock& b) {
    return is_ipv4(b) == (flow.family == 4) && (inside(b, flow.original.source) || inside(b, flow.original.destination));
  });
}

std::vector<sock_filter> FlowFilter::program() const {
  if (all()) return {};
  constexpr std::uint32_t kTuple = 0;
  constexpr std::uint32_t kAddresses = 1;
  Program p;
  p.load(kAttributes);
  p.find(CTA_TUPLE_ORIG);
  p.answer_if(0, kTake);
  p.save(kTuple);
  if (!protocols_.empty()) {
    p.find_inside(CTA_TUPLE_PROTO);
    p.answer_if(0, kTake);
    p.find_inside(CTA_PROTO_NUM);
    p.answer_if(0, kTake);
    p.point();
    p.load_value(BPF_B);
    std::vector<std::size_t> known;
    known.reserve(protocols_.size());
    for (const std::uint8_t protocol : protocols_) known.push_back(p.jump(true, protocol));
    p.answer(kDrop);
    for (const std::size_t jump : known) p.land(jump);
  }
  if (addresses_.empty()) {
    p.answer(kTake);
    return p.take();
  }
  p.restore(kTuple);
  p.find_inside(CTA_TUPLE_IP);
  p.answer_if(0, kTake);
  p.save(kAddresses);
  std::vector<AddressBlock> four;
  std::vector<AddressBlock> six;
  for (const AddressBlock& block : addresses_) (is_ipv4(block) ? four : six).push_back(block);
  if (!four.empty()) {
    take_if_inside(p, kAddresses, CTA_IP_V4_SRC, four, 3);
    take_if_inside(p, kAddresses, CTA_IP_V4_DST, four, 3);
  }
  if (!six.empty()) {
    take_if_inside(p, kAddresses, CTA_IP_V6_SRC, six, 0);
    take_if_inside(p, kAddresses, CTA_IP_V6_DST, six, 0);
  }
  p.answer(kDrop);
  return p.take();
}

}  // namespace vslog
