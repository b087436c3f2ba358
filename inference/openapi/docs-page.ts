import * as z from 'zod/mini';
import { groups, type Operation } from '../http/operation.ts';
import { PROBLEMS } from '../http/problem.ts';
import { type OpenApi, openApiDocument } from './document.ts';
import { operations } from './operations.ts';

/** The API documentation as a self-contained HTML page without scripts. */
export function docsPage(): string {
  const document = openApiDocument();
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>cifar10 API</title>
<style>${DOCS_STYLE}</style>
</head>
<body>
<main>
<h1>cifar10 API</h1>
<p>${prose((document.info as { description: string }).description)}
<code>$URL</code> is this address without <code>/docs</code>. The same for programs: <a href="openapi.json">openapi.json</a>.</p>
${Object.entries(groups)
  .map(([group, description]) => section(group, description))
  .join('\n')}
<h2 id="schemas">Schemas</h2>
${schemas(document)}
<h2 id="problems">Problems</h2>
<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>
${Object.entries(PROBLEMS)
  .map(
    ([code, { status, title }]) =>
      `<tr><td><code>${code}</code></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
  )
  .join('\n')}
</tbody></table>
</main>
</body>
</html>
`;
}

/** Separate, so that the page's content security policy can name its hash. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
h3 { margin: 2rem 0 0; font-size: 1.05rem; overflow-wrap: anywhere; }
h3 b { display: inline-block; min-width: 3.2rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre { overflow-x: auto; padding: 0.75rem; border-radius: 6px; background: color-mix(in srgb, currentColor 8%, transparent); }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; }
td:first-child { white-space: nowrap; }
summary { cursor: pointer; }
`;

function section(group: string, description: string): string {
  return [
    `<h2>${escapeHtml(group)}</h2>\n<p>${escapeHtml(description)}.</p>`,
    ...operations.filter((operation) => operation.group === group).map(article),
  ].join('\n');
}

function article({ method, path, id, summary, details, examples, query, body, answer, problems }: Operation): string {
  const parameters = Object.entries(query ?? {}).map(([name, schema]) => {
    return `<tr><td>${code(`?${name}=`)}</td><td>${prose(z.toJSONSchema(schema).description)}</td></tr>`;
  });
  const rows = [
    ...(body ? [`<tr><td>Accepts</td><td>${Object.keys(body).map(code).join(', ')}</td></tr>`] : []),
    `<tr><td>Returns</td><td>${Object.keys(answer).map(code).join(', ')}</td></tr>`,
    ...(problems.length > 0 ? [`<tr><td>Problems</td><td>${problems.map(code).join(', ')}</td></tr>`] : []),
  ];
  return `<article id="${id}">
<h3><b>${method.toUpperCase()}</b> <code>${escapeHtml(path)}</code></h3>
<p>${escapeHtml(summary)}.${details ? ` ${prose(details)}` : ''}</p>
${examples ? `<pre>${escapeHtml(examples.join('\n'))}</pre>` : ''}
<table><tbody>${rows.join('')}${parameters.join('')}</tbody></table>
</article>`;
}

function schemas(document: OpenApi): string {
  const { schemas: all } = document.components as { schemas: Record<string, { description?: string }> };
  return Object.entries(all)
    .map(([name, schema]) => {
      const json = escapeHtml(JSON.stringify(schema, undefined, 2));
      return `<details id="${name}"><summary><code>${name}</code> ${prose(schema.description)}</summary><pre>${json}</pre></details>`;
    })
    .join('\n');
}

function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

/** Converts text in which backticks mark code. */
function prose(text = ''): string {
  return escapeHtml(text).replaceAll(/`([^`]*)`/g, '<code>$1</code>');
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character]!);
}
