import type { Dataset } from '../data/dataset.ts';
import type { Evaluation } from '../evaluate.ts';
import { type HistoryRow, historyCsv } from '../history.ts';
import { topClasses } from '../measure.ts';
import { confusionMatrix } from './confusion.ts';
import { curves } from './curves.ts';
import { classGrid, sampleGrid } from './pictures.ts';
import { escapeXml, style } from './svg.ts';

export interface Report {
  readonly recipe: string;
  readonly seed: number;
  readonly run: string;
  readonly version: string;
  readonly data: Dataset;
  readonly history: readonly HistoryRow[];
  /** On the test set. */
  readonly evaluation: Evaluation;
}

interface ReportFile {
  /** Relative to the run. */
  readonly path: string;
  readonly body: Uint8Array;
  readonly contentType: string;
}

/** The history as a table and as curves, the mistakes, and what the images look like; `report/index.html` shows all. */
export function reportFiles(report: Report): ReportFile[] {
  const { recipe, seed, data, history, evaluation } = report;
  const answers = topClasses(evaluation.logits, data.classes.length);
  const pictures = {
    'curves.svg': curves({ title: recipe, history, test: evaluation }),
    'confusion.svg': confusionMatrix(recipe, data.classes, evaluation.confusion),
    'samples.svg': sampleGrid(data, answers, seed),
    'classes.svg': classGrid(data, seed),
  };
  const file = (path: string, body: string, contentType: string) => ({ path, body: Buffer.from(body), contentType });
  return [
    file('history.csv', historyCsv(history), 'text/csv; charset=utf-8'),
    file('report/index.html', page(report, Object.values(pictures)), 'text/html; charset=utf-8'),
    ...Object.entries(pictures).map(([name, body]) => file(`report/${name}`, body, 'image/svg+xml')),
  ];
}

function page({ recipe, seed, run, version, data, history, evaluation }: Report, pictures: readonly string[]): string {
  const percent = (fraction: number) => `${(100 * fraction).toFixed(2)} %`;
  const last = history.at(-1);
  const facts = {
    'Test accuracy': percent(evaluation.plain),
    'with test-time augmentation': percent(evaluation.tta),
    'Test loss': evaluation.loss.toFixed(4),
    'Test images': evaluation.images.toLocaleString('en'),
    Training: `${last?.trainingSeconds.toFixed(1)} s, ${last?.epoch.toFixed(1)} epochs, ${last?.step.toLocaleString('en')} steps`,
    Version: version,
    Run: `${run}, seed ${seed}`,
  };
  const rows = Object.entries(facts).map(([name, value]) => `<dt>${name}</dt><dd>${escapeXml(value)}</dd>`);
  const title = escapeXml(`${recipe} on ${data.name}`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
  body { margin: 0 auto; max-width: 1020px; padding: 32px 20px; color: ${style.ink}; background: #f8fafc; font-family: ${style.font}; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 6px 24px; margin: 24px 0; }
  dt { color: ${style.muted}; }
  dd { margin: 0; font-variant-numeric: tabular-nums; }
  svg { display: block; max-width: 100%; height: auto; margin: 24px 0; border: 1px solid ${style.line}; border-radius: 12px; }
</style>
<h1>${title}</h1>
<dl>${rows.join('\n')}</dl>
${pictures.join('\n')}
</html>
`;
}
