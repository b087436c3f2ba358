import { type LayerRow, sumsOf, type WeightCounts } from '../../nets/layer-table.ts';
import { escapeXml, paletteCss, style, WIDTH } from './svg.ts';

/** A self-contained report: it fetches nothing and runs no script. */
export interface ReportPage {
  readonly title: string;
  /** One line below the title. */
  readonly subtitle: string;
  /** The main figures, each with a note. */
  readonly figures: readonly Figure[];
  readonly sections: readonly Section[];
  /** The layers of the net, in order, and their sums. @default none shown */
  readonly network?: { readonly layers: readonly LayerRow[]; readonly weights: WeightCounts };
  /** Other facts, by name. */
  readonly facts: Readonly<Record<string, string>>;
  /** Commands that train the same model again. @default none */
  readonly reproduce?: string;
  /** CSS of colours that the pictures use besides those of `style`. @default none */
  readonly colours?: string;
}

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

interface Section {
  readonly title: string;
  /** SVG. */
  readonly pictures: readonly string[];
  /** Below the pictures. @default none */
  readonly table?: PageTable;
}

/** The first column names the rows, the others have numbers. */
export interface PageTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly foot: readonly (readonly string[])[];
  /** What to know when reading it; may be empty. */
  readonly note: string;
  /** Whether the cells are sentences instead of numbers. @default false */
  readonly isText?: boolean;
}

export function renderPage({
  title,
  subtitle,
  figures,
  sections,
  network,
  facts,
  reproduce,
  colours = '',
}: ReportPage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeXml(title)}</title>
<style>
${css}${colours}
</style>
</head>
<body>
<header>
<h1>${escapeXml(title)}</h1>
<p>${escapeXml(subtitle)}</p>
</header>
<main>
<dl class="figures">
${figures.map(renderFigure).join('\n')}
</dl>
${sections
  .filter(({ pictures, table }) => pictures.length > 0 || table)
  .map(renderSection)
  .join('\n')}
${network === undefined ? '' : renderNetwork(network)}
<section>
<h2>How it was made</h2>
<dl class="facts">
${Object.entries(facts)
  .map(([name, value]) => `<div><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd></div>`)
  .join('\n')}
</dl>
${reproduce === undefined ? '' : `<h3>To reproduce it</h3>\n<pre tabindex="0"><code>${escapeXml(reproduce)}</code></pre>`}
</section>
</main>
</body>
</html>
`;
}

function renderFigure({ name, value, note }: Figure): string {
  return `<div><dt>${escapeXml(name)}</dt><dd><strong>${escapeXml(value)}</strong><span>${together(escapeXml(note))}</span></dd></div>`;
}

/** Keeps a number and its unit on one line. */
function together(words: string): string {
  return words.replaceAll(/(\d) %/g, '$1\u00a0%');
}

function renderSection({ title, pictures, table }: Section): string {
  const shown = pictures
    .map((svg) => `<div class="picture${isWide(svg) ? ' wide' : isTall(svg) ? ' tall' : ''}">${svg}</div>`)
    .join('\n');
  const below = table === undefined ? '' : `\n${renderTable(table, title)}`;
  return `<section>\n<h2>${escapeXml(title)}</h2>\n<div class="pictures">\n${shown}\n</div>${below}\n</section>`;
}

/** Whether a picture needs the page's whole width. */
function isWide(svg: string): boolean {
  return Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]) > 2 * WIDTH;
}

/** Whether a picture is as high as two beside it. */
function isTall(svg: string): boolean {
  return Number(/viewBox="0 0 \d+ (\d+)/.exec(svg)?.[1]) > 1.5 * WIDTH;
}

function renderTable({ head, rows, foot, note, isText = false }: PageTable, title: string): string {
  const row = ([name = '', ...cells]: readonly string[]) =>
    `<tr><th scope="row">${escapeXml(name)}</th>${cells.map((cell) => `<td>${escapeXml(cell)}</td>`).join('')}</tr>`;
  const noted = note === '' ? '' : `<p class="note">${escapeXml(note)}</p>\n`;
  return `${noted}<div class="layers ${isText ? 'sentences' : 'figures-of-classes'}" tabindex="0" role="region" aria-label="${escapeXml(title)}"><table>
