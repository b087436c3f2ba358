import { home, shownPath } from '#environment/home.ts';
import { UserError } from '#errors/user-error.ts';
import { findLocalStack } from '#local/localstack.ts';
import { cacheRoot } from '#setup/cache.mjs';
import { freeBytes } from '#setup/disk.mjs';
import { localstackVersion } from '#setup/localstack.mjs';
import { projectRoot, setupState } from '#setup/state.mjs';
import { takeInventory } from '#setup/steps.mjs';
import { TENSORFLOW_VERSION } from '#setup/wheels.mjs';
import { priceWarning } from '../cost/price-dates.ts';
import prices from '../cost/prices.json' with { type: 'json' };
import type { Check } from './finding.ts';

/** Bytes that a training with its checkpoints, a LocalStack and a bundle of the stack need at the same time, rounded up. */
const ROOM = 2e9;

/** What this machine needs to train, and to run the local cloud. */
export function machineChecks(): Check[] {
  const inventory = takeInventory({ root: projectRoot, gpu: false });
  const state = setupState(projectRoot);
  return [
    { name: 'Node', look: async () => process.versions.node },
    {
      name: 'npm packages',
      look: async () => {
        if (inventory.packages) return 'as in package-lock.json';
        throw new UserError('They are not those of package-lock.json. Install them: npm run setup');
      },
    },
    {
      name: 'TensorFlow',
      look: async () => {
        if (inventory.tensorflow === 'native') return `${TENSORFLOW_VERSION}, native`;
        const reason = state?.tensorflow.reason ?? 'It was not installed. Install it: npm run setup';
        const used = inventory.tensorflow === 'packaged' ? 'the older one of the npm package' : 'WebAssembly';
        return { warning: `Training uses ${used}, which is slower. ${reason}` };
      },
    },
    {
      name: 'LocalStack',
      look: async () => {
        if (inventory.localstack === undefined) {
          return { warning: `The local cloud is missing. ${state?.localstack.reason ?? 'Install it: npm run setup'}` };
        }
        const running = await findLocalStack();
        const where = running ? `running at ${running.endpoint}` : 'not running ("./cifar10 local up" starts it)';
        return `${localstackVersion()}, ${where}`;
      },
    },
    {
      name: 'prices',
      look: async () => {
        const warning = priceWarning(prices);
        return warning === undefined ? `of ${prices.region}, none older than a year` : { warning };
      },
    },
    ...[
      { name: 'disk of models', folder: home },
      { name: 'disk of caches', folder: cacheRoot() },
    ].map(({ name, folder }) => ({
      name,
      look: async () => {
        const free = await freeBytes(folder);
        const found = `${(free / 1e9).toFixed(1)} GB free for ${shownPath(folder)}`;
        return free > ROOM ? found : { warning: `Only ${found}: a training may run out of it. Delete something.` };
      },
    })),
  ];
}
