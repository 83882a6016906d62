import { ClickHouseException } from './exception.js';

/** Settings that only shape an answer, or that only make a query stop earlier. Patterns are of families in which no member names a file or a host. */
const HARMLESS = [
  /^output_format_(?!schema|avro_registry)\w+$/,
  /^format_(csv|tsv|custom|json|binary|display)_\w+$/,
  /^date_time_(input|output)_format$/,
  /^(join_use_nulls|extremes|limit|offset|final|totals_mode|totals_auto_threshold|group_by_use_nulls|transform_null_in|union_default_mode)$/,
  /^(prefer_column_name_to_alias|empty_result_for_aggregation_by_empty_set|aggregate_functions_null_for_empty|cast_keep_nullable)$/,
  /^(max_threads|max_block_size|priority|session_timezone|use_query_cache|enable_analyzer|allow_experimental_analyzer|log_queries)$/,
  /^(result|read|timeout|group_by|sort|distinct|join|set)_overflow_mode$/,
  /^max_(rows|bytes)_(to_read|to_group_by|to_sort|in_distinct|in_join|in_set)$/,
  /^(max_result_rows|max_memory_usage|max_query_size|max_ast_depth|max_ast_elements|select_sequential_consistency)$/,
];

/** Settings that have a limit of ours: more is cut to it, and no limit at all is it. */
export type Limits = Readonly<Record<string, number>>;

/** The settings that a query of a read-only session may bring. Throws ClickHouseException where it asks for anything else. */
export function harmlessSettings(settings: ReadonlyMap<string, string>, limits: Limits): Map<string, string> {
  const kept = new Map<string, string>();
  for (const [name, value] of settings) {
    const limit = limits[name];
    if (limit !== undefined) {
      if (!/^\d+(\.\d+)?$/.test(value)) throw new ClickHouseException(72, 'CANNOT_PARSE_NUMBER', `Setting ${name} must be a number`);
      const asked = Number(value);
      kept.set(name, String(asked === 0 ? limit : Math.min(asked, limit)));
    } else if (name === 'readonly') {
      // It is 1 whatever they say; who asks for less is told.
      if (value !== '1' && value !== '2') throw refused(name);
    } else if (HARMLESS.some((pattern) => pattern.test(name))) {
      kept.set(name, value);
    } else {
      throw refused(name);
    }
  }
  return kept;
}

function refused(name: string): ClickHouseException {
  return new ClickHouseException(164, 'READONLY', `Cannot modify '${name}' setting in readonly mode`);
}
