/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fields that we read of the kernel's structs. Offsets and sizes are relocated to the running kernel's BTF at load (CO-RE), so order and
 * padding here mean nothing. include/net/ip_vs.h unless a line says otherwise.
 */
#ifndef VSLOG_BPF_KERNEL_TYPES_H
#define VSLOG_BPF_KERNEL_TYPES_H

#include <linux/types.h>

#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct refcount_struct {
	atomic_t refs;
} refcount_t;

union nf_inet_addr {
	__u32 all[4];
	__be32 ip;
	__be32 ip6[4];
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

/* include/linux/timer.h */
struct timer_list {
	struct hlist_node entry;
	unsigned long expires;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct netns_ipvs {
	struct net *net;
};

struct ip_vs_scheduler {
	char *name;
};

struct ip_vs_service {
	__u16 af;
	__u16 protocol;
	union nf_inet_addr addr;
	__be16 port;
	__u32 fwmark;
	unsigned int flags;
	unsigned int timeout;
	__be32 netmask;
	struct netns_ipvs *ipvs;
	struct ip_vs_scheduler *scheduler;
};

struct ip_vs_dest {
	__u16 af;
	__be16 port;
	union nf_inet_addr addr;
	volatile unsigned int flags;
	atomic_t conn_flags;
	atomic_t weight;
	unsigned long cflags; /* 2026 stable kernels: holds what `flags` held */
	__u32 u_threshold;
	__u32 l_threshold;
	struct ip_vs_service *svc;
	__u16 protocol;
	__be16 vport;
	union nf_inet_addr vaddr;
	__u32 vfwmark;
};

struct ip_vs_conn {
	__be16 cport;
	__be16 dport;
	__be16 vport;
	__u16 af;
	union nf_inet_addr caddr;
	union nf_inet_addr vaddr;
	union nf_inet_addr daddr;
	volatile __u32 flags;
	__u16 protocol;
	__u16 daf;
	struct netns_ipvs *ipvs;
	refcount_t refcnt;
	struct timer_list timer;
	volatile unsigned long timeout;
	volatile __u16 state;
	__u32 fwmark;
	struct ip_vs_conn *control;
	atomic_t n_control;
	struct ip_vs_dest *dest;
	atomic_t in_pkts;
};

struct ip_vs_iphdr {
	int hdr_flags;
	__u32 off;
	__u32 len;
	__u16 fragoffs;
	__s16 protocol;
	__s32 flags;
	union nf_inet_addr saddr;
	union nf_inet_addr daddr;
};

struct ip_vs_proto_data;

struct ip_vs_dest_user_kern {
	union nf_inet_addr addr;
	__be16 port;
	unsigned int conn_flags;
	int weight;
	__u32 u_threshold;
	__u32 l_threshold;
	__u16 af;
};

struct ip_vs_service_user_kern {
	__u16 af;
	__u16 protocol;
	union nf_inet_addr addr;
	__be16 port;
	__u32 fwmark;
	char *sched_name;
	unsigned int flags;
	unsigned int timeout;
	__be32 netmask;
};

/* include/linux/skbuff.h */
struct sk_buff {
	unsigned int len, data_len;
	unsigned char *head, *data;
};

/* include/linux/uidgid.h, include/linux/sched.h, include/linux/mm_types.h */
typedef struct {
	unsigned int val;
} kuid_t;

struct mm_struct {
	unsigned long arg_start, arg_end;
};

struct task_struct {
	kuid_t loginuid; /* CONFIG_AUDIT */
	struct mm_struct *mm;
	struct task_struct *real_parent;
	int tgid;
	char comm[16];
	struct nsproxy *nsproxy;
};

/* include/linux/nsproxy.h */
struct nsproxy {
	struct net *net_ns;
};

/* include/linux/dcache.h */
struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

/* include/linux/fs.h */
struct inode {
	unsigned long i_ino;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct kiocb {
	struct file *ki_filp;
};

struct iov_iter;

/* include/linux/sysctl.h */
struct ctl_table {
	void *data;
	int maxlen;
};

/* fs/proc/internal.h */
struct proc_inode {
	struct ctl_table *sysctl_entry;
	struct inode vfs_inode;
};

/* include/uapi/linux/ip_vs.h: 0 leaves one as it is; seconds. */
struct ip_vs_timeout_user {
	int tcp_timeout;
	int tcp_fin_timeout;
	int udp_timeout;
};

struct seq_file;
struct sock;
struct nf_hook_state;

#pragma clang attribute pop

#endif
