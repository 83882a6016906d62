// From flows to the records of the log. What stands for what: proto/vslog/v1/conn_event.proto.
#pragma once

#include "event/conn_record.h"
#include "source/conntrack/flow.h"
#include "source/conntrack/flow_table.h"

namespace vslog {

/// What a message tells of its flow, as a record of kind `kind`: client is who sent the first packet, virtual where it was sent to, real who answers. No id, no netns.
ConnRecord record_of(const Flow& flow, EventKind kind, std::uint64_t time_ns);

/// The end of a flow that the kernel did not tell, from what was remembered of it.
ConnRecord missed_end(const KnownFlow& known, std::uint64_t time_ns);

/// Why a flow ended, as far as the kernel tells: flushed when somebody asked for it, expire_now when its timer had not run out (port reuse, a full table), else timeout.
EndReason end_reason(const Flow& flow);

/// The port that the real server answers from; 0 where the protocol has none.
std::uint16_t real_port_of(const Flow& flow);

/// Whether the destination of its packets is rewritten.
bool is_translated(const Flow& flow);

}  // namespace vslog
