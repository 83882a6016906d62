#include "engine/traffic.h"

#include <gtest/gtest.h>

namespace vslog::engine {
namespace {

TEST(Traffic, IsCountedFromBothSides) {
  TrafficMeter meter;
  meter.connection();
  meter.in(40);
  meter.in(60);
  meter.out(1500);
  EXPECT_EQ(meter.counts().connections, 1U);
  EXPECT_EQ(meter.counts().packets_in, 2U);
  EXPECT_EQ(meter.counts().bytes_in, 100U);
  EXPECT_EQ(meter.counts().packets_out, 1U);
  EXPECT_EQ(meter.counts().bytes_out, 1500U);
}

TEST(Traffic, HasARateThatNearsTheTrueOne) {
  TrafficMeter meter;
  Time now = 5 * kSecond;
  meter.sample(now);
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 10; ++i) meter.in(100);
    now += kSecond;
    meter.sample(now);
  }
  EXPECT_EQ(meter.rates().packets_in, 10U);
  EXPECT_EQ(meter.rates().bytes_in, 1000U);
  EXPECT_EQ(meter.rates().packets_out, 0U);
}

TEST(Traffic, IsNotSampledMoreOftenThanItsPeriod) {
  TrafficMeter meter;
  meter.sample(kSecond);
  meter.connection();
  meter.sample(2 * kSecond);
  EXPECT_EQ(meter.rates().connections, 0U);
  for (int i = 0; i < 7; ++i) meter.connection();
  meter.sample(3 * kSecond);
  EXPECT_EQ(meter.rates().connections, 1U);  // 4 a second, of which a period is a quarter
}

TEST(Traffic, DiesAwayAlsoWhenItIsSeldomSampled) {
  TrafficMeter often;
  TrafficMeter seldom;
  for (TrafficMeter* meter : {&often, &seldom}) {
    meter->sample(0);
    for (int i = 0; i < 4000; ++i) meter->in(1);
    meter->sample(2 * kSecond);
  }
  EXPECT_EQ(often.rates().packets_in, 500U);
  for (Time t = 3; t <= 22; ++t) often.sample(t * kSecond);
  seldom.sample(22 * kSecond);
  EXPECT_EQ(often.rates().packets_in, seldom.rates().packets_in);
  EXPECT_LT(seldom.rates().packets_in, 30U);
  seldom.sample(21 * kSecond);  // a clock that goes back changes nothing
  EXPECT_EQ(often.rates().packets_in, seldom.rates().packets_in);
}

}  // namespace
}  // namespace vslog::engine
