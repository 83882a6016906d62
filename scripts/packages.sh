# The Debian and Ubuntu packages that the project needs beside node and npm, each with what proves that it is there. Read by setup.sh.
#   cmd:NAME      a program on the path
#   header:PATH   a header of the compiler's own search path
#   runtime:NAME  one of clang's sanitizer libraries
#   static:PATH   a program that needs no shared library
#   library:PATH  a file under /usr/lib, or in its folder of the architecture
# shellcheck shell=bash disable=SC2034

build_packages=(
  cmd:g++ g++
  cmd:cmake cmake
  cmd:ninja ninja-build
  cmd:clang clang
  cmd:llvm-strip llvm
  cmd:bpftool bpftool
  cmd:pkg-config pkg-config
  header:bpf/libbpf.h libbpf-dev
  header:libelf.h libelf-dev
  header:zlib.h zlib1g-dev
  header:libmnl/libmnl.h libmnl-dev
  header:pcap/pcap.h libpcap-dev
  header:protozero/pbf_reader.hpp libprotozero-dev
  header:toml++/toml.h libtomlplusplus-dev
  header:seccomp.h libseccomp-dev
)

test_packages=(
  cmd:ccache ccache
  header:gtest/gtest.h libgtest-dev
  cmd:clang-tidy clang-tidy
  runtime:asan libclang-rt-dev
  runtime:fuzzer libclang-rt-dev
  cmd:qemu-system-x86_64 qemu-system-x86
  static:/bin/busybox busybox-static
  cmd:cpio cpio
  cmd:zstd zstd
  cmd:xz xz-utils
  cmd:modprobe kmod
  cmd:ipvsadm ipvsadm
  cmd:ip iproute2
  cmd:socat socat
  cmd:nft nftables
  cmd:sysctl procps
  cmd:pip3 python3-pip
  cmd:systemd-analyze systemd
  cmd:go golang-go
  cmd:conntrack conntrack
  cmd:ulogd ulogd2
  library:ulogd/ulogd_output_JSON.so ulogd2-json
  library:libclickhouse.so.18.16 clickhouse-common
  cmd:curl curl
  cmd:openssl openssl
  cmd:java default-jre-headless
  cmd:mvn maven
  cmd:kcat kcat
  cmd:chromium chromium
)
