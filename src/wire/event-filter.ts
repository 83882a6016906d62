import { type Place, placeMessage } from './conn-filter.js';
import { toLong, v1 } from './proto.js';

type FieldName = Exclude<keyof typeof v1.EventField.Value, 'unspecified'>;

/** Fields that are an address with a port. */
export type PlaceField = Extract<FieldName, 'client' | 'virtual_service' | 'real'>;
/** Fields that are a number. */
export type NumberField = Exclude<FieldName, PlaceField>;

/** From the first to the last, both included. */
export type NumberRange = readonly [first: bigint, last: bigint];

/** Which events a live subscription gets: proto/vslog/v1/socket.proto says what each part passes. The capture applies it; nothing here does. */
export type EventFilter =
  | { readonly all: readonly EventFilter[] }
  | { readonly any: readonly EventFilter[] }
  | { readonly none: EventFilter }
  | { readonly field: PlaceField; readonly places: readonly Place[] }
  | { readonly field: NumberField; readonly ranges: readonly NumberRange[] };

/** As the socket has it. */
export function eventFilterMessage(filter: EventFilter): InstanceType<typeof v1.EventFilter> {
  if ('all' in filter) return new v1.EventFilter({ all: filter.all.map(eventFilterMessage) });
  if ('any' in filter) return new v1.EventFilter({ any: filter.any.map(eventFilterMessage) });
  if ('none' in filter) return new v1.EventFilter({ none: eventFilterMessage(filter.none) });
  const field = v1.EventField.Value[filter.field];
  const test =
    'places' in filter
      ? { field, places: filter.places.map(placeMessage) }
      : { field, ranges: filter.ranges.map(([first, last]) => ({ first: toLong(first), last: toLong(last) })) };
  return new v1.EventFilter({ test: new v1.EventTest(test) });
}
