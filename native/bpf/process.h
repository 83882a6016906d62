/* SPDX-License-Identifier: GPL-2.0-only */
/* Who runs right now. */
#ifndef VSLOG_BPF_PROCESS_H
#define VSLOG_BPF_PROCESS_H

#include "kernel_types.h"
#include "process_record.h"

/* Reads the current process: changes are made in the context of the one who asked. False: a kernel thread, which has neither user nor command line. */
static __always_inline bool process_fill(struct vslog_author *a)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	a->pid = bpf_get_current_pid_tgid() >> 32;
	a->uid = (__u32)bpf_get_current_uid_gid();
	a->login_uid = bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : VSLOG_NO_UID;
	a->command_size = 0;
	bpf_get_current_comm(a->comm, sizeof(a->comm));
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);
	a->parent_pid = BPF_CORE_READ(parent, tgid);
	BPF_CORE_READ_STR_INTO(&a->parent_comm, parent, comm);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	if (!mm)
		return false;
	__u64 start = BPF_CORE_READ(mm, arg_start);
	__u64 size = BPF_CORE_READ(mm, arg_end) - start;
	if (size > sizeof(a->command) - 1)
		size = sizeof(a->command) - 1;
	size &= sizeof(a->command) - 1;
	if (bpf_probe_read_user(a->command, size, (void *)start) == 0)
		a->command_size = size;
	return true;
}

#endif
