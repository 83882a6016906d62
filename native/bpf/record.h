/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel side writes into the ring and the user side reads: plain structs, one layout for both compilers.
 * Addresses and ports are in network order, as the kernel holds them; times are CLOCK_MONOTONIC in ns; periods are jiffies.
 */
#ifndef VSLOG_BPF_RECORD_H
#define VSLOG_BPF_RECORD_H

#include <linux/types.h>

#include "process_record.h"

/* Raised whenever a struct or a map below changes its layout: a capture does not go on with maps that another layout made. */
#define VSLOG_BPF_LAYOUT 3

enum vslog_record_type {
	VSLOG_RECORD_CONN = 1,
	VSLOG_RECORD_SERVICE = 2,
	VSLOG_RECORD_DEST = 3,
};

/* First words of every record in the ring. */
struct vslog_record_head {
	__u32 type; /* enum vslog_record_type */
	__u32 size; /* of the whole record: checked before anything else is read */
};

/* Values of EventKind, EndReason, ScheduledBy, ControlKind and Through are those of proto/vslog/v1; the user side checks them at build. */
enum vslog_kind {
	VSLOG_KIND_CREATE = 1,
	VSLOG_KIND_EXPIRE = 2,
	VSLOG_KIND_NODEST_DROP = 3,
	VSLOG_KIND_SCHED_FAIL = 4,
	VSLOG_KIND_SNAPSHOT = 6,
};

enum vslog_reason {
	VSLOG_REASON_NONE = 0,
	VSLOG_REASON_TIMEOUT = 1,
	VSLOG_REASON_EXPIRE_NOW = 2,
	VSLOG_REASON_NODEST = 3,
	VSLOG_REASON_FLUSHED = 4,
	VSLOG_REASON_DROP_ENTRY = 5,
	VSLOG_REASON_SERVICE_REMOVED = 6,
	VSLOG_REASON_MODULE_UNLOAD = 7,
	VSLOG_REASON_TEMPLATE_QUIESCED = 8,
	VSLOG_REASON_ONE_PACKET = 9,
	VSLOG_REASON_MISSED = 10,
	VSLOG_REASON_UNKNOWN = 11,
};

enum vslog_scheduled_by {
	VSLOG_BY_UNKNOWN = 0,
	VSLOG_BY_SCHEDULER = 1,
	VSLOG_BY_PERSISTENCE = 2,
	VSLOG_BY_SYNC = 3,
	VSLOG_BY_BYPASS = 4,
};

enum vslog_control {
	VSLOG_CONTROL_ADDED = 1,
	VSLOG_CONTROL_CHANGED = 2,
	VSLOG_CONTROL_REMOVED = 3,
	VSLOG_CONTROL_OVERLOAD_ON = 4,
	VSLOG_CONTROL_OVERLOAD_OFF = 5,
};

/* The wall clock is not known to the kernel side; weight where there is no real server. */
#define VSLOG_NO_WEIGHT (-1)

/* What names a connection. */
struct vslog_tuple {
	__u8 client_addr[16];
	__u8 virtual_addr[16];
	__u8 real_addr[16];
	__u16 client_port;
	__u16 virtual_port;
	__u16 real_port;
	__u16 protocol;
	__u16 family;      /* AF_INET or AF_INET6, of client and virtual address */
	__u16 real_family; /* of the real server */
	__u32 fwmark;
	__u32 flags;
	__u32 netns;
};

struct vslog_conn_record {
	struct vslog_record_head head;
	__u64 time;
	__u64 conn_id;
	__u64 template_id;
	__u64 created; /* 0: not known */
	__u64 timeout; /* jiffies */
	__u64 drop_packets;
	__u64 drop_bytes;
	__u64 drop_first;
	__u64 drop_last;
	struct vslog_tuple tuple;
	__u32 packets_in;
	__s32 weight;
	__u16 state;
	__u8 kind;
	__u8 reason;
	__u8 scheduled_by;
	__u8 pad[7];
};

