import { encode } from 'fast-png';
import type {
  InspectedClass,
  InspectedFinding,
  InspectedPictures,
  ShownPicture,
} from '#training/datasets/pictures/inspect-pictures.ts';
import { escapeXml, paletteCss, style } from '#training/record/report/svg.ts';
import { visible } from './visible.ts';

/** Examples of a finding that are shown, and those that have pictures of them. */
const EXAMPLES = 12;

/** What a check has found, as one self-contained page: it fetches nothing and runs no script. */
export function checkPage({ title, classes, findings, size }: InspectedPictures): string {
  const counted = (level: InspectedFinding['level']) => findings.filter((each) => each.level === level).length;
  const total = classes.reduce((sum, each) => sum + picturesOf(each), 0);
  const stops = counted('error') > 0;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escaped(title)}, checked</title>
<style>
${css}
</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p class="${stops ? 'stops' : ''}">${stops ? 'Cannot be trained on yet: see the errors.' : 'Can be trained on.'}</p>
</header>
<main>
<dl class="figures">
${figure('Pictures', total)}
${figure('Classes', classes.length)}
${figure('Errors', counted('error'))}
${figure('Warnings', counted('warning'))}
${figure('Notes', counted('note'))}
</dl>
<section aria-labelledby="findings">
<h2 id="findings">Findings</h2>
${findings.length === 0 ? '<p>Nothing was found that is wrong with the pictures.</p>' : findings.map((each) => renderFinding(each, size)).join('\n')}
</section>
<section aria-labelledby="classes">
<h2 id="classes">Classes</h2>
${renderClasses(classes, size)}
</section>
</main>
</body>
</html>
`;
}

function figure(name: string, value: number): string {
  return `<div><dt>${name}</dt><dd>${value.toLocaleString('en')}</dd></div>`;
}

const levels = { error: 'Error', warning: 'Warning', note: 'Note' } as const;

function renderFinding({ kind, level, title, count, examples, remedy }: InspectedFinding, size: number): string {
  const shown = examples.slice(0, EXAMPLES);
  const more = examples.length > 0 ? count - shown.length : 0;
  return `<article class="${level}" id="${kind}">
<h3><span>${levels[level]}</span> ${escaped(title)}</h3>
<p>${escaped(remedy)}</p>
<ul>
${shown.map(({ words, pictures }) => `<li>${pictures.map((each) => thumbnail(each, size)).join('')}<code>${escaped(words)}</code></li>`).join('\n')}
</ul>
${more > 0 ? `<p>And ${more.toLocaleString('en')} more.</p>` : ''}
</article>`;
}

/** Its path is told beside it. */
function thumbnail({ pixels }: ShownPicture, size: number): string {
  return pixels === undefined
    ? ''
    : `<img src="${dataUrl(pixels, size, size)}" width="64" height="64" alt="" loading="lazy">`;
}

function renderClasses(classes: readonly InspectedClass[], size: number): string {
  const most = Math.max(1, ...classes.map(picturesOf));
  const rows = classes.map((each) => {
    const { name, train, val, test, samples } = each;
    const count = picturesOf(each);
    const share = ((100 * count) / most).toFixed(1);
    const numbers = [count, train, val, test].map((number) => `<td>${number.toLocaleString('en')}</td>`).join('');
    return `<tr><th scope="row">${escaped(name)}<span class="bar" style="width:${share}%"></span></th>${numbers}<td>${strip(name, samples, size)}</td></tr>`;
  });
  return `<div class="table" tabindex="0" role="region" aria-label="Pictures of each class"><table>
<thead><tr><th scope="col">Class</th><th scope="col">Pictures</th><th scope="col">Train</th><th scope="col">Held out</th><th scope="col">Test</th><th scope="col">Some of them</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>`;
}

/** Pictures of a class side by side, as one. */
function strip(name: string, samples: readonly ShownPicture[], size: number): string {
  const shown = samples.flatMap(({ pixels }) => pixels ?? []);
  if (shown.length === 0) return '';
  const width = shown.length * size;
  const together = new Uint8Array(3 * width * size);
  for (const [place, pixels] of shown.entries()) {
    for (let y = 0; y < size; y++) {
      together.set(pixels.subarray(3 * y * size, 3 * (y + 1) * size), 3 * (y * width + place * size));
    }
  }
  const alt = `${shown.length} ${shown.length === 1 ? 'picture' : 'pictures'} of ${escaped(name)}`;
  return `<img src="${dataUrl(together, width, size)}" width="${48 * shown.length}" height="48" alt="${alt}" loading="lazy">`;
}

/** @param pixels `[height, width, 3]` uint8 */
function dataUrl(pixels: Uint8Array, width: number, height: number): string {
  const png = encode({ data: pixels, width, height, channels: 3 });
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

function picturesOf({ train, val, test }: InspectedClass): number {
  return train + val + test;
}

function escaped(text: string): string {
  return escapeXml(visible(text));
}

const css = `${paletteCss}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1160px; padding: 40px 20px 64px; color: var(--ink); background: var(--ground); font: 15px/1.5 ${style.font}; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; letter-spacing: -0.02em; overflow-wrap: anywhere; }
header p { margin: 6px 0 0; color: var(--muted); }
header p.stops { color: var(--wrong); font-weight: 600; }
h2 { margin: 44px 0 14px; font-size: 19px; letter-spacing: -0.01em; }
h3 { margin: 0; font-size: 16px; overflow-wrap: anywhere; }
h3 span { margin-right: 6px; padding: 2px 8px; border: 1px solid currentcolor; border-radius: 99px; font-size: 12px; font-weight: 500; }
.error h3 span { color: var(--wrong); }
.note h3 span { color: var(--muted); }
dl, dd { margin: 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 12px; margin-top: 28px; }
.figures > div, article, .table { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; }
.figures > div { padding: 14px 16px; }
.figures dt { color: var(--muted); font-size: 13px; }
.figures dd { font-size: 26px; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; }
article { margin-top: 12px; padding: 16px; }
article.error { border-color: var(--wrong); }
article p { margin: 6px 0 0; }
ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 10px 16px; margin: 12px 0 0; padding: 0; list-style: none; }
li { display: flex; gap: 8px; align-items: center; min-width: 0; }
img { flex: none; border-radius: 4px; image-rendering: pixelated; background: var(--line); }
code { min-width: 0; color: var(--muted); font: 12.5px/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.table { max-height: 90vh; padding: 0 16px 8px; overflow: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 16px 6px 0; text-align: right; font-weight: inherit; white-space: nowrap; border-top: 1px solid var(--line); }
th:first-child { min-width: 140px; max-width: 300px; text-align: left; white-space: normal; overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; text-align: left; }
td img { display: block; }
thead th { position: sticky; top: 0; padding-top: 10px; color: var(--muted); background: var(--paper); border-top: 0; }
.bar { display: block; height: 3px; margin-top: 3px; border-radius: 2px; background: var(--first); }
@media (max-width: 500px) { body { padding: 24px 12px 48px; } h1 { font-size: 24px; } }
@media print { body { max-width: none; background: none; } .table { max-height: none; } article { break-inside: avoid; } }`;
