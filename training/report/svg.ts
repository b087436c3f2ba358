/** Colours and type of every picture in a report. */
export const style = {
  ink: '#0f172a',
  muted: '#64748b',
  line: '#e2e8f0',
  paper: '#ffffff',
  first: '#2563eb',
  second: '#ea580c',
  wrong: '#dc2626',
  font: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
} as const;

type Attributes = Readonly<Record<string, string | number>>;

/** An SVG element; what is in `content` must be escaped already. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(typeof value === 'number' ? String(round(value)) : value)}"`)
    .join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

/** @param attributes `fill` and so on. @default ink, 13 pixels, from the left */
export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element('text', { x, y, fill: style.ink, 'font-size': 13, ...attributes }, escapeXml(words));
}

/** A whole picture on white, with a title for those who cannot see it. */
export function picture(width: number, height: number, title: string, content: readonly string[]): string {
  const parts = [
    element('title', {}, escapeXml(title)),
    element('rect', { width, height, fill: style.paper }),
    ...content,
  ];
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'font-family': style.font,
  };
  return `${element('svg', attributes, `\n${parts.join('\n')}\n`)}\n`;
}

export function escapeXml(words: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return words.replaceAll(/[&<>"]/g, (character) => entities[character]!);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
