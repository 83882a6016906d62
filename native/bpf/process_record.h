/* SPDX-License-Identifier: GPL-2.0-only */
/* Who asked for a change, as both compilers have it. */
#ifndef VSLOG_BPF_PROCESS_RECORD_H
#define VSLOG_BPF_PROCESS_RECORD_H

#include <linux/types.h>

/* (uid_t)-1: not known. */
#define VSLOG_NO_UID 0xffffffffu

/* Through of proto/vslog/v1; the user side checks the numbers at build. */
enum vslog_through {
	VSLOG_THROUGH_UNKNOWN = 0,
	VSLOG_THROUGH_NETLINK = 1,
	VSLOG_THROUGH_SOCKOPT = 2,
	VSLOG_THROUGH_SYSCTL = 3,
	VSLOG_THROUGH_KERNEL = 5,
};

/* Read in the context of the process that asked. */
struct vslog_author {
	__u32 uid;
	__u32 login_uid;
	__u32 pid;
	__u32 through; /* enum vslog_through */
	__u32 command_size;
	__u32 parent_pid;
	char comm[16];
	char parent_comm[16];
	char command[256]; /* argv as the process holds it: arguments end in NUL */
};

#endif
