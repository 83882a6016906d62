#include "daemon/options.h"

namespace vslog {

const char* help_text() {
  return R"(usage: vslog-capture [OPTION]...
Watches a balancer and hands out what happens to its connections on a unix socket.

  --options-fd FD         take more options from this descriptor, before those of the command line; each ends with a NUL. For services that are too many for a command line
  --config FILE           take the options of a configuration (TOML, docs/config.md) first; those of the command line win. Nobody but its owner, we or root, may write to it
  --env                   take VSLOG_CAPTURE_..., VSLOG_CONNTRACK_... and VSLOG_ENGINE_... of the environment, which win over the file
  --source NAME           ipvs (default): the kernel's balancer; conntrack: its connection tracking; engine: a balancer of our own; scripted: made-up connections;
                          auto (default with --config or --env): the first of ipvs, conntrack and engine that can run and has something to record here
  --socket PATH           where to listen (/run/vslog/capture.sock)
  --socket-group GROUP    who may list connections and watch events live besides root, by name or number (the process's own group)
  --collector-group GROUP whose members may also have events kept until they acknowledge them, as the collector does, besides root (nobody's)
  --admin-group GROUP     whose members may change knobs, services and connections, besides root (nobody's); whoever can open the socket may read them
  --max-memory BYTES      what all sessions on the socket but root's and the collector's may hold, 4M to 4G, with K, M or G (64M)
  --subscriber-timeout MS how long a durable subscriber may be away before nothing is kept for it any more, 0: for ever (86400000, a day)
  --give-subscriber NAME=UID  root's durable subscriber of that name, where there is one, belongs to that user from now on: the collector runs as another one; repeatable
  --expect-subscriber NAME=UID  a durable subscriber of that name and user will come: everything is kept for it from the start on, and a stop waits for it (--stall-timeout);
                          repeatable
  --when-full HOW         when the journal is full, block: the source waits (of source engine: so do its clients); traffic: nobody waits, what has no room is counted as
                          lost, and a subscriber that acknowledges nothing for a minute gives way; auto (default): traffic for source engine on real sockets, else block
  --events LIST           what is logged of connections: create, expire, nodest_drop, sched_fail, state, separated by commas (all)
  --flood-rate N          beginnings a second that are logged one by one, 0 to 100000000; those beyond are counted, which a record says (0: no limit)
  --client-address HOW    how people's addresses are written: whole (default), prefix: only the first bits, hash: a keyed hash, the same for the same address
  --client-prefix "4 6"   prefix: bits of an IPv4 and of an IPv6 address that are kept ("24 56")
  --client-key FILE       hash: a file whose first line is 32 hexadecimal digits, which its owner alone may read
  --hidden-sides LIST     prefix, hash: which addresses: client, virtual, real, separated by commas; auto (default): the client's, and with source conntrack every address that is
                          not ours
  --own-address LIST      source conntrack: addresses and blocks that are ours beside this machine's own, such as the real servers' 10.1.0.0/16
  --journal PATH          the log between source and socket (/run/vslog/capture.journal)
  --journal-size BYTES    8M to 1T, with K, M or G (64M); what a journal of another size holds goes on
  --journal-fsync HOW     when a journal on a disk is made durable against a power cut: none; interval: every --journal-fsync-interval; commit: before anything of a
                          batch is handed out, which is slow; auto (default): interval, and none where the journal is in memory
  --journal-fsync-interval MS  10 to 60000 (1000)
  --node NAME             this balancer's name in the log (the machine's)
  --linger MS             how long a batch may wait for more events, 0 to 10000 (5); four times as long while no live subscriber watches
  --on-exit keep|detach   keep (default): the kernel side stays and the next start goes on without a gap; detach: it is taken out
  --stall-timeout MS      at a stop: how long to wait for room in the journal while no durable subscriber acknowledges anything, 0 to 4294967295 (2000); then what has
                          no room is counted as lost. As long an expected subscriber is waited for that has not got everything; what it lacks stays in the journal: exit code 8
  --confine on|off        on (default): once started it gives up every capability and system call that it needs no longer; off: it keeps them
  --detach                take out what an earlier capture left in the kernel, and end
  --check                 say whether this command line is right and the source can run here, and end; the exit code tells too
  --with-parent           end, cleanly, when standard input ends: whoever started us is gone
  --help, --version

source ipvs:
  --ring-size BYTES       ring between kernel and capture, a power of two, 64K to 1G (16M)
  --max-conns N           connections remembered at once, 1024 to 268435456 (4194304)
  --pin-dir DIR           where the kernel side is kept, on a bpffs (/sys/fs/bpf/vslog)
  --all-netns             watch every network namespace, not only this one
  --nodest-interval MS    packets dropped for a missing real server are summed up over this time, 10 to 3600000 (1000)

source conntrack; --max-conns is its own too:
  --conntrack-events LIST     create, expire, state (a change of state, or another update), separated by commas (create,expire)
  --conntrack-protocol LIST   only tcp, udp, sctp, icmp, icmpv6, dccp, gre, udplite or a number, separated by commas; the kernel drops the others
  --conntrack-address LIST    only connections from or to these addresses or blocks, such as 10.0.0.0/8,2001:db8::/32, before translation; the kernel drops the others
  --conntrack-delivery HOW    ring: a program in the kernel copies events into memory that is shared with the capture, which costs least and takes the capability CAP_BPF;
                              socket: a netlink socket; auto (default): ring where it can be had, else socket
  --conntrack-buffer BYTES    socket: how far the kernel's buffer for events may grow, 64K to 2G (128M)
  --conntrack-queue BYTES     events that were not yet recorded, a power of two, 64K to 2G (64M): the ring, or behind the socket
  --conntrack-resync SEC      how often the log is compared with the kernel's table while there are connections whose end the kernel will not tell, 0: never (60)
  --conntrack-reliable        the kernel keeps each end until it was delivered: none is lost, but kernel memory is held while the capture stands still

source engine; what follows a --service belongs to it:
  --service ADDRESS       tcp://ADDRESS:PORT or udp://ADDRESS:PORT, repeatable
  --scheduler NAME        rr, wrr, lc, wlc, sed, nq, fo, ovf, sh, dh, mh, lblc, lblcr, twos (wlc)
  --persistent SEC        clients stay on their real server, 0 to 2678400; 0: they do not (0)
  --netmask MASK          persistence takes a network as one client: 255.255.255.0; for IPv6 a prefix length
  --one-packet            every datagram is scheduled alone
  --real ADDRESS:PORT     a real server, with ,weight=N (1) ,upper=N ,lower=N behind it; repeatable
  --knob NAME=VALUE       a knob by the kernel's name, repeatable
  --engine-max-conns N    connections at one time, 1 to 4294967295 (16777216)
  --load                  made-up clients instead of real sockets; without --service four services of its own
  --load-rate R           connections a second, 0: as fast as possible (1000)
  --load-connections N    how many in all, 0: without end (0); every one of them also ends
  --load-clients N        client addresses, 1 to 16777216 (100000)
  --load-concurrent N     how many live at a time, 1 to 16777216 (1000)
  --load-udp-percent P    share of UDP, 0 to 100 (10)
  --load-seed S           0 to 4294967295; another seed, other connections (1)
  --pcap FILE             the packets of a pcap or pcapng file instead of real sockets; records carry the packets' time

source scripted:
  --scripted-events N     how many events, 0: without end (0)
  --scripted-rate R       events a second, 0: as fast as possible (1000)
  --scripted-seed S       0 to 1048575; another seed, other connections (1)
  --scripted-start SEC    unix time of the first event: then times depend on an event's number only; 0: they are of now (0)

exit codes: 0 ended as asked; 1 another failure; 2 usage or configuration; 3 the journal or the socket is in use; 4 the source cannot run here;
            8 ended as asked, and a subscriber that was waited for has not got everything: the rest is in the journal
)";
}

}  // namespace vslog
