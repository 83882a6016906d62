/* SPDX-License-Identifier: GPL-2.0-only */
/* Records of connections. */
#ifndef VSLOG_BPF_CONN_H
#define VSLOG_BPF_CONN_H

/* include/uapi/linux/ip_vs.h, include/uapi/linux/netfilter.h */
#define IP_VS_CONN_F_FWD_MASK 0x0007
#define IP_VS_CONN_F_BYPASS 0x0004
#define IP_VS_CONN_F_SYNC 0x0020
#define IP_VS_CONN_F_TEMPLATE 0x1000
#define IP_VS_CONN_F_ONE_PACKET 0x2000
#define NF_DROP 0
#define EEXIST 17
#define DEST_AVAILABLE 0x1
#define DEST_OVERLOAD 0x2

static __always_inline struct ip_vs_conn *conn_of_timer(struct timer_list *t)
{
	return (struct ip_vs_conn *)((char *)t - bpf_core_field_offset(struct ip_vs_conn, timer));
}

/* 2026 stable kernels moved this flag, and this flag alone, to `cflags`. */
static __always_inline bool dest_available(struct ip_vs_dest *dest)
{
	if (bpf_core_field_exists(dest->cflags))
		return BPF_CORE_READ(dest, cflags) & DEST_AVAILABLE;
	return BPF_CORE_READ(dest, flags) & DEST_AVAILABLE;
}

static __always_inline bool dest_overloaded(struct ip_vs_dest *dest)
{
	return BPF_CORE_READ(dest, flags) & DEST_OVERLOAD;
}

static __always_inline __s32 dest_weight(struct ip_vs_dest *dest)
{
	return dest ? BPF_CORE_READ(dest, weight.counter) : VSLOG_NO_WEIGHT;
}

/* Its real server is gone: alone, or with its whole service. */
static __always_inline __u8 gone_reason(struct ip_vs_dest *dest)
{
	__u64 svc = dest ? (__u64)BPF_CORE_READ(dest, svc) : 0;
	if (svc && bpf_map_lookup_elem(&removed_services, &svc))
		return VSLOG_REASON_SERVICE_REMOVED;
	return VSLOG_REASON_NODEST;
}

static __always_inline void tuple_fill(struct vslog_tuple *t, struct ip_vs_conn *cp)
{
	BPF_CORE_READ_INTO((union nf_inet_addr *)t->client_addr, cp, caddr);
	BPF_CORE_READ_INTO((union nf_inet_addr *)t->virtual_addr, cp, vaddr);
	BPF_CORE_READ_INTO((union nf_inet_addr *)t->real_addr, cp, daddr);
	t->client_port = BPF_CORE_READ(cp, cport);
	t->virtual_port = BPF_CORE_READ(cp, vport);
	t->real_port = BPF_CORE_READ(cp, dport);
	t->protocol = BPF_CORE_READ(cp, protocol);
	t->family = BPF_CORE_READ(cp, af);
	t->real_family = BPF_CORE_READ(cp, daf);
	t->fwmark = BPF_CORE_READ(cp, fwmark);
	t->flags = BPF_CORE_READ(cp, flags);
	t->netns = BPF_CORE_READ(cp, ipvs, net, ns.inum);
}

/* What the connection is like now. */
static __always_inline void state_update(struct vslog_conn_state *st, struct ip_vs_conn *cp)
{
	st->timeout = BPF_CORE_READ(cp, timeout);
	st->weight = dest_weight(BPF_CORE_READ(cp, dest));
	st->packets = BPF_CORE_READ(cp, in_pkts.counter);
	st->state = BPF_CORE_READ(cp, state);
	/* A port that was unknown at the begin is filled in later (FTP). */
	if (!st->tuple.client_port)
		st->tuple.client_port = BPF_CORE_READ(cp, cport);
}

/* A record from memory alone, so that it can be written late as well as at once. */
static __always_inline void record_fill(struct vslog_conn_record *r, struct vslog_conn_state *st, __u8 kind, __u64 time)
{
	__builtin_memset(r, 0, sizeof(*r));
	r->head.type = VSLOG_RECORD_CONN;
	r->head.size = sizeof(*r);
	r->time = time;
	r->conn_id = st->id;
	r->template_id = st->template_id;
	r->created = st->created;
	r->timeout = st->timeout;
	r->tuple = st->tuple;
	r->packets_in = st->packets;
	r->weight = st->weight;
	r->state = st->state;
	r->kind = kind;
	r->scheduled_by = st->scheduled_by;
	if (kind == VSLOG_KIND_EXPIRE)
		r->reason = st->reason;
}

