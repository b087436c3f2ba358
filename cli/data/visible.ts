/**
 * A name as people can read it: characters that would move the cursor, change colours or turn the direction of reading are
 * spelled out.
 */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    return character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
