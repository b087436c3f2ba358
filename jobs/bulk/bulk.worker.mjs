/** The entry of the thread. A thread does not have the loader of TypeScript that a program registers, so it begins with that. */
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register({ tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) });
await import('./bulk.worker.ts');
