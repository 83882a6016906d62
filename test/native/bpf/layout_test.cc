// The structs that stay in the kernel's maps when a capture ends, and that its next version finds there.
#include <gtest/gtest.h>

#include <cstddef>

extern "C" {
#include "bpf/flow_record.h"
#include "bpf/knob_record.h"
#include "bpf/record.h"
}

namespace vslog {
namespace {

// When one of these has to change, raise VSLOG_BPF_LAYOUT, and then write the new numbers here: a capture that goes on with maps of another layout reads nonsense.
TEST(BpfLayout, IsThatOfItsNumber) {
  EXPECT_EQ(VSLOG_BPF_LAYOUT, 3);
  EXPECT_EQ(sizeof(vslog_config), 56U);
  EXPECT_EQ(offsetof(vslog_config, owed), 48U);
  EXPECT_EQ(sizeof(vslog_tuple), 72U);
  EXPECT_EQ(sizeof(vslog_conn_state), 152U);
  EXPECT_EQ(offsetof(vslog_conn_state, owed), 60U);
  EXPECT_EQ(offsetof(vslog_conn_state, tuple), 80U);
  EXPECT_EQ(sizeof(vslog_drop_state), 208U);
  EXPECT_EQ(sizeof(vslog_loss), 24U);
  EXPECT_EQ(sizeof(vslog_author), 312U);
  EXPECT_EQ(sizeof(vslog_conn_record), 176U);
  EXPECT_EQ(offsetof(vslog_conn_record, tuple), 80U);
  EXPECT_EQ(offsetof(vslog_conn_record, kind), 162U);
  EXPECT_EQ(sizeof(vslog_service_record), 416U);
  EXPECT_EQ(sizeof(vslog_dest_record), 416U);
  EXPECT_EQ(sizeof(vslog_run_args), 32U);
  EXPECT_EQ(offsetof(vslog_run_args, done), 16U);
}

// Not kept, but read by a program that another compiler made.
TEST(BpfLayout, OfWhatBothSidesShareIsWithoutHoles) {
  EXPECT_EQ(sizeof(vslog_flow_head), 16U);
  EXPECT_EQ(sizeof(vslog_block), 24U);
  EXPECT_EQ(sizeof(vslog_flow_page), 32U);
  EXPECT_EQ(sizeof(vslog_knob_record), 112U + sizeof(vslog_author));
}

}  // namespace
}  // namespace vslog
