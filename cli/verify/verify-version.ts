import pc from 'picocolors';
import { UserError } from '#errors/user-error.ts';
import { goldenDifference, goldenPixels } from '#models/golden.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { readVersion, type VerifiedVersion } from '#models/versions.ts';
import { progressLine } from '#training/commands/progress-line.ts';
import { predictAsServed } from '../endpoint/serving-runtime.ts';
import { table } from '../terminal/table.ts';

export interface VerifyOptions {
  readonly everywhere?: boolean;
  /** Pictures to ask about. */
  readonly images?: number;
  readonly json?: boolean;
}

const PICTURES = 200;

/**
 * Checks a version: every byte of it, its golden images, and on request that every runtime on this machine gives the same
 * answers. Prints what it finds.
 *
 * @returns whether all is as it should be
 * @throws {DamagedVersion | UnknownVersion} a byte is not as it was published, or there is no such version
 */
export async function verifyVersion(store: ObjectStore, id: string, options: VerifyOptions): Promise<boolean> {
  const version = await readVersion(store, id);
  const { golden, manifest } = version;
  const difference = goldenDifference(golden, await predictAsServed(version, goldenPixels(golden)));
  const isGolden = difference <= golden.tolerance;
  const found = { version: id, files: manifest.files.length, golden: { difference, tolerance: golden.tolerance } };
  if (!options.json) {
    process.stdout.write(
      `${pc.bold(id)}\n${mark(true)} ${found.files} files, every byte verified\n` +
        `${mark(isGolden)} ${golden.images.length} golden images within ${shownDifference(difference)}; ${golden.tolerance} is allowed\n`,
    );
  }
  if (!options.everywhere) {
    if (options.json) process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
    return isGolden;
  }
  const { isSame, runtimes } = await everywhere(store, version, options);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...found, ...runtimes }, undefined, 2)}\n`);
  return isGolden && isSame;
}

async function everywhere(
  store: ObjectStore,
  version: VerifiedVersion,
  { images: most = PICTURES, json }: VerifyOptions,
) {
  const { TOLERANCE, verifyEverywhere } = await import('./everywhere.ts'); // Loads TensorFlow.js and more.
  const question = { store, version, ...(await picturesFor(version, most)) };
  const line = progressLine();
  const rows = await verifyEverywhere(question, (runtime) => line.show(`asking ${runtime}`)).finally(line.end);
  for (const row of rows) if ('missing' in row) process.stderr.write(`${row.runtime}: ${row.missing}\n`);
  const asked = rows.flatMap((row) => ('missing' in row ? [] : [row]));
  const isSame = asked.every(({ difference }) => difference <= TOLERANCE);
  if (!json) {
    const lines = asked.map(({ runtime, pictures, difference, sameLabels, milliseconds }) => [
      ...[runtime, String(pictures), shownDifference(difference), `${sameLabels} of ${pictures}`],
      ...[milliseconds.toFixed(2), difference <= TOLERANCE ? 'same' : 'DIFFERENT'],
    ]);
    const header = ['runtime', 'pictures', 'difference', 'same label', 'ms each', ''];
    process.stdout.write(`\n${table([header, ...lines]).join('\n')}\n\n`);
    const missing = rows.length - asked.length;
    process.stdout.write(
      `${mark(isSame)} ${asked.length} runtimes ${isSame ? 'give the same probabilities' : 'do not give the same probabilities'}, within ${TOLERANCE}` +
        `${missing === 0 ? '' : `; ${missing} ${missing === 1 ? 'is' : 'are'} not on this machine`}\n`,
    );
  }
  return { isSame, runtimes: { tolerance: TOLERANCE, source: question.source, runtimes: rows } };
}

/** The first test images of the version's data set, or its golden images where that is not on this machine. */
async function picturesFor({ card, golden }: VerifiedVersion, most: number) {
  const { openTestImages } = await import('#training/datasets/test-images.ts');
  try {
    const { test, title } = await openTestImages(card);
    const count = Math.min(most, test.count);
    return { images: test.images.subarray(0, (count * test.images.length) / test.count), count, source: title };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`${error.message} Asking about the ${golden.images.length} golden images.\n`);
    const count = Math.min(most, golden.images.length);
    const pixels = goldenPixels(golden);
    return {
      images: pixels.subarray(0, (count * pixels.length) / golden.images.length),
      count,
      source: 'golden images',
    };
  }
}

function shownDifference(difference: number): string {
  return difference === 0 ? '0' : difference.toExponential(1);
}

function mark(isGood: boolean): string {
  return isGood ? pc.green('✓') : pc.red('✗');
}
