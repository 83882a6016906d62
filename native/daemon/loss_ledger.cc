#include "daemon/loss_ledger.h"

namespace vslog {

std::vector<ControlRecord> unreported_losses(std::span<const LossTotal> totals, LossCounts& reported, std::uint64_t now_ns) {
  std::vector<ControlRecord> out;
  for (const LossTotal& total : totals) {
    std::uint64_t& said = reported.at(static_cast<std::size_t>(total.where));
    if (total.lost < said) said = 0;
    if (total.lost == said) continue;
    ControlRecord c;
    c.kind = ControlKind::loss;
    c.where = total.where;
    c.time_ns = now_ns;
    c.lost = total.lost - said;
    c.first_ns = total.first_ns;
    c.last_ns = total.last_ns;
    c.through = Through::vslog;
    c.detail = total.detail;
    said = total.lost;
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace vslog
