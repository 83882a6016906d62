// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches ip_vs: the life of every connection, the packets it drops for a missing real server, and who changes services and real servers.
 * Only observes. Everything goes through one ring, in the order in which it happened.
 *
 * A connection's create is its first ip_vs_conn_put(): by then it is complete (linked to its template, real server bound, first state set), and its timer
 * was never armed, which is true of no later put. Its end is decided at the exit of ip_vs_conn_expire(), where refcnt is 0; the entry alone is an attempt.
 */
#include "kernel_types.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "record.h"
#include "maps.h"
#include "conn.h"
#include "author.h"

char LICENSE[] SEC("license") = "GPL";

/* ---- connections: create and end ---- */

SEC("fentry/ip_vs_conn_put")
int BPF_PROG(conn_put, struct ip_vs_conn *cp)
{
	/* timer_pending(): include/linux/timer.h. Armed means put before. */
	if (cp->timer.entry.pprev)
		return 0;
	if (!netns_wanted(cp->ipvs))
		return 0;
	__u64 key = (__u64)cp;
	struct vslog_conn_state *st = bpf_map_lookup_elem(&conns, &key);
	if (st && !st->ended_at)
		return 0;
	conn_begin(cp, VSLOG_KIND_CREATE);
	return 0;
}

/* Why the connection would end, if this attempt ends it. */
static __always_inline __u8 end_reason(struct ip_vs_conn *cp, struct vslog_conn_state *st)
{
	if (BPF_CORE_READ(cp, flags) & IP_VS_CONN_F_ONE_PACKET)
		return VSLOG_REASON_ONE_PACKET;
	/* A timer that is not due did not call us: somebody deleted it and ends the connection by force. */
	if ((__s64)(BPF_CORE_READ(cp, timer.expires) - bpf_jiffies64()) > 0) {
		__u32 thread = (__u32)bpf_get_current_pid_tgid();
		__u8 *why = bpf_map_lookup_elem(&forcing, &thread);
		if (!why)
			return st->tag ? st->tag : VSLOG_REASON_UNKNOWN;
		if (*why == VSLOG_REASON_NODEST)
			return gone_reason(BPF_CORE_READ(cp, dest));
		return *why;
	}
	return st->tag ? st->tag : VSLOG_REASON_TIMEOUT;
}

SEC("fentry/ip_vs_conn_expire")
int BPF_PROG(conn_expire_enter, struct timer_list *t)
{
	struct ip_vs_conn *cp = conn_of_timer(t);
	if (!netns_wanted(BPF_CORE_READ(cp, ipvs)))
		return 0;
	__u64 key = (__u64)cp;
	struct vslog_conn_state *st = bpf_map_lookup_elem(&conns, &key);
	if (!st || st->ended_at) {
		/* Its create was before our time, or found no room: say first that it was there. */
		conn_discover(cp);
		st = bpf_map_lookup_elem(&conns, &key);
		if (!st)
			return 0;
	}
	/* The real server is unbound on the way: its weight is known only now. */
	st->weight = dest_weight(BPF_CORE_READ(cp, dest));
	st->reason = end_reason(cp, st);
	/* One-packet: the memory is free at the exit. ip_vs_conn_unlink() ends it iff ours is the only reference. */
	if (st->reason == VSLOG_REASON_ONE_PACKET && BPF_CORE_READ(cp, refcnt.refs.counter) == 1 && !BPF_CORE_READ(cp, n_control.counter))
		conn_end(cp, key, st);
	return 0;
}

SEC("fexit/ip_vs_conn_expire")
int BPF_PROG(conn_expire_exit, struct timer_list *t)
{
	struct ip_vs_conn *cp = conn_of_timer(t);
	__u64 key = (__u64)cp;
	struct vslog_conn_state *st = bpf_map_lookup_elem(&conns, &key);
	if (st && !st->ended_at && BPF_CORE_READ(cp, refcnt.refs.counter) == 0)
		conn_end(cp, key, st);
	return 0;
}

/* ---- why it will end: said before the expiry ---- */

