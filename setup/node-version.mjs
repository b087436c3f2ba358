/** Imports nothing, so that a Node that is too old gets a message instead of a syntax error. */

const OLDEST = [20, 19];

/**
 * @param {string} version such as `20.19.0`
 * @returns {string | undefined} the problem and its remedy, if it is too old
 */
export function nodeVersionProblem(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined;
  return `Node ${version} is too old: install Node ${OLDEST.join('.')} or newer (22 and 24 work too), then run the same command again.`;
}
