/**
 * Decodes Base64 or base64url, with or without padding and white space.
 *
 * Spaces in place of `+`, which is what a URL-encoded form makes of it, are told from those between lines.
 *
 * @returns `undefined` if the text is neither
 */
export function fromBase64(text: string): Buffer | undefined {
  const spaced = text.trim().replaceAll(/[\r\n\t]/g, '');
  const digits = spaced.replaceAll(/\s/g, hasSpacesForPlus(spaced) ? '+' : '');
  return /^[\w+/-]*={0,2}$/.test(digits) ? Buffer.from(digits, 'base64') : undefined;
}

function hasSpacesForPlus(text: string): boolean {
  if (!text.includes(' ') || text.includes('+') || text.length % 4 !== 0) return false;
  const lines = text.split(' ');
  const areEqual = lines.slice(0, -1).every(({ length }) => length === lines[0]!.length);
  return !areEqual || (text.length - lines.length + 1) % 4 !== 0;
}
