/** Which code a plan is made for: a digest of all that the program in the training images is made of. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Rooms of the program, and single files: those that both Dockerfiles copy. */
const rooms = [
  'environment',
  'errors',
  'images',
  'inference/engine',
  'inference/http',
  'inference/routes',
  'inference/serving',
  'inference/telemetry',
  'jobs',
  'models',
  'training',
];
const files = ['package-lock.json', 'setup/tensorflow.mjs', 'setup/wheels.mjs'];

/** What the images lack, and nothing that runs there depends on. */
const isLeftOut = /\.(test|contract|fixture)\./;

/**
 * The digest of the sources, tests aside: two programs with the same one do the same work. It says what a commit does not: what
 * was changed since, and that nothing was where only other rooms differ.
 *
 * @param {string} root of the repository
 * @returns {string} SHA-256 as hexadecimal digits
 */
export function sourcesDigest(root) {
  const digest = createHash('sha256');
  for (const file of sourceFiles(root)) {
    digest.update(
      `${file}\0${createHash('sha256')
        .update(readFileSync(join(root, file)))
        .digest('hex')}\n`,
    );
  }
  return digest.digest('hex');
}

/**
 * The files that the digest is of.
 *
 * @param {string} root of the repository
 * @returns {string[]} relative to the root, in the order of the names
 */
export function sourceFiles(root) {
  const inRooms = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .map((file) => `${room}/${file.replaceAll('\\', '/')}`)
      .filter((file) => /\.(ts|mjs)$/.test(file) && !isLeftOut.test(file)),
  );
  return [...inRooms, ...files].sort();
}
