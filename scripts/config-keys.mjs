// Writes native/daemon/config_keys.h: node --import tsx scripts/config-keys.mjs
import { writeFileSync } from 'node:fs';
import { nativeKeys } from '../src/config/native-keys.ts';

writeFileSync(new URL('../native/daemon/config_keys.h', import.meta.url), nativeKeys());
