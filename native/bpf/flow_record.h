/* SPDX-License-Identifier: GPL-2.0-only */
/* What conntrack.bpf.c writes into its ring, and what it shares with the user side. */
#ifndef VSLOG_BPF_FLOW_RECORD_H
#define VSLOG_BPF_FLOW_RECORD_H

#include <linux/types.h>

/* The longest message that is copied whole. One about a flow is 150 to 700 bytes; of a longer one only so much comes. */
#define VSLOG_FLOW_MESSAGE_MAX 2048

/* Before each message. What follows it may be longer than `size`: room was taken in steps. */
struct vslog_flow_head {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 size;    /* of the message; above VSLOG_FLOW_MESSAGE_MAX: it is cut */
	__u32 reserved;
};

/* Key of the map of wanted address blocks, for BPF_MAP_TYPE_LPM_TRIE. */
struct vslog_block {
	__u32 prefix; /* bits of what follows */
	__u8 family;  /* 4 or 6: ::/0 is not all of IPv4 */
	__u8 address[16];
	__u8 reserved[3];
};

/* One page that both sides have mapped. */
struct vslog_flow_page {
	__u64 lost;     /* messages that found no room in the ring; counted by the kernel side */
	__u64 first_ns; /* CLOCK_MONOTONIC of the first and the last of them */
	__u64 last_ns;
	__u32 waiting;  /* set by the user side before it sleeps, taken back by who wakes it */
	__u32 reserved;
};

#endif
