// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sits where a socket's filter sits (SO_ATTACH_BPF) on a netlink socket that is subscribed to the events of connection tracking, and copies each message into a
 * ring that the capture has mapped. The message itself is dropped: no receive buffer, no wake-up for each, no system call to fetch it. What finds no room in the
 * ring is counted here, exactly. net/netlink/af_netlink.c, do_one_broadcast().
 */
#include <linux/bpf.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "flow_record.h"

char LICENSE[] SEC("license") = "GPL";

/* An attribute is searched among so many at most. */
#define MOST_ATTRIBUTES 8
/* Where the attributes of a message begin: behind nlmsghdr and nfgenmsg. */
#define ATTRIBUTES (NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg)))

/* Set before the program is loaded. */
const volatile __u8 by_protocol;
const volatile __u32 protocols[8]; /* bit p % 32 of word p / 32: protocol p is wanted */
const volatile __u8 by_address;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vslog_flow_page);
} page SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct vslog_block);
	__type(value, __u8);
} blocks SEC(".maps");

struct span {
	__u32 at; /* 0: there is none */
	__u32 end;
};

/* The value of the first attribute of that type within `in`. */
static __always_inline struct span find(struct __sk_buff *skb, struct span in, __u16 type)
{
	struct span none = {};
	__u32 at = in.at;

	if (!at)
		return none;
	for (int i = 0; i < MOST_ATTRIBUTES; i++) {
		struct nlattr head;

		if (at + NLA_HDRLEN > in.end || bpf_skb_load_bytes(skb, at, &head, sizeof(head)))
			return none;
		if (head.nla_len < NLA_HDRLEN || at + head.nla_len > in.end)
			return none;
		if ((head.nla_type & NLA_TYPE_MASK) == type) {
			struct span value = {at + NLA_HDRLEN, at + head.nla_len};
			return value;
		}
		at += NLA_ALIGN(head.nla_len);
	}
	return none;
}

static __always_inline bool inside_v4(struct __sk_buff *skb, struct span addresses, __u16 type)
{
	struct vslog_block key = {.prefix = 136, .family = 4, .address = {[10] = 0xff, [11] = 0xff}};
	struct span value = find(skb, addresses, type);

	return value.at && !bpf_skb_load_bytes(skb, value.at, key.address + 12, 4) && bpf_map_lookup_elem(&blocks, &key);
}

static __always_inline bool inside_v6(struct __sk_buff *skb, struct span addresses, __u16 type)
{
	struct vslog_block key = {.prefix = 136, .family = 6};
	struct span value = find(skb, addresses, type);

	return value.at && !bpf_skb_load_bytes(skb, value.at, key.address, 16) && bpf_map_lookup_elem(&blocks, &key);
}

/* Whether the flow is one of those that are asked for. What cannot be understood here is: the user side looks again. */
static __always_inline bool is_wanted(struct __sk_buff *skb)
{
	struct span all = {ATTRIBUTES, skb->len};
	struct span tuple = find(skb, all, CTA_TUPLE_ORIG);

	if (!tuple.at)
		return true;
	if (by_protocol) {
		struct span number = find(skb, find(skb, tuple, CTA_TUPLE_PROTO), CTA_PROTO_NUM);
		__u8 protocol;

		if (number.at && !bpf_skb_load_bytes(skb, number.at, &protocol, 1) && !(protocols[protocol >> 5] >> (protocol & 31) & 1))
			return false;
	}
	if (by_address) {
		struct span addresses = find(skb, tuple, CTA_TUPLE_IP);

		if (addresses.at && !inside_v4(skb, addresses, CTA_IP_V4_SRC) && !inside_v4(skb, addresses, CTA_IP_V4_DST) &&
		    !inside_v6(skb, addresses, CTA_IP_V6_SRC) && !inside_v6(skb, addresses, CTA_IP_V6_DST))
			return false;
	}
	return true;
}

static __always_inline void count_loss(struct vslog_flow_page *shared)
{
	__u64 now = bpf_ktime_get_ns();

	if (!shared->first_ns)
		shared->first_ns = now;
	shared->last_ns = now;
	__sync_fetch_and_add(&shared->lost, 1);
}

/* Whether the user side is to be woken. The fetch stands behind the reservation for every processor, as the user side's look at the ring stands behind its store. */
static __always_inline __u64 wake_up(struct vslog_flow_page *shared)
{
	if (!__sync_fetch_and_add(&shared->waiting, 0))
		return BPF_RB_NO_WAKEUP;
	shared->waiting = 0;
	return BPF_RB_FORCE_WAKEUP;
}

/* A reservation's size must be a constant. */
#define COPY_INTO(room)                                                                         \
	do {                                                                                    \
		struct {                                                                        \
			struct vslog_flow_head head;                                            \
			__u8 message[room];                                                     \
		} *record = bpf_ringbuf_reserve(&flows, sizeof(*record), 0);                    \
		if (!record) {                                                                  \
			count_loss(shared);                                                     \
			return 0;                                                               \
		}                                                                               \
		record->head.time_ns = bpf_ktime_get_ns();                                      \
		record->head.size = skb->len;                                                   \
		record->head.reserved = 0;                                                      \
		/* Cannot fail; if it does, what is there is a message that cannot be read. */  \
		if (bpf_skb_load_bytes(skb, 0, record->message, length))                        \
			record->head.size = 0;                                                  \
		bpf_ringbuf_submit(record, wake_up(shared));                                    \
		return 0;                                                                       \
	} while (0)

/* Returns how much of the message the socket shall have: nothing. */
SEC("socket")
int copy_flow(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct vslog_flow_page *shared = bpf_map_lookup_elem(&page, &zero);
	__u32 length = skb->len;

	if (!shared || length == 0)
		return 0;
	if ((by_protocol || by_address) && !is_wanted(skb))
		return 0;
	if (length <= 192)
		COPY_INTO(192);
	if (length <= 256)
		COPY_INTO(256);
	if (length <= 320)
		COPY_INTO(320);
	if (length <= 448)
		COPY_INTO(448);
	if (length <= 768)
		COPY_INTO(768);
	if (length > VSLOG_FLOW_MESSAGE_MAX)
		length = VSLOG_FLOW_MESSAGE_MAX;
	COPY_INTO(VSLOG_FLOW_MESSAGE_MAX);
}