/* Who chose the real server. A template's first connection was scheduled with it; the later ones came by persistence. */
static __always_inline __u8 scheduled_by(struct ip_vs_conn *cp, __u32 flags, struct ip_vs_conn *control, struct vslog_conn_state *controller)
{
	if (flags & IP_VS_CONN_F_SYNC)
		return VSLOG_BY_SYNC;
	if ((flags & IP_VS_CONN_F_FWD_MASK) == IP_VS_CONN_F_BYPASS)
		return VSLOG_BY_BYPASS;
	if (!control || (flags & IP_VS_CONN_F_TEMPLATE))
		return VSLOG_BY_SCHEDULER;
	if (controller && (controller->tuple.flags & IP_VS_CONN_F_TEMPLATE) && __sync_fetch_and_add(&controller->children, 1) == 0)
		return VSLOG_BY_SCHEDULER;
	return VSLOG_BY_PERSISTENCE;
}

static __always_inline void conn_forget(__u64 key)
{
	struct vslog_config *cfg = config_get();
	if (bpf_map_delete_elem(&conns, &key) == 0 && cfg)
		__sync_fetch_and_add(&cfg->live, -1);
}

/* The ring has no room: the record stays owed, and reconcile() writes it. */
static __always_inline void conn_owe(struct vslog_conn_state *st, __u32 what)
{
	struct vslog_config *cfg = config_get();
	__sync_fetch_and_or(&st->owed, what);
	if (cfg)
		__sync_fetch_and_add(&cfg->owed, 1);
}

/* Writes what is owed of a connection, begin before end; after the end it is forgotten. False: there is no room, the rest is still owed. */
static __always_inline bool conn_settle(__u64 key, struct vslog_conn_state *st)
{
	/* Whoever takes it writes it: the sweep and the connection's own end may meet. */
	__u32 owed = __sync_lock_test_and_set(&st->owed, 0);
	if (owed & VSLOG_OWED_BEGIN) {
		struct vslog_conn_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
		if (!r) {
			__sync_fetch_and_or(&st->owed, owed);
			return false;
		}
		record_fill(r, st, st->kind, st->begun);
		bpf_ringbuf_submit(r, 0);
	}
	if (owed & VSLOG_OWED_END) {
		struct vslog_conn_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
		if (!r) {
			__sync_fetch_and_or(&st->owed, VSLOG_OWED_END);
			return false;
		}
		record_fill(r, st, VSLOG_KIND_EXPIRE, st->ended_at);
		conn_forget(key);
		bpf_ringbuf_submit(r, 0);
	}
	return true;
}

/* Another connection needs the place of one that ended: what is still owed of it is lost now. */
static __always_inline void conn_displace(__u64 key, struct vslog_conn_state *former)
{
	if (conn_settle(key, former))
		return;
	if (former->owed & VSLOG_OWED_BEGIN)
		count_loss(VSLOG_LOSS_RING);
	count_loss(VSLOG_LOSS_RING);
	conn_forget(key);
}

/* Where the map is full, the begin is lost if the ring was full too, and the end will be written as one of a connection that was there. */
static __always_inline long conn_remember(struct vslog_config *cfg, __u64 key, struct vslog_conn_state *st, __u32 place)
{
	long error = bpf_map_update_elem(&conns, &key, st, BPF_NOEXIST);
	if (error == 0)
		__sync_fetch_and_add(&cfg->live, 1);
	else if (error != -EEXIST)
		count_loss(place);
	return error;
}

/* A connection that we did not know. */
static __always_inline void conn_begin(struct ip_vs_conn *cp, __u8 kind)
{
	__u32 zero = 0;
	__u64 key = (__u64)cp;
	struct vslog_config *cfg = config_get();
	struct vslog_conn_state *st = bpf_map_lookup_elem(&scratch_conn, &zero);
	if (!cfg || !st)
		return;
	struct vslog_conn_state *former = bpf_map_lookup_elem(&conns, &key);
	if (former)
		conn_displace(key, former);
	__builtin_memset(st, 0, sizeof(*st));
	struct ip_vs_conn *control = BPF_CORE_READ(cp, control);
	__u64 control_key = (__u64)control;
	struct vslog_conn_state *controller = control ? bpf_map_lookup_elem(&conns, &control_key) : NULL;
	tuple_fill(&st->tuple, cp);
	state_update(st, cp);
	st->id = __sync_fetch_and_add(&cfg->next_id, 1);
	st->kind = kind;
	st->begun = bpf_ktime_get_ns();
	if (controller)
		st->template_id = controller->id;
	if (kind == VSLOG_KIND_CREATE) {
		st->created = st->begun;
		st->scheduled_by = scheduled_by(cp, st->tuple.flags, control, controller);
	} else {
		st->children = 1; /* of a template: whoever it was made for is past */
		if (st->tuple.flags & IP_VS_CONN_F_SYNC)
			st->scheduled_by = VSLOG_BY_SYNC;
	}
	struct vslog_conn_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		conn_owe(st, VSLOG_OWED_BEGIN);
		conn_remember(cfg, key, st, VSLOG_LOSS_RING);
		return;
	}
	if (conn_remember(cfg, key, st, VSLOG_LOSS_CONN_MAP) == -EEXIST) { /* another CPU met it in this moment, a snapshot beside its create */
		bpf_ringbuf_discard(r, 0);
		return;
	}
	record_fill(r, st, kind, st->begun);
	bpf_ringbuf_submit(r, 0);
}

