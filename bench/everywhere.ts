import { TOLERANCE, verifyEverywhere } from '#cli/verify/everywhere.ts';
import { UserError } from '#errors/user-error.ts';
import { resolveVersion } from '#models/aliases.ts';
import { openObjectStore } from '#models/stores/open.ts';
import { readVersion } from '#models/versions.ts';
import { openTestImages } from '#training/datasets/test-images.ts';
import { writeResults } from './results.ts';

interface Options {
  readonly store: string;
  readonly version: string;
  readonly images: number;
}

/**
 * Asks every runtime on this machine for a version's test images.
 *
 * @throws {UserError} a probability differs by more than is allowed
 */
export async function benchmarkEverywhere({ store: url, version: name, images: most }: Options): Promise<void> {
  const store = await openObjectStore(url);
  const version = await readVersion(store, await resolveVersion(store, name));
  const { test } = await openTestImages(version.card);
  const count = Math.min(most, test.count);
  const images = test.images.subarray(0, (count * test.images.length) / test.count);
  const rows = await verifyEverywhere({ store, version, images, count }, (runtime) =>
    process.stdout.write(`asking ${runtime}\n`),
  );
  for (const row of rows) {
    process.stdout.write(
      'missing' in row
        ? `${row.runtime}: ${row.missing}\n`
        : `${row.runtime}: within ${row.difference.toExponential(1)}, ${row.sameLabels} of ${row.pictures} labels the same, ${row.milliseconds.toFixed(2)} ms each\n`,
    );
  }
  const command = `npm run bench -- everywhere --store <store> --model ${name} --images ${count}`;
  const { recipe } = version.card;
  const last = await writeResults('everywhere', command, { version: version.id, recipe: recipe.name, count, rows });
  process.stdout.write(`${last.join('\n')}\n`);
  const different = rows.find((row) => !('missing' in row) && !(row.difference <= TOLERANCE));
  if (different) throw new UserError(`${different.runtime} answers otherwise, by more than ${TOLERANCE}.`);
}
