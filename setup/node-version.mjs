/** Imports nothing, so that a Node that is too old for the rest gets a sentence and not a syntax error. */

const OLDEST = [20, 19];

/**
 * @param {string} version such as `20.19.0`
 * @returns {string | undefined} what is wrong with it, and the remedy
 */
export function nodeVersionProblem(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined;
  return `This is Node ${version}, and ${OLDEST.join('.')} or newer is needed: install it (22 and 24 are fine as well), then run the same command again.`;
}