SEC("fentry/ip_vs_conn_expire_now")
int BPF_PROG(conn_expire_now, struct ip_vs_conn *cp)
{
	__u64 key = (__u64)cp;
	struct vslog_conn_state *st = bpf_map_lookup_elem(&conns, &key);
	if (!st)
		return 0;
	struct ip_vs_dest *dest = cp->dest;
	st->tag = dest && !dest_available(dest) ? gone_reason(dest) : VSLOG_REASON_EXPIRE_NOW;
	return 0;
}

SEC("fexit/ip_vs_check_template")
int BPF_PROG(template_checked, struct ip_vs_conn *ct, struct ip_vs_dest *cdest, int valid)
{
	if (valid)
		return 0;
	__u64 key = (__u64)ct;
	struct vslog_conn_state *st = bpf_map_lookup_elem(&conns, &key);
	if (!st)
		return 0;
	struct ip_vs_dest *dest = ct->dest;
	st->tag = dest && dest_available(dest) ? VSLOG_REASON_TEMPLATE_QUIESCED : gone_reason(dest);
	return 0;
}

/* The functions that end connections by force, bracketed: within them the current thread forces for that reason. */
static __always_inline void force_begin(__u8 reason)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	bpf_map_update_elem(&forcing, &thread, &reason, BPF_ANY);
}

static __always_inline void force_end(void)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	bpf_map_delete_elem(&forcing, &thread);
}

SEC("fentry/ip_vs_random_dropentry")
int BPF_PROG(dropentry_enter)
{
	force_begin(VSLOG_REASON_DROP_ENTRY);
	return 0;
}

SEC("fexit/ip_vs_random_dropentry")
int BPF_PROG(dropentry_exit)
{
	force_end();
	return 0;
}

SEC("fentry/ip_vs_expire_nodest_conn_flush")
int BPF_PROG(nodest_flush_enter)
{
	force_begin(VSLOG_REASON_NODEST);
	return 0;
}

SEC("fexit/ip_vs_expire_nodest_conn_flush")
int BPF_PROG(nodest_flush_exit)
{
	force_end();
	return 0;
}

SEC("fentry/ip_vs_conn_net_cleanup")
int BPF_PROG(net_cleanup_enter)
{
	force_begin(VSLOG_REASON_MODULE_UNLOAD);
	return 0;
}

SEC("fexit/ip_vs_conn_net_cleanup")
int BPF_PROG(net_cleanup_exit)
{
	force_end();
	return 0;
}

/* ---- packets dropped because the real server is gone ---- */

/* Pairs are keyed by packet, not by CPU: the hook nests, and a conn is looked up from other places too (flags: inverse 1, ICMP 2). */
SEC("fexit/ip_vs_conn_in_get_proto")
int BPF_PROG(conn_looked_up, struct netns_ipvs *ipvs, int af, struct sk_buff *skb, struct ip_vs_iphdr *iph, struct ip_vs_conn *cp)
{
	if (!cp)
		return 0;
	struct ip_vs_dest *dest = BPF_CORE_READ(cp, dest);
	if (!dest || dest_available(dest) || (iph->hdr_flags & 3) || !netns_wanted(ipvs))
		return 0;
	__u64 packet = (__u64)skb, conn = (__u64)cp;
	if (bpf_map_update_elem(&suspects, &packet, &conn, BPF_ANY) == 0)
		__sync_fetch_and_add(&suspect_count, 1);
	return 0;
}

SEC("fexit/ip_vs_in_hook")
int BPF_PROG(packet_handled, void *priv, struct sk_buff *skb, struct nf_hook_state *state, unsigned int verdict)
{
	if (suspect_count <= 0)
		return 0;
	__u64 packet = (__u64)skb;
	__u64 *conn = bpf_map_lookup_elem(&suspects, &packet);
	if (!conn)
		return 0;
	struct ip_vs_conn *cp = (struct ip_vs_conn *)*conn;
	bpf_map_delete_elem(&suspects, &packet);
	__sync_fetch_and_add(&suspect_count, -1);
	if (verdict == NF_DROP)
		conn_dropped(cp, skb->len);
	return 0;
}

/* ---- a new connection found no real server ---- */

