/** Why a picture is not taken. @param size such as `has 120.0 MB` @param most bytes @param taker who takes no larger ones */
export function tooLarge(name: string, size: string, most: number, taker = 'this program'): string {
  return (
    `${name} ${size}, and ${taker} takes pictures of at most ${megabytes(most)}. ` +
    'Save it as a JPEG, or scale it down: a few hundred pixels a side are enough.'
  );
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
