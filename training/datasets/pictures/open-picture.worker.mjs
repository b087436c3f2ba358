/** The entry of the thread. A thread does not have the loader of TypeScript that its process may have, so it begins with that. */
import '#setup/typescript.mjs';

await import('./open-picture.worker.ts');
