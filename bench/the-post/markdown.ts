/** A table as Markdown has it. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [header = [], ...body] = rows;
  return [header, header.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const markers = (name: string) => [`<!-- ${name}: written by a program -->`, `<!-- ${name}: end -->`] as const;

/** What stands between the two markers of a name. @throws {RangeError} the page has not both of them, in this order */
export function between(page: string, name: string): string {
  const { from, to } = placeOf(page, name);
  return page.slice(from, to);
}

/** The page with other text between the markers of a name. @throws {RangeError} as `between` */
export function filled(page: string, name: string, content: string): string {
  const { from, to } = placeOf(page, name);
  return `${page.slice(0, from)}\n${content}\n${page.slice(to)}`;
}

function placeOf(page: string, name: string): { readonly from: number; readonly to: number } {
  const [begin, end] = markers(name);
  const [at, to] = [page.indexOf(begin), page.indexOf(end)];
  if (at < 0 || to < at) throw new RangeError(`The page needs the lines "${begin}" and, after it, "${end}".`);
  return { from: at + begin.length, to };
}
