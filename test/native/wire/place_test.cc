#include "wire/place.h"

#include <gtest/gtest.h>

#include <protozero/exception.hpp>
#include <protozero/pbf_writer.hpp>

#include "vslog_fields.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

namespace f = field::Place;

std::string refusal(const std::string& bytes) {
  try {
    decode_place(bytes, "real");
  } catch (const BadRequest& e) {
    return e.what();
  }
  return "taken";
}

TEST(Place, IsReadWhole) {
  std::string bytes;
  protozero::pbf_writer w(bytes);
  w.add_bytes(f::address, std::string(15, '\x01') + '\x07');
  w.add_uint32(f::prefix, 128);
  w.add_uint32(f::port, 65'535);
  const engine::Place place = decode_place(bytes, "real");
  EXPECT_EQ(place.address[0], 1);
  EXPECT_EQ(place.address[15], 7);
  EXPECT_EQ(place.prefix, 128);
  EXPECT_EQ(place.port, 65'535);
}

TEST(Place, WithoutAPrefixItIsEveryAddress) {
  const engine::Place place = decode_place("", "client");
  EXPECT_EQ(place.prefix, 0);
  EXPECT_FALSE(place.port);
}

TEST(Place, SaysWhatIsWrong) {
  std::string short_address;
  protozero::pbf_writer(short_address).add_bytes(f::address, "abcd");
  EXPECT_EQ(refusal(short_address), "real.address has 4 bytes; it must have 16, IPv4 as ::ffff:a.b.c.d.");
  std::string long_prefix;
  protozero::pbf_writer(long_prefix).add_uint32(f::prefix, 129);
  EXPECT_EQ(refusal(long_prefix), "real.prefix 129 must be at most 128.");
  std::string port_as_text;
  protozero::pbf_writer(port_as_text).add_bytes(f::port, "80");
  EXPECT_EQ(refusal(port_as_text), "real.port is of another type than it must be.");
  std::string unknown;
  protozero::pbf_writer(unknown).add_uint32(99, 1);
  EXPECT_EQ(refusal(unknown), "field 99 of real is not known: this capture is older than who asks it.");
  EXPECT_THROW(decode_place("\xff", "real"), protozero::exception);
}

}  // namespace
}  // namespace vslog