<thead><tr>${head.map((name) => `<th scope="col">${escapeXml(name)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map(row).join('\n')}
</tbody>
${foot.length === 0 ? '' : `<tfoot>\n${foot.map(row).join('\n')}\n</tfoot>\n`}</table></div>`;
}

function renderNetwork({ layers, weights }: NonNullable<ReportPage['network']>): string {
  const rows = layers.map(
    ({ name, kind, output, parameters }) =>
      `<tr><th scope="row">${escapeXml(name)}</th><td>${kind}</td><td>${output.join(' × ')}</td><td>${parameters.toLocaleString('en')}</td></tr>`,
  );
  const sums = sumsOf(weights).map(
    ([name, sum]) => `<tr><th scope="row">${name}</th><td></td><td></td><td>${sum.toLocaleString('en')}</td></tr>`,
  );
  return `<section>
<h2>Network</h2>
<div class="layers" tabindex="0"><table>
<thead><tr><th scope="col">Layer</th><th scope="col">Kind</th><th scope="col">Output</th><th scope="col">Parameters</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
<tfoot>
${sums.join('\n')}
</tfoot>
</table></div>
</section>`;
}

const css = `${paletteCss}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1160px; padding: 40px 20px 64px; color: var(--ink); background: var(--ground); font: 15px/1.5 ${style.font}; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; letter-spacing: -0.02em; }
header p { margin: 6px 0 0; color: var(--muted); overflow-wrap: anywhere; }
h2 { margin: 44px 0 14px; font-size: 19px; letter-spacing: -0.01em; }
h3 { margin: 24px 0 8px; font-size: 15px; }
dl { margin: 0; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 140px), 1fr)); gap: 12px; margin-top: 28px; }
.figures > div, .picture, .facts, .layers, pre { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; }
.figures > div { padding: 14px 16px; }
.figures dt { color: var(--muted); font-size: 13px; }
.figures strong { display: block; font-size: 26px; font-weight: 650; line-height: 1.3; letter-spacing: -0.02em; }
.figures span { color: var(--muted); font-size: 12.5px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; align-items: start; }
.picture { overflow: hidden; }
.picture svg { display: block; width: 100%; max-width: 620px; height: auto; margin: 0 auto; }
.picture.wide { grid-column: 1 / -1; overflow-x: auto; }
.picture.wide svg { min-width: 760px; max-width: none; }
.picture.tall { grid-row: span 2; }
.note { margin: 20px 0 0; color: var(--muted); }
.pictures + .layers { margin-top: 16px; }
.note + .layers { margin-top: 10px; }
.figures-of-classes { max-height: 560px; overflow: auto; }
.figures-of-classes th:not(:first-child), .figures-of-classes td { text-align: right; }
.figures-of-classes thead th { position: sticky; top: -8px; background: var(--paper); }
.sentences { max-height: 560px; overflow: auto; }
.sentences th, .sentences td { vertical-align: top; }
.sentences td:last-child { width: 60%; min-width: 240px; text-align: left; white-space: normal; overflow-wrap: anywhere; }
.sentences th:last-child { text-align: left; }
tfoot tr:first-child > * { border-top: 1px solid var(--line); }
.facts { padding: 4px 16px; }
.facts > div { display: grid; grid-template-columns: minmax(110px, 170px) 1fr; gap: 16px; padding: 9px 0; border-top: 1px solid var(--line); }
.facts > div:first-child { border-top: 0; }
.facts dt { color: var(--muted); }
.layers { padding: 8px 16px; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 16px 4px 0; text-align: left; font-weight: inherit; white-space: nowrap; }
thead th, .layers:not(.figures-of-classes) td:nth-child(2) { color: var(--muted); }
th:last-child, td:last-child { padding-right: 0; text-align: right; }
pre { margin: 0; padding: 14px 16px; overflow-x: auto; font: 13px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 500px) { .figures-of-classes th[scope=row], .sentences th[scope=row] { min-width: 110px; white-space: normal; overflow-wrap: anywhere; } body { padding: 24px 12px 48px; } h1 { font-size: 24px; } .figures { grid-template-columns: 1fr 1fr; } .figures strong { font-size: 21px; } .facts > div { grid-template-columns: 1fr; gap: 0; } }
@media print { body { max-width: none; background: none; } .picture, .figures > div { break-inside: avoid; } }`;