/* A connection that was there before we knew of it; what controls it goes first, so that the link has an id. */
static __always_inline void conn_discover(struct ip_vs_conn *cp)
{
	struct ip_vs_conn *control = BPF_CORE_READ(cp, control);
	__u64 key = (__u64)control;
	if (control && !bpf_map_lookup_elem(&conns, &key))
		conn_begin(control, VSLOG_KIND_SNAPSHOT);
	conn_begin(cp, VSLOG_KIND_SNAPSHOT);
}

/* Writes what a drop entry has gathered. False: no room, it is kept. */
static __always_inline bool drop_flush(struct vslog_drop_state *drop)
{
	if (!drop->packets)
		return true;
	struct vslog_conn_record *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r)
		return false;
	__builtin_memcpy(r, &drop->record, sizeof(*r));
	r->time = bpf_ktime_get_ns();
	r->drop_first = drop->first;
	r->drop_last = drop->last;
	r->drop_packets = __sync_lock_test_and_set(&drop->packets, 0);
	r->drop_bytes = __sync_lock_test_and_set(&drop->bytes, 0);
	bpf_ringbuf_submit(r, 0);
	return true;
}

/* A packet of it was dropped: the first one is written at once, the later ones are gathered for the sweep. */
static __always_inline void conn_dropped(struct ip_vs_conn *cp, __u32 bytes)
{
	__u64 key = (__u64)cp, now = bpf_ktime_get_ns();
	struct vslog_drop_state *drop = bpf_map_lookup_elem(&drops, &key);
	if (drop) {
		if (!drop->packets)
			drop->first = now;
		drop->last = now;
		__sync_fetch_and_add(&drop->bytes, bytes);
		__sync_fetch_and_add(&drop->packets, 1);
		return;
	}
	struct vslog_conn_state *st = bpf_map_lookup_elem(&conns, &key);
	if (!st) {
		conn_discover(cp);
		st = bpf_map_lookup_elem(&conns, &key);
		if (!st) {
			count_loss(VSLOG_LOSS_CONN_MAP);
			return;
		}
	}
	__u32 zero = 0;
	drop = bpf_map_lookup_elem(&scratch_drop, &zero);
	if (!drop)
		return;
	state_update(st, cp);
	record_fill(&drop->record, st, VSLOG_KIND_NODEST_DROP, now);
	drop->packets = 1;
	drop->bytes = bytes;
	drop->first = drop->last = now;
	drop_flush(drop); /* leaves packets at 1 when there is no room: the sweep writes it */
	if (bpf_map_update_elem(&drops, &key, drop, BPF_ANY))
		count_loss(VSLOG_LOSS_CONN_MAP);
}

static __always_inline void drops_end(__u64 key)
{
	struct vslog_drop_state *drop = bpf_map_lookup_elem(&drops, &key);
	if (!drop)
		return;
	if (!drop_flush(drop))
		count_loss(VSLOG_LOSS_RING);
	bpf_map_delete_elem(&drops, &key);
}

/* It ended: `st` holds how. */
static __always_inline void conn_end(struct ip_vs_conn *cp, __u64 key, struct vslog_conn_state *st)
{
	drops_end(key);
	st->packets = BPF_CORE_READ(cp, in_pkts.counter);
	st->state = BPF_CORE_READ(cp, state);
	st->timeout = BPF_CORE_READ(cp, timeout);
	st->ended_at = bpf_ktime_get_ns();
	__sync_fetch_and_or(&st->owed, VSLOG_OWED_END);
	if (!conn_settle(key, st))
		conn_owe(st, 0);
}

/* A new connection found no real server. */
static __always_inline void sched_failed(struct ip_vs_service *svc, struct sk_buff *skb, struct ip_vs_iphdr *iph)
{
	__u16 ports[2] = {0, 0};
	bpf_probe_read_kernel(ports, sizeof(ports), BPF_CORE_READ(skb, data) + iph->len);
	struct vslog_conn_record *r = record_begin(VSLOG_RECORD_CONN, sizeof(*r));
	if (!r)
		return;
	__builtin_memset((char *)r + sizeof(r->head), 0, sizeof(*r) - sizeof(r->head));
	r->time = bpf_ktime_get_ns();
	r->kind = VSLOG_KIND_SCHED_FAIL;
	r->weight = VSLOG_NO_WEIGHT;
	BPF_CORE_READ_INTO((union nf_inet_addr *)r->tuple.client_addr, iph, saddr);
	BPF_CORE_READ_INTO((union nf_inet_addr *)r->tuple.virtual_addr, iph, daddr);
	r->tuple.client_port = ports[0];
	r->tuple.virtual_port = ports[1];
	r->tuple.protocol = iph->protocol;
	r->tuple.family = svc->af;
	r->tuple.fwmark = svc->fwmark;
	r->tuple.netns = BPF_CORE_READ(svc, ipvs, net, ns.inum);
	bpf_ringbuf_submit(r, 0);
}

#endif
