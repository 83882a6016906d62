// Stands in for pcap_file.cc where the capture is built without libpcap.
#include "source/engine/pcap_file.h"
#include "source/refusal.h"

namespace vslog {

PcapFile::PcapFile(std::string path) : path_(std::move(path)) {
  throw SourceRefusal("--pcap " + path_ + " cannot be read: this build has no libpcap; install libpcap-dev and build again.");
}

void PcapFile::next() { there_ = false; }
void PcapFile::Closer::operator()(pcap* /*handle*/) const {}

}  // namespace vslog
