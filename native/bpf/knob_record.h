/* SPDX-License-Identifier: GPL-2.0-only */
/* A knob of the kernel that somebody turned, as both compilers have it. */
#ifndef VSLOG_BPF_KNOB_RECORD_H
#define VSLOG_BPF_KNOB_RECORD_H

#include <linux/types.h>

#include "process_record.h"

enum vslog_knob_record_type {
	VSLOG_KNOB_SYSCTL = 1,   /* a file below /proc/sys was written, and the kernel took it */
	VSLOG_KNOB_TIMEOUTS = 2, /* ipvsadm --set */
};

struct vslog_knob_record {
	__u32 type; /* enum vslog_knob_record_type */
	__u32 size; /* of the whole record: checked before anything else is read */
	__u64 time; /* CLOCK_MONOTONIC, ns */
	__u32 netns;
	__u32 length;   /* sysctl: bytes of its value in the kernel that were read: 1, 4 or 8; 0: it is another type */
	__s32 before[2]; /* sysctl: as the kernel holds it */
	__s32 after[3];  /* of timeouts: what was asked for, seconds, 0: left as it is */
	char name[48];   /* of the file */
	char folder[16]; /* it lies in */
	struct vslog_author author;
};

#endif