SEC("fexit/ip_vs_leave")
int BPF_PROG(left, struct ip_vs_service *svc, struct sk_buff *skb, struct ip_vs_proto_data *pd, struct ip_vs_iphdr *iph, int verdict)
{
	/* Another verdict: it went out through cache_bypass, or belongs to nobody. */
	if (verdict == NF_DROP && netns_wanted(svc->ipvs))
		sched_failed(svc, skb, iph);
	return 0;
}

/* ---- connections that were there before us ---- */

SEC("fentry/ip_vs_conn_seq_show")
int BPF_PROG(conn_shown, struct seq_file *seq, void *v)
{
	struct vslog_config *cfg = config_get();
	if (!cfg || !cfg->snapshot_tgid || cfg->snapshot_tgid != (__u32)(bpf_get_current_pid_tgid() >> 32))
		return 0;
	if (v == (void *)1) /* SEQ_START_TOKEN: the heading */
		return 0;
	struct ip_vs_conn *cp = v;
	/* The kernel's walk comes by the connections of every network namespace, and leaves out the others' only then: net/netfilter/ipvs/ip_vs_conn.c. */
	if (!netns_wanted(BPF_CORE_READ(cp, ipvs)))
		return 0;
	__u64 key = (__u64)cp;
	struct vslog_conn_state *st = bpf_map_lookup_elem(&conns, &key);
	if (!st || st->ended_at)
		conn_discover(cp);
	return 0;
}

/* ---- services and real servers, and who changes them ---- */

SEC("fentry/do_ip_vs_set_ctl")
int BPF_PROG(sockopt_enter)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	__u8 one = 1;
	bpf_map_update_elem(&sockopts, &thread, &one, BPF_ANY);
	return 0;
}

SEC("fexit/do_ip_vs_set_ctl")
int BPF_PROG(sockopt_exit)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	bpf_map_delete_elem(&sockopts, &thread);
	return 0;
}

SEC("fexit/ip_vs_add_service")
int BPF_PROG(service_added, struct netns_ipvs *ipvs, struct ip_vs_service_user_kern *u, struct ip_vs_service **svc_p, int ret)
{
	if (ret)
		return 0;
	/* The verifier refuses a typed read of a pointer to a pointer: hence as a number. */
	struct ip_vs_service *svc = NULL;
	__u64 place = 0;
	bpf_get_func_arg(ctx, 2, &place);
	bpf_probe_read_kernel(&svc, sizeof(svc), (void *)place);
	__u64 key = (__u64)svc;
	bpf_map_delete_elem(&removed_services, &key); /* its memory was another service's once */
	if (svc && netns_wanted(ipvs))
		service_changed(svc, VSLOG_CONTROL_ADDED, NULL);
	return 0;
}

SEC("fentry/ip_vs_edit_service")
int BPF_PROG(service_edit_enter, struct ip_vs_service *svc)
{
	struct vslog_service_values before;
	service_values(svc, &before);
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	bpf_map_update_elem(&editing, &thread, &before, BPF_ANY);
	return 0;
}

SEC("fexit/ip_vs_edit_service")
int BPF_PROG(service_edited, struct ip_vs_service *svc, struct ip_vs_service_user_kern *u, int ret)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct vslog_service_values *before = bpf_map_lookup_elem(&editing, &thread);
	if (!before)
		return 0;
	if (!ret && netns_wanted(svc->ipvs))
		service_changed(svc, VSLOG_CONTROL_CHANGED, before);
	bpf_map_delete_elem(&editing, &thread);
	return 0;
}

SEC("fentry/ip_vs_unlink_service")
int BPF_PROG(service_removed, struct ip_vs_service *svc, bool cleanup)
{
	__u64 key = (__u64)svc;
	__u8 one = 1;
	bpf_map_update_elem(&removed_services, &key, &one, BPF_ANY);
	if (netns_wanted(svc->ipvs))
		service_changed(svc, VSLOG_CONTROL_REMOVED, NULL);
	return 0;
}

