import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBulkModel } from '#jobs/bulk/bulk-model.ts';
import { chooseEngine } from '#jobs/bulk/choose-engine.ts';
import { resolveVersion } from '#models/aliases.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import { loadTensorFlow } from '#training/engine/tensorflow.ts';
import { writeResults } from './results.ts';
import { storeUntrained, untrained } from './untrained.ts';

/** Prints the processor time that an image takes on each engine of bulk classification: the table of docs/bulk.md. */
export async function benchmarkEngines(): Promise<void> {
  const tensorflow = await loadTensorFlow();
  const rows: { readonly network: string; readonly WebAssembly: number; readonly TensorFlow: number }[] = [];
  process.stdout.write('| network | WebAssembly | TensorFlow |\n|---|---|---|\n');
  for (const network of untrained) {
    const folder = await mkdtemp(join(tmpdir(), 'cifar10-engines-'));
    try {
      await storeUntrained(network, folder);
      const store = folderStore(folder);
      const model = await readBulkModel(store, await resolveVersion(store, 'production'));
      const { measured, reason, network: native } = await chooseEngine(model, tensorflow);
      native?.dispose();
      if (measured === undefined) throw new Error(`${network.name}: ${reason}`);
      rows.push({ network: network.name, ...measured });
      const [slow, fast] = [measured.WebAssembly, measured.TensorFlow].map((each) => `${each.toFixed(2)} ms`);
      process.stdout.write(`| ${network.name} | ${slow} | ${fast} |\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  const last = await writeResults('engines', 'npm run bench -- classify --engines', { load: loadavg(), rows });
  process.stdout.write(`${last.join('\n')}\n`);
}
