import { UsageError } from '#errors/user-error.ts';

/**
 * Origins as browsers send them: what is a little different is never equal, and nobody is told why.
 *
 * @param texts such as `https://example.org`; `*` for all
 * @throws {UsageError} one is no origin
 */
export function checkOrigins(texts: readonly string[]): readonly string[] {
  for (const text of texts) {
    const { origin } = URL.canParse(text) ? new URL(text) : { origin: 'null' };
    if (text === '*' || (text === origin && origin !== 'null')) continue;
    const instead = origin === 'null' ? 'Give one such as https://example.org, or * for all.' : `Give ${origin}.`;
    throw new UsageError(`${JSON.stringify(text)} is not the origin of a web page. ${instead}`);
  }
  return texts;
}
