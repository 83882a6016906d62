// SPDX-License-Identifier: GPL-2.0-only
/* Who turns the kernel's knobs: sysctls of IPVS and of connection tracking (fs/proc/proc_sysctl.c), and the timeouts of IPVS (net/netfilter/ipvs/ip_vs_ctl.c). */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

#include "kernel_types.h"
#include "knob_record.h"
#include "process.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} changes SEC(".maps");

/* Records that found no room. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* What a writing thread found before it wrote. */
struct before {
	__u32 length;
	__s32 value[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct before);
} writers SEC(".maps");

static __always_inline struct dentry *dentry_of(struct kiocb *iocb)
{
	return BPF_CORE_READ(iocb, ki_filp, f_path.dentry);
}

/* net/ipv4/vs and net/netfilter: the user side looks at the whole name. */
static __always_inline bool is_ours(struct kiocb *iocb, char *folder, __u32 size)
{
	struct dentry *parent = BPF_CORE_READ(dentry_of(iocb), d_parent);
	const unsigned char *name = BPF_CORE_READ(parent, d_name.name);
	bpf_probe_read_kernel_str(folder, size, name);
	return (folder[0] == 'v' && folder[1] == 's' && folder[2] == 0) || (folder[0] == 'n' && folder[1] == 'e' && folder[2] == 't' && folder[3] == 'f');
}

static __always_inline __u32 value_of(struct kiocb *iocb, __s32 *value)
{
	struct inode *inode = BPF_CORE_READ(iocb, ki_filp, f_inode);
	struct proc_inode *pi = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct ctl_table *table = BPF_CORE_READ(pi, sysctl_entry);
	void *data = BPF_CORE_READ(table, data);
	int length = BPF_CORE_READ(table, maxlen);
	__u8 byte = 0;

	if (length == 1 && !bpf_probe_read_kernel(&byte, 1, data)) {
		value[0] = byte;
		return 1;
	}
	if (length == 4 && !bpf_probe_read_kernel(value, 4, data))
		return 4;
	if (length == 8 && !bpf_probe_read_kernel(value, 8, data))
		return 8;
	return 0;
}

static __always_inline struct vslog_knob_record *record_begin(__u32 type)
{
	struct vslog_knob_record *r = bpf_ringbuf_reserve(&changes, sizeof(*r), 0);
	if (!r) {
		__u32 zero = 0;
		__u64 *count = bpf_map_lookup_elem(&lost, &zero);
		if (count)
			__sync_fetch_and_add(count, 1);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->type = type;
	r->size = sizeof(*r);
	r->time = bpf_ktime_get_ns();
	if (!process_fill(&r->author))
		r->author.through = VSLOG_THROUGH_KERNEL;
	return r;
}

SEC("fentry/proc_sys_call_handler")
int BPF_PROG(sysctl_enter, struct kiocb *iocb, struct iov_iter *iter, int write)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct before before = {};
	char folder[16] = {};

	if (!write || !is_ours(iocb, folder, sizeof(folder)))
		return 0;
	before.length = value_of(iocb, before.value);
	bpf_map_update_elem(&writers, &thread, &before, BPF_ANY);
	return 0;
}

SEC("fexit/proc_sys_call_handler")
int BPF_PROG(sysctl_exit, struct kiocb *iocb, struct iov_iter *iter, int write, long ret)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct before *before;
	struct vslog_knob_record *r;
	char folder[16] = {};

	if (!write || !is_ours(iocb, folder, sizeof(folder)))
		return 0;
	before = bpf_map_lookup_elem(&writers, &thread);
	if (!before)
		return 0;
	if (ret >= 0) {
		r = record_begin(VSLOG_KNOB_SYSCTL);
		if (r) {
			struct task_struct *task = (struct task_struct *)bpf_get_current_task();
			const unsigned char *name = BPF_CORE_READ(dentry_of(iocb), d_name.name);
			bpf_probe_read_kernel_str(r->name, sizeof(r->name), name);
			__builtin_memcpy(r->folder, folder, sizeof(r->folder));
			r->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
			r->before[0] = before->value[0];
			r->before[1] = before->value[1];
			r->length = value_of(iocb, r->after);
			if (r->author.through != VSLOG_THROUGH_KERNEL)
				r->author.through = VSLOG_THROUGH_SYSCTL;
			bpf_ringbuf_submit(r, 0);
		}
	}
	bpf_map_delete_elem(&writers, &thread);
	return 0;
}

/* Loaded only where module ip_vs is. */
SEC("fexit/ip_vs_set_timeout")
int BPF_PROG(timeouts_set, struct netns_ipvs *ipvs, struct ip_vs_timeout_user *u, int ret)
{
	struct vslog_knob_record *r;

	if (ret)
		return 0;
	r = record_begin(VSLOG_KNOB_TIMEOUTS);
	if (!r)
		return 0;
	r->netns = BPF_CORE_READ(ipvs, net, ns.inum);
	r->after[0] = BPF_CORE_READ(u, tcp_timeout);
	r->after[1] = BPF_CORE_READ(u, tcp_fin_timeout);
	r->after[2] = BPF_CORE_READ(u, udp_timeout);
	/* The old setsockopt interface has a program of its own, but only in source ipvs; ipvsadm uses netlink. */
	if (r->author.through != VSLOG_THROUGH_KERNEL)
		r->author.through = VSLOG_THROUGH_NETLINK;
	bpf_ringbuf_submit(r, 0);
	return 0;
}