struct vslog_service_values {
	__u32 flags;
	__u32 timeout; /* jiffies for a value of the kernel's own struct, seconds for one that was asked for */
	__u32 netmask; /* IPv4: network order; IPv6: prefix length */
	char scheduler[16];
};

struct vslog_service_record {
	struct vslog_record_head head;
	__u64 time;
	__u8 virtual_addr[16];
	__u16 virtual_port;
	__u16 protocol;
	__u16 family;
	__u8 control; /* enum vslog_control */
	__u8 pad;
	__u32 fwmark;
	__u32 netns;
	struct vslog_service_values before, after;
	struct vslog_author author;
};

struct vslog_dest_values {
	__s32 weight;
	__u32 forward;
	__u32 upper;
	__u32 lower;
};

struct vslog_dest_record {
	struct vslog_record_head head;
	__u64 time;
	__u8 virtual_addr[16];
	__u8 real_addr[16];
	__u16 virtual_port;
	__u16 real_port;
	__u16 protocol;
	__u16 family;
	__u16 real_family;
	__u8 control;
	__u8 pad;
	__u32 fwmark;
	__u32 netns;
	struct vslog_dest_values before, after;
	struct vslog_author author;
};

/* Map `config`, one entry, mapped by the user side, which writes what is not the kernel side's. */
struct vslog_config {
	__u32 layout;        /* VSLOG_BPF_LAYOUT */
	__u32 netns;         /* inode of the only network namespace to watch; 0: all */
	__u32 snapshot_tgid; /* process whose reading of /proc/net/ip_vs_conn is a snapshot; 0: none */
	__u32 pad;
	__u64 cursor_base;   /* what the ring's position 0 is in the journal's count */
	__u64 build;         /* hash of the program image that is attached */
	__u64 next_id;       /* kernel side: the next connection id */
	__u64 live;          /* kernel side: entries of `conns` */
	__u64 owed;          /* kernel side: how often the ring had no room for a connection's record, which was then kept in `conns` */
};

/* Records of a connection that the ring had no room for, in vslog_conn_state.owed. */
#define VSLOG_OWED_BEGIN 1
#define VSLOG_OWED_END 2

/* Map `conns`: what is remembered of a connection while it lives and while a record of it is owed, by its address in the kernel. */
struct vslog_conn_state {
	__u64 id;
	__u64 created;  /* 0: before our time */
	__u64 begun;    /* when we met it */
	__u64 ended_at; /* not 0: it ended */
	__u64 template_id;
	__u64 timeout;  /* jiffies; this and the next four: at its begin, then at the expiry attempt */
	__s32 weight;
	__u32 packets;
	__u16 state;
	__u8 kind;      /* enum vslog_kind of its begin */
	__u8 scheduled_by;
	__u32 owed;     /* VSLOG_OWED_*: taken and given back whole, by atomic exchange */
	__u32 children; /* of a template: connections made through it */
	__u8 tag;       /* enum vslog_reason, said before the expiry */
	__u8 reason;    /* enum vslog_reason, found at the expiry attempt */
	__u16 now_state;   /* this and the next two: when the program `refresh` last ran */
	__s32 now_weight;
	__u32 now_packets;
	struct vslog_tuple tuple; /* at its begin: a refused template loses its ports */
};

/* Map `drops`: nodest drops not written yet, by connection. */
struct vslog_drop_state {
	__u64 packets;
	__u64 bytes;
	__u64 first;
	__u64 last;
	struct vslog_conn_record record;
};

enum vslog_loss_place {
	VSLOG_LOSS_RING = 0,
	VSLOG_LOSS_CONN_MAP = 1,
	VSLOG_LOSS_PLACES = 2,
};

/* Map `losses`, by enum vslog_loss_place, per CPU. */
struct vslog_loss {
	__u64 lost;
	__u64 first;
	__u64 last;
};

/* Argument of the programs that the user side runs; pinned ones of an earlier build, too. */
struct vslog_run_args {
	__u64 unused[2]; /* earlier builds' programs write here */
	__u64 done; /* out: entries that were written */
	__u64 left; /* out: entries that found no room in the ring */
};

#endif
