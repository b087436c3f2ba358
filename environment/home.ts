import path from 'node:path';
import { homeFolder } from '#setup/home.mjs';
import { variable } from './variables.ts';

/** The folder of everything that this clone makes. `CIFAR10_HOME` names another one, for a second installation of the same clone. */
export const home = path.resolve(place(variable.home) ?? path.join(import.meta.dirname, '..', '.cifar10'));

/** The folder where this clone keeps its models, and a copy of those that were trained on LocalStack. */
export const localStore = path.join(home, 'store');

/** The store of a command that names none: a folder or `s3://<bucket>`. The same one from whichever folder the command is run. */
export const defaultStore = place(variable.store) ?? shownPath(localStore);

/** A folder or address in a variable, without blanks around it. Where it stands in quotes, the shell has left `~` in it. */
function place(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value?.startsWith('~/') ? path.join(homeFolder(), value.slice(2)) : value || undefined;
}

/** A path as messages show it: relative to the current folder where that is shorter. */
export function shownPath(absolute: string): string {
  const relative = path.relative('', absolute) || '.';
  return relative.length < absolute.length ? relative : absolute;
}
