/** Colors and font of every picture. The colors are CSS variables of the page, which has a light and a dark palette. */
export const style = {
  ink: 'var(--ink)',
  muted: 'var(--muted)',
  line: 'var(--line)',
  paper: 'var(--paper)',
  first: 'var(--first)',
  second: 'var(--second)',
  wrong: 'var(--wrong)',
  font: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
} as const;

/** The colors of the two palettes. */
export const palettes = {
  light: {
    ink: '#0f172a',
    muted: '#5b6b82',
    line: '#e2e8f0',
    paper: '#ffffff',
    ground: '#f6f8fb',
    first: '#2563eb',
    second: '#ea580c',
    wrong: '#dc2626',
  },
  dark: {
    ink: '#e6ebf4',
    muted: '#93a1b8',
    line: '#2b3648',
    paper: '#161d2b',
    ground: '#0d131f',
    first: '#6ea8fe',
    second: '#fb923c',
    wrong: '#ff8080',
  },
} as const;

/** The width of every picture: readable on a phone; a wide page shows two side by side. */
export const WIDTH = 440;

type Attributes = Readonly<Record<string, string | number>>;

/** An SVG element; `content` must already be escaped. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(typeof value === 'number' ? String(round(value)) : value)}"`)
    .join('');
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

/** @param attributes `fill` and so on. @default ink, 12 pixels, from the left */
export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element('text', { x, y, fill: style.ink, 'font-size': 12, ...attributes }, escapeXml(words));
}

/** A name that is cut where it would be longer. */
export function fitted(name: string, most: number): string {
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

/** The title of a picture and a line of explanation. */
export function heading(title: string, explanation: string): string {
  return [
    text(16, 30, title, { 'font-size': 16, 'font-weight': 600 }),
    text(16, 50, explanation, { fill: style.muted, 'font-size': 11.5 }),
  ].join('\n');
}

/** A whole picture, with a title for screen readers. */
export function picture(height: number, title: string, content: readonly string[], width = WIDTH): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${round(height)}`,
    role: 'img',
    'font-family': style.font,
  };
  return `${element('svg', attributes, `\n${[element('title', {}, escapeXml(title)), ...content].join('\n')}\n`)}\n`;
}

/** The picture as a separate file: on white, in the light palette. */
export function standalone(svg: string): string {
  const [, width, height] = /viewBox="0 0 (\d+) ([\d.]+)"/.exec(svg)!;
  const paper = element('rect', { width: Number(width), height: Number(height), fill: palettes.light.paper });
  return svg
    .replace('<svg ', `<svg width="${width}" height="${height}" `)
    .replace('</title>', `</title>\n${paper}`)
    .replaceAll(/var\(--(\w+)\)/g, (_, name: keyof typeof palettes.light) => palettes.light[name]);
}

export function escapeXml(words: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return words.replaceAll(/[&<>"]/g, (character) => entities[character]!);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const colours = (palette: Readonly<Record<string, string>>) =>
  Object.entries(palette)
    .map(([name, value]) => `--${name}: ${value};`)
    .join(' ');

/** The palettes as variables of a page's style. */
export const paletteCss = `:root { ${colours(palettes.light)} color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { ${colours(palettes.dark)} } }`;
