import { durationText } from '../text/format.js';

/** What the end of a connection is told from. */
export interface Ended {
  readonly outcome: string;
  /** In the balancer's words. */
  readonly reason: string;
  /** It was established, and something other than its two ends ended it. */
  readonly cut: boolean;
  /** The last one. */
  readonly state: string;
  /** Until its end, or until now. */
  readonly seconds: number;
}

/** How a connection ended, or that it has not, in a sentence: "Closed after 3 min 20 s." */
export function endSentence({ outcome, reason, cut, state, seconds }: Ended): string {
  const lasted = durationText(seconds);
  const then = cut ? ' while it was established,' : state === '' ? '' : ` in state ${state},`;
  const words = (what: string, why = ''): string => `${what}${then} after ${lasted}${why === '' ? '' : `: ${why}`}.`;
  switch (outcome) {
    case 'open':
      return `Open for ${lasted}${state === '' ? ', as far as the log knows' : `, now ${state}`}.`;
    case 'closed':
      return `Closed after ${lasted}.`;
    case 'reset':
      return `Reset or refused after ${lasted}.`;
    case 'idle':
      return `Idle: no packet came until its timer ran out, ${lasted} after its beginning.`;
    case 'never_established':
      return words('Never established: given up');
    case 'server_removed':
      return words(reason === 'service_removed' ? 'Its virtual service was removed' : 'The server was removed');
    case 'flushed':
      return words('Flushed', 'ended on request, or with the balancer');
    case 'defence':
      return words('Dropped by the drop_entry defence');
    case 'replaced':
      return words('Replaced', 'its client used the same port again');
    case 'template_quiesced':
      return `Refused after ${lasted}: its real server had weight 0.`;
    case 'one_packet':
      return 'One-packet scheduling: it lived for its packet only.';
    case 'capture_stopped':
      return words('Ended', 'the capture that carried it stopped');
    default:
      return `It ended while nothing recorded it: after ${lasted} at most.`;
  }
}
