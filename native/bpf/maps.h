/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, and the small questions asked of them. Sizes marked 1 are set at load. */
#ifndef VSLOG_BPF_MAPS_H
#define VSLOG_BPF_MAPS_H

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vslog_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct vslog_conn_state);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct vslog_drop_state);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VSLOG_LOSS_PLACES);
	__type(key, __u32);
	__type(value, struct vslog_loss);
} losses SEC(".maps");

/* Packets in ip_vs_in_hook whose connection has lost its real server: packet -> connection. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} suspects SEC(".maps");

/* Threads inside a function that ends connections by force: thread -> enum vslog_reason. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} forcing SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} sockopts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct vslog_service_values);
} editing SEC(".maps");

/* Services that were removed while connections of theirs may live. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8);
} removed_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u8);
} overloaded SEC(".maps");

/* Where a drop record is built: too big for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vslog_drop_state);
} scratch_drop SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vslog_conn_state);
} scratch_conn SEC(".maps");

/* Entries of `suspects`: nearly always 0, and then a packet costs one read more. */
volatile int suspect_count = 0;

static __always_inline struct vslog_config *config_get(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&config, &zero);
}

static __always_inline bool netns_wanted(struct netns_ipvs *ipvs)
{
	struct vslog_config *cfg = config_get();
	return cfg && (!cfg->netns || cfg->netns == BPF_CORE_READ(ipvs, net, ns.inum));
}

static __always_inline void count_loss(__u32 place)
{
	struct vslog_loss *loss = bpf_map_lookup_elem(&losses, &place);
	if (!loss)
		return;
	__u64 now = bpf_ktime_get_ns();
	/* Per CPU, but a program may be interrupted by itself: hence atomic. */
	__sync_fetch_and_add(&loss->lost, 1);
	if (!loss->first)
		loss->first = now;
	loss->last = now;
}

/* Room for a record, or NULL and one more loss. */
static __always_inline void *record_begin(__u32 type, __u32 size)
{
	struct vslog_record_head *head = bpf_ringbuf_reserve(&ring, size, 0);
	if (!head) {
		count_loss(VSLOG_LOSS_RING);
		return NULL;
	}
	head->type = type;
	head->size = size;
	return head;
}

#endif
