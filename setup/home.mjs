/** The folder of the user's own files, also for a user without one, such as a bare uid in a container. */
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { projectRoot } from './state.mjs';

/**
 * @param {NodeJS.ProcessEnv} [environment]
 * @returns {string} the user's home folder, or one in this clone where the user has none that can be written to
 */
export function homeFolder(environment = process.env) {
  const home = environment.HOME || systemHome();
  if (home !== undefined && isAbsolute(home) && isWritable(home)) return home;
  return join(projectRoot, '.cifar10', 'home');
}

/** @returns {string | undefined} the home folder in the system's list of users, unless this user is not in it */
function systemHome() {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

/**
 * @param {string} folder
 * @returns {boolean} whether files can be created in it, or it can be created
 */
function isWritable(folder) {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
