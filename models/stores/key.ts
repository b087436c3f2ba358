/**
 * Keys are the same in a folder and in a bucket, so the narrower rule applies: `/`-separated segments that are plain file
 * names. A segment cannot begin with a dot: that excludes `..`, and hides the folder store's own files.
 */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._=@+-]{0,127}$/;

/** @throws {RangeError} the key is empty, absolute, contains `..`, or has a character that needs escaping */
export function checkKey(key: string): void {
  if (!isKey(key))
    throw new RangeError(`${JSON.stringify(key)} is not a key such as models/20261123-0412-a1b2c3d4/card.json`);
}

/** A prefix is a key cut anywhere, the empty one included. @throws {RangeError} no key can begin like this */
export function checkPrefix(prefix: string): void {
  const complete = prefix === '' || prefix.endsWith('/') ? `${prefix}x` : prefix;
  if (!isKey(complete)) throw new RangeError(`${JSON.stringify(prefix)} is not the beginning of a key`);
}

export function isKey(key: string): boolean {
  return key.length <= 1024 && key.split('/').every((segment) => SEGMENT.test(segment));
}
