#!/usr/bin/env node
import { VERSION } from './cli/version.js';

// The version alone needs nothing of the rest, and packagers and scripts ask for it often.
if (process.argv[2] === '--version' || process.argv[2] === '-V') {
  // A reader that is gone wants no answer.
  process.stdout.on('error', () => undefined);
  process.stdout.write(`${VERSION}\n`);
} else {
  const { main } = await import('./cli/program.js');
  process.exitCode = await main(process.argv);
}
