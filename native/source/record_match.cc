#include "source/record_match.h"

namespace vslog {

bool matches(const engine::ConnFilter& f, const ConnRecord& r, std::uint64_t now_ns) {
  if (f.client && !contains(*f.client, r.client_addr, r.client_port)) return false;
  if (f.virtual_service && !contains(*f.virtual_service, r.virtual_addr, r.virtual_port)) return false;
  if (f.real && !contains(*f.real, r.real_addr, r.real_port)) return false;
  if (f.protocol && *f.protocol != r.protocol) return false;
  if (f.fwmark && *f.fwmark != r.fwmark) return false;
  if (f.family && *f.family != r.family) return false;
  if (f.state && *f.state != r.state) return false;
  if (f.is_template && *f.is_template != r.is_template) return false;
  if (f.conn_id && *f.conn_id != r.conn_id) return false;
  if (f.idle_at_least || (f.quiesced_only && !r.quiesced)) return false;
  if (f.older_than && (r.created_ns == 0 || now_ns <= r.created_ns || now_ns - r.created_ns < *f.older_than)) return false;
  return !f.also || f.also(r);
}

}  // namespace vslog