SEC("fentry/__ip_vs_update_dest")
int BPF_PROG(dest_updated, struct ip_vs_service *svc, struct ip_vs_dest *dest, struct ip_vs_dest_user_kern *udest, int add)
{
	if (netns_wanted(svc->ipvs))
		dest_changed(svc->ipvs, dest, add ? VSLOG_CONTROL_ADDED : VSLOG_CONTROL_CHANGED, udest);
	return 0;
}

SEC("fentry/__ip_vs_del_dest")
int BPF_PROG(dest_removed, struct netns_ipvs *ipvs, struct ip_vs_dest *dest, bool cleanup)
{
	if (netns_wanted(ipvs))
		dest_changed(ipvs, dest, VSLOG_CONTROL_REMOVED, NULL);
	return 0;
}

/* Called at every bind and unbind, so the flag is compared before and after. Not in every kernel. */
SEC("fentry/ip_vs_dest_update_overload")
int BPF_PROG(overload_enter, struct ip_vs_dest *dest)
{
	__u64 key = (__u64)dest;
	__u8 was = dest_overloaded(dest);
	if (was)
		bpf_map_update_elem(&overloaded, &key, &was, BPF_ANY);
	return 0;
}

SEC("fexit/ip_vs_dest_update_overload")
int BPF_PROG(overload_exit, struct ip_vs_dest *dest)
{
	__u64 key = (__u64)dest;
	__u8 *was = bpf_map_lookup_elem(&overloaded, &key);
	bool is = dest_overloaded(dest);
	if (is == (was != NULL))
		return 0;
	if (is) {
		__u8 one = 1;
		bpf_map_update_elem(&overloaded, &key, &one, BPF_ANY);
	} else {
		bpf_map_delete_elem(&overloaded, &key);
	}
	struct ip_vs_service *svc = dest->svc;
	struct netns_ipvs *ipvs = BPF_CORE_READ(svc, ipvs);
	if (netns_wanted(ipvs))
		dest_changed(ipvs, dest, is ? VSLOG_CONTROL_OVERLOAD_ON : VSLOG_CONTROL_OVERLOAD_OFF, NULL);
	return 0;
}

/* ---- run by the user side ---- */

static long sweep_drop(void *map, const __u64 *key, struct vslog_drop_state *drop, struct vslog_run_args *args)
{
	if (!drop_flush(drop))
		args->left++;
	else
		args->done++;
	return 0;
}

SEC("syscall")
int sweep_drops(struct vslog_run_args *args)
{
	struct vslog_run_args found = {}; /* the callback may be handed the stack only */
	bpf_for_each_map_elem(&drops, sweep_drop, &found, 0);
	args->done = found.done;
	args->left = found.left;
	return 0;
}

/* Reads what changes of a connection that lives. The key is its address; where it went away meanwhile, what is read means nothing and harms nothing. */
static long refresh_conn(void *map, const __u64 *key, struct vslog_conn_state *st, struct vslog_run_args *args)
{
	struct ip_vs_conn *cp = (struct ip_vs_conn *)*key;
	struct ip_vs_dest *dest;

	if (st->ended_at)
		return 0;
	dest = BPF_CORE_READ(cp, dest);
	st->now_state = BPF_CORE_READ(cp, state);
	st->now_weight = dest ? BPF_CORE_READ(dest, weight.counter) : VSLOG_NO_WEIGHT;
	st->now_packets = BPF_CORE_READ(cp, in_pkts.counter);
	args->done++;
	return 0;
}

SEC("syscall")
int refresh(struct vslog_run_args *args)
{
	struct vslog_run_args found = {};
	bpf_for_each_map_elem(&conns, refresh_conn, &found, 0);
	args->done = found.done;
	return 0;
}

/* Writes what the ring had no room for. */
static long reconcile_conn(void *map, const __u64 *key, struct vslog_conn_state *st, struct vslog_run_args *args)
{
	if (!st->owed)
		return 0;
	if (conn_settle(*key, st))
		args->done++;
	else
		args->left++;
	return 0;
}

SEC("syscall")
int reconcile(struct vslog_run_args *args)
{
	struct vslog_run_args found = {};
	bpf_for_each_map_elem(&conns, reconcile_conn, &found, 0);
	args->done = found.done;
	args->left = found.left;
	return 0;
}
