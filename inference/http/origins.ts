import { UsageError } from '#errors/user-error.ts';

/**
 * Checks that these are origins exactly as browsers send them: any other spelling never matches, without an error.
 *
 * @param texts such as `https://example.org`; `*` for all
 * @throws {UsageError} one is not a valid origin
 */
export function checkOrigins(texts: readonly string[]): readonly string[] {
  for (const text of texts) {
    const { origin } = URL.canParse(text) ? new URL(text) : { origin: 'null' };
    if (text === '*' || (text === origin && origin !== 'null')) continue;
    const instead = origin === 'null' ? 'Use one such as https://example.org, or * for all.' : `Use ${origin}.`;
    throw new UsageError(`${JSON.stringify(text)} is not a valid origin of a web page. ${instead}`);
  }
  return texts;
}
