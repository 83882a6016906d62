/* SPDX-License-Identifier: GPL-2.0-only */
/* Records of services and real servers, with who changed them. */
#ifndef VSLOG_BPF_AUTHOR_H
#define VSLOG_BPF_AUTHOR_H

#include "process.h"

static __always_inline void author_fill(struct vslog_author *a)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	if (!process_fill(a)) {
		a->through = VSLOG_THROUGH_KERNEL; /* a kernel thread: nobody asked */
		return;
	}
	a->through = bpf_map_lookup_elem(&sockopts, &thread) ? VSLOG_THROUGH_SOCKOPT : VSLOG_THROUGH_NETLINK;
}

static __always_inline void service_values(struct ip_vs_service *svc, struct vslog_service_values *v)
{
	__builtin_memset(v, 0, sizeof(*v));
	v->flags = BPF_CORE_READ(svc, flags);
	v->timeout = BPF_CORE_READ(svc, timeout);
	v->netmask = BPF_CORE_READ(svc, netmask);
	char *name = BPF_CORE_READ(svc, scheduler, name);
	bpf_probe_read_kernel_str(v->scheduler, sizeof(v->scheduler), name);
}

static __always_inline void service_changed(struct ip_vs_service *svc, __u8 control, struct vslog_service_values *before)
{
	struct vslog_service_record *r = record_begin(VSLOG_RECORD_SERVICE, sizeof(*r));
	if (!r)
		return;
	__builtin_memset((char *)r + sizeof(r->head), 0, sizeof(*r) - sizeof(r->head));
	r->time = bpf_ktime_get_ns();
	r->control = control;
	BPF_CORE_READ_INTO((union nf_inet_addr *)r->virtual_addr, svc, addr);
	r->virtual_port = BPF_CORE_READ(svc, port);
	r->protocol = BPF_CORE_READ(svc, protocol);
	r->family = BPF_CORE_READ(svc, af);
	r->fwmark = BPF_CORE_READ(svc, fwmark);
	r->netns = BPF_CORE_READ(svc, ipvs, net, ns.inum);
	if (before)
		__builtin_memcpy(&r->before, before, sizeof(r->before));
	if (control == VSLOG_CONTROL_REMOVED)
		service_values(svc, &r->before);
	else
		service_values(svc, &r->after);
	author_fill(&r->author);
	bpf_ringbuf_submit(r, 0);
}

/* `wanted`: what was asked for, of a real server that is added or changed. Before that its own fields hold the old values. */
static __always_inline void dest_changed(struct netns_ipvs *ipvs, struct ip_vs_dest *dest, __u8 control, struct ip_vs_dest_user_kern *wanted)
{
	struct vslog_dest_record *r = record_begin(VSLOG_RECORD_DEST, sizeof(*r));
	if (!r)
		return;
	__builtin_memset((char *)r + sizeof(r->head), 0, sizeof(*r) - sizeof(r->head));
	r->time = bpf_ktime_get_ns();
	r->control = control;
	BPF_CORE_READ_INTO((union nf_inet_addr *)r->virtual_addr, dest, vaddr);
	BPF_CORE_READ_INTO((union nf_inet_addr *)r->real_addr, dest, addr);
	r->virtual_port = BPF_CORE_READ(dest, vport);
	r->real_port = BPF_CORE_READ(dest, port);
	r->protocol = BPF_CORE_READ(dest, protocol);
	struct ip_vs_service *svc = BPF_CORE_READ(dest, svc);
	r->real_family = BPF_CORE_READ(dest, af);
	r->family = svc ? BPF_CORE_READ(svc, af) : r->real_family;
	r->fwmark = BPF_CORE_READ(dest, vfwmark);
	r->netns = BPF_CORE_READ(ipvs, net, ns.inum);
	if (control != VSLOG_CONTROL_ADDED) {
		r->before.weight = BPF_CORE_READ(dest, weight.counter);
		r->before.forward = BPF_CORE_READ(dest, conn_flags.counter) & IP_VS_CONN_F_FWD_MASK;
		r->before.upper = BPF_CORE_READ(dest, u_threshold);
		r->before.lower = BPF_CORE_READ(dest, l_threshold);
	}
	if (wanted) {
		r->after.weight = BPF_CORE_READ(wanted, weight);
		r->after.forward = BPF_CORE_READ(wanted, conn_flags) & IP_VS_CONN_F_FWD_MASK;
		r->after.upper = BPF_CORE_READ(wanted, u_threshold);
		r->after.lower = BPF_CORE_READ(wanted, l_threshold);
	}
	author_fill(&r->author);
	if (control == VSLOG_CONTROL_OVERLOAD_ON || control == VSLOG_CONTROL_OVERLOAD_OFF)
		r->author.through = VSLOG_THROUGH_KERNEL; /* whoever runs now did not ask */
	bpf_ringbuf_submit(r, 0);
}

#endif
