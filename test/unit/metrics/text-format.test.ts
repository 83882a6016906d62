import { expect, it } from 'vitest';
import { escapeLabel, labelText, Metric } from '../../../src/metrics/text-format.js';

it('writes labels that any value fits in', () => {
  expect(escapeLabel('a"b\\c\nd')).toBe('a\\"b\\\\c\\nd');
  expect(labelText({ vs: 'fwmark 7 ipv6', rs: '[2001:db8::7]:80' })).toBe('vs="fwmark 7 ipv6",rs="[2001:db8::7]:80"');
  const metric = new Metric('x', 'gauge', 'One\\two\nlines.');
  expect(String(metric)).toBe('');
  metric.sample('', 1.5);
  metric.sample(labelText({ a: '"' }), 2);
  expect(String(metric)).toBe('# HELP x One\\\\two\\nlines.\n# TYPE x gauge\nx 1.5\nx{a="\\""} 2\n');
});

it('writes a histogram whose count is its last bucket', () => {
  const metric = new Metric('t_seconds', 'histogram', 'T.');
  metric.histogram('', [0.5, 1], [1, 3, 4], 2.5);
  metric.histogram('a="b"', [0.5, 1], [0, 0, 0], 0);
  expect(String(metric).split('\n').slice(2, 12)).toEqual([
    't_seconds_bucket{le="0.5"} 1',
    't_seconds_bucket{le="1"} 3',
    't_seconds_bucket{le="+Inf"} 4',
    't_seconds_sum 2.5',
    't_seconds_count 4',
    't_seconds_bucket{a="b",le="0.5"} 0',
    't_seconds_bucket{a="b",le="1"} 0',
    't_seconds_bucket{a="b",le="+Inf"} 0',
    't_seconds_sum{a="b"} 0',
    't_seconds_count{a="b"} 0',
  ]);
});
