#include "wire/conn_filter.h"
#include "wire/strict_message.h"

#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>

#include "vslog_fields.h"

namespace vslog {
namespace {

using Fill = void (*)(protozero::pbf_writer&);

/// A request with the filter that `fill` writes.
std::string request(Fill fill) {
  std::string filter;
  protozero::pbf_writer inner(filter);
  fill(inner);
  std::string whole;
  protozero::pbf_writer(whole).add_message(field::ConnExpire::filter, filter);
  return whole;
}

std::string place(const std::string& address, std::uint64_t prefix, std::uint64_t port) {
  std::string bytes;
  protozero::pbf_writer w(bytes);
  w.add_bytes(field::Place::address, address);
  w.add_uint64(field::Place::prefix, prefix);
  w.add_uint64(field::Place::port, port);
  return bytes;
}

std::string field_of_refusal(Fill fill) {
  try {
    decode_filter(request(fill));
  } catch (const BadRequest& e) {
    EXPECT_NE(std::string_view(e.what()), "");
    return e.field();
  }
  return "taken";
}

TEST(ConnFilter, IsReadWhole) {
  const engine::ConnFilter f = decode_filter(request([](protozero::pbf_writer& w) {
    w.add_message(field::ConnFilter::client, place(std::string(16, '\x01'), 112, 5000));
    w.add_uint32(field::ConnFilter::protocol, 6);
    w.add_bool(field::ConnFilter::is_template, false);
    w.add_fixed64(field::ConnFilter::conn_id, 77);
    w.add_uint64(field::ConnFilter::older_ns, 5);
  }));
  ASSERT_TRUE(f.client);
  EXPECT_EQ(f.client->prefix, 112);
  EXPECT_EQ(f.client->port, 5000);
  EXPECT_EQ(f.client->address[15], 1);
  EXPECT_EQ(f.protocol, 6);
  EXPECT_EQ(f.is_template, false);
  EXPECT_EQ(f.conn_id, 77U);
  EXPECT_EQ(f.older_than, 5U);
  EXPECT_FALSE(f.real);
}

TEST(ConnFilter, MeansAllWhenNothingIsGiven) {
  const engine::ConnFilter f = decode_filter("");
  EXPECT_FALSE(f.client || f.real || f.virtual_service || f.protocol || f.conn_id || f.quiesced_only);
}

TEST(ConnFilter, IsRefusedRatherThanWidened) {
  EXPECT_EQ(field_of_refusal([](protozero::pbf_writer& w) { w.add_message(field::ConnFilter::client, place("abcd", 128, 1)); }), "client.address");
  EXPECT_EQ(field_of_refusal([](protozero::pbf_writer& w) { w.add_message(field::ConnFilter::real, place(std::string(16, 'a'), 129, 1)); }), "real.prefix");
  EXPECT_EQ(field_of_refusal([](protozero::pbf_writer& w) { w.add_message(field::ConnFilter::real, place(std::string(16, 'a'), 128, 65'536)); }), "real.port");
  EXPECT_EQ(field_of_refusal([](protozero::pbf_writer& w) { w.add_uint64(field::ConnFilter::protocol, 256); }), "protocol");
  EXPECT_EQ(field_of_refusal([](protozero::pbf_writer& w) { w.add_uint64(field::ConnFilter::conn_id, 1); }), "conn_id");
  EXPECT_EQ(field_of_refusal([](protozero::pbf_writer& w) { w.add_uint64(200, 1); }), "");
}

}  // namespace
}  // namespace vslog
