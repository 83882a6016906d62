// Starts worker.ts where the sources run as they are: a thread of Node 20 does not inherit what loads TypeScript. dist/ starts worker.js itself.
import { register } from 'tsx/esm/api';

register();
await import('./worker.ts');
