/** Why connections end, as rs_minute counts it: `ends_NAME`. In the order of EndReason (proto/vslog/v1/conn_event.proto). */
export const REASONS = [
  'timeout',
  'expire_now',
  'nodest',
  'flushed',
  'drop_entry',
  'service_removed',
  'module_unload',
  'template_quiesced',
  'one_packet',
  'missed',
  'unknown',
] as const;
