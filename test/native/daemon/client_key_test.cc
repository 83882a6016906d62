#include "daemon/client_key.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "key_file.h"
#include "temp_dir.h"

namespace vslog {
namespace {

const char* const kOne = "000102030405060708090a0b0c0d0e0f";
const char* const kTwo = "100102030405060708090a0b0c0d0e0f";
const char* const kThree = "200102030405060708090a0b0c0d0e0f";

class ClientKeyFile : public ::testing::Test {
 protected:
  std::string path() const { return dir_.file("key"); }
  std::string refusal() const {
    try {
      (void)read_client_key(path());
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "taken";
  }

  TempDir dir_;
};

TEST_F(ClientKeyFile, IsRead) {
  write_key(path(), std::string("000102030405060708090A0b0c0d0e0f") + "\nrest");
  const ClientKey key = read_client_key(path());
  EXPECT_EQ(key.bytes[10], 0x0a);
  EXPECT_EQ(key.id, "5f924cb3") << "src/cli/key has the same";
  write_key(path(), kTwo, 0400);
  EXPECT_NE(read_client_key(path()).id, key.id);
}

TEST_F(ClientKeyFile, IsRefusedWhenItIsNone) {
  for (const char* bad : {"", "0001", "000102030405060708090a0b0c0d0e0fff", "xx0102030405060708090a0b0c0d0e0f"}) {
    write_key(path(), bad);
    EXPECT_EQ(refusal(), "the first line of " + path() + " must be 32 hexadecimal digits; `vslog key rotate` makes such a file") << bad;
  }
  std::filesystem::remove(path());
  EXPECT_EQ(refusal(), "the file " + path() + " cannot be read: No such file or directory");
  std::filesystem::create_directory(path());
  EXPECT_EQ(refusal(), path() + " is no regular file");
  std::filesystem::remove(path());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(refusal(), path() + " is no regular file") << "a pipe without a writer does not stop us";
}

TEST_F(ClientKeyFile, IsRefusedWhenOthersMayUseIt) {
  for (const mode_t mode : {0640, 0604, 0660, 0610, 0602, 0644}) {
    write_key(path(), kOne, mode);
    char text[8];
    std::snprintf(text, sizeof text, "%04o", mode);
    EXPECT_EQ(refusal(), "the file " + path() + " has mode " + text + ", so others than its owner may use the key, and with it find out whom a hash means: chmod 600 " + path());
  }
}

TEST_F(ClientKeyFile, IsRefusedThroughALinkToo) {
  write_key(dir_.file("open"), kOne, 0644);
  std::filesystem::create_symlink(dir_.file("open"), path());
  EXPECT_NE(refusal().find("has mode 0644"), std::string::npos) << refusal();
  chmod(dir_.file("open").c_str(), 0600);
  EXPECT_EQ(refusal(), "taken");
}

TEST_F(ClientKeyFile, IsRefusedWhenItIsSomebodyElses) {
  if (geteuid() != 0) {
    // Only root can give a file away.
    EXPECT_THROW((void)read_client_key("/etc/passwd"), std::invalid_argument);
    return;
  }
  write_key(path(), kOne);
  ASSERT_EQ(chown(path().c_str(), 65534, 65534), 0);
  EXPECT_EQ(refusal(), "the file " + path() + " belongs to user 65534, who could turn every hash back: it must belong to the user of the capture, 0 (chown 0 " + path() + ")");
}

class KeyRings : public ClientKeyFile {
 protected:
  /// Another key in the file; the one that was there is kept beside it.
  std::string put(const char* text) {
    if (std::filesystem::exists(path())) std::filesystem::rename(path(), kept_key_path(path(), read_client_key(path()).id));
    write_key(path(), text);
    return read_client_key(path()).id;
  }
  KeyRing ring() const { return KeyRing(read_client_key(path())); }
  std::string resume(KeyRing& ring, std::uint64_t highest = 0, const char* boot = "boot") {
    said_.clear();
    return ring.resume({dir_.file("state"), boot, path(), [highest] { return highest; }, [this](const std::string& sentence) { said_ += sentence; }});
  }
  static HashKey bytes(const char* text) {
    HashKey key{};
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(std::stoul(std::string(text + 2 * i, 2), nullptr, 16));
    return key;
  }

  std::string said_;
};

TEST_F(KeyRings, AConnectionHasTheKeyOfItsBeginning) {
  put(kOne);
  KeyRing keys = ring();
  keys.rotate({bytes(kTwo), "two"}, 100);
  keys.rotate({bytes(kThree), "three"}, 200);
  for (const std::uint64_t id : {1, 99, 100}) EXPECT_EQ(keys.of(id), bytes(kOne)) << id;
  for (const std::uint64_t id : {101, 200}) EXPECT_EQ(keys.of(id), bytes(kTwo)) << id;
  for (const std::uint64_t id : {201, 0}) EXPECT_EQ(keys.of(id), bytes(kThree)) << id;
  EXPECT_EQ(keys.id(), "three");
}

TEST_F(KeyRings, ARestartGoesOnWithTheKeysOfTheConnectionsThatLiveOn) {
  const std::string one = put(kOne);
  {
    KeyRing keys = ring();
    EXPECT_EQ(resume(keys), "") << "the first one";
    const std::string two = put(kTwo);
    keys.rotate(read_client_key(path()), 100);
    EXPECT_EQ(keys.id(), two);
  }
  KeyRing keys = ring();
  EXPECT_EQ(resume(keys, 150), keys.id());
  EXPECT_EQ(said_, "");
  EXPECT_EQ(keys.of(100), bytes(kOne));
  EXPECT_EQ(keys.of(101), bytes(kTwo));
  // Rotated right after the start, before anything was told: what lives on is asked for.
  put(kThree);
  keys.rotate(read_client_key(path()), 0);
  EXPECT_EQ(keys.of(150), bytes(kTwo));
  EXPECT_EQ(keys.of(151), bytes(kThree));
}

TEST_F(KeyRings, AKeyThatCameWhileNobodyRanHoldsForWhatComes) {
  const std::string one = put(kOne);
  {
    KeyRing keys = ring();
    resume(keys);
  }
  put(kTwo);
  KeyRing keys = ring();
  EXPECT_EQ(resume(keys, 70), one);
  EXPECT_EQ(keys.of(70), bytes(kOne));
  EXPECT_EQ(keys.of(71), bytes(kTwo));
  KeyRing fresh = ring();
  EXPECT_EQ(resume(fresh, 0, "another boot"), "") << "its connections are gone";
  EXPECT_EQ(fresh.of(1), bytes(kTwo));
}

TEST_F(KeyRings, AnOldKeyThatIsGoneIsReplacedByTheNextAndThatIsSaid) {
  const std::string one = put(kOne);
  {
    KeyRing keys = ring();
    resume(keys);
    put(kTwo);
    keys.rotate(read_client_key(path()), 10);
    put(kThree);
    keys.rotate(read_client_key(path()), 20);
  }
  std::filesystem::remove(kept_key_path(path(), one));
  KeyRing keys = ring();
  resume(keys, 30);
  EXPECT_EQ(said_, "connections that began under the key " + one + " have another hash from here on: the file " + kept_key_path(path(), one) + " cannot be read: No such file or directory.");
  EXPECT_EQ(keys.of(5), bytes(kTwo));
  EXPECT_EQ(keys.of(15), bytes(kTwo));
  EXPECT_EQ(keys.of(25), bytes(kThree));
}

}  // namespace
}  // namespace vslog
