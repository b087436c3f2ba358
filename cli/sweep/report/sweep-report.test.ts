import axe from 'axe-core';
import { afterAll, describe, expect, test } from 'vitest';
import { startChromium } from '#cli/verify/chromium.ts';
import { csvFieldsOf } from '#jobs/bulk/formats.ts';
import { rankGroups } from '#training/record/sweep/rank-groups.ts';
import { exampleSweep } from './sweep.fixture.ts';
import { sweepCsv, sweepRunsCsv } from './sweep-csv.ts';
import { renderSweepPage } from './sweep-page.ts';
import { sweepTable } from './sweep-table.ts';

const browser = await startChromium();
afterAll(() => browser?.close());

const two = exampleSweep({ over: { optimizer: ['sgd', 'muon'] }, seeds: 3 });
const fates = { 0: 'diverged', 4: 'failed', 8: 'running', 9: 'waiting', 15: 'kept', 16: 'kept' } as const;
const six = exampleSweep({
  over: { learningRate: ['0.2', '0.4', '0.8'], optimizer: ['sgd', 'muon'] },
  seeds: 3,
  fate: (index) => fates[index as keyof typeof fates] ?? 'trained',
});
const many = exampleSweep({
  over: {
    learningRate: ['0.1', '0.2', '0.3', '0.4', '0.8'],
    optimizer: ['sgd', 'muon'],
    labelSmoothing: ['0', '0.05', '0.1', '0.15', '0.2', '0.25'],
  },
  seeds: 2,
  images: 200,
  epochs: 12,
});

/** The rows of a table of the page, as texts. */
function rowsOf(html: string, title: string): string[][] {
  const table = html.split(`aria-label="${title}"`)[1]!.split('</table>')[0]!;
  return [...table.split('<tbody>')[1]!.matchAll(/<tr>(.*)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>([^<]*)</g)].map(([, cell]) => cell!),
  );
}

test('the page ranks the groups, and compares each with the best and with the recipe as it is', () => {
  const { groups, best, baseline } = rankGroups(six);
  const rows = rowsOf(renderSweepPage(six), 'Groups, the best first');
  expect(rows).toHaveLength(6);
  expect(rows[0]![0]).toBe('1. learningRate=0.8 optimizer=muon');
  expect(rows[0]).toContain('best');
  // short has learningRate=0.4 and muon by itself.
  expect(baseline.group).toBe('learningRate=0.4 optimizer=muon');
  expect(rows[groups.indexOf(baseline)]).toContain('baseline');
  expect(best!.againstBaseline!.seeds).toEqual([2, 3]); // The baseline's first run waits.
  expect(rows.at(-1)!.join()).toContain('2 of 3: 1 diverged');
});

test('of a sweep of variants the first is the baseline, also where another one is the recipe as it is', () => {
  const ofVariant = { sgd: 'plain', muon: 'as the recipe' } as const;
  const variants = {
    ...two,
    runs: two.runs.map((run) => {
      const optimizer = run.item.group === 'optimizer=sgd' ? 'sgd' : 'muon';
      return { ...run, item: { ...run.item, group: ofVariant[optimizer] } };
    }),
  };
  expect([rankGroups(two).baseline.group, rankGroups(variants).baseline.group]).toEqual(['optimizer=muon', 'plain']);
});

test('the page names every run without accuracy, and why', () => {
  const html = renderSweepPage(six);
  expect(rowsOf(html, 'Runs without accuracy').map(([, state, reason]) => [state, reason!.split(':')[0]])).toEqual([
    ['diverged', 'The loss was not finite three times in a row; the last good step is 12.'],
    ['failed after 3 attempts', 'The process was killed (SIGKILL)'],
    ['running', ''],
    ['waiting', ''],
  ]);
  expect(html).not.toMatch(/<this>|NaN|undefined|Infinity|<script/);
});

test('test accuracy is shown of kept runs alone', () => {
  const rows = rowsOf(renderSweepPage(six), 'Runs, with time and cost');
  const tested = rows.filter((row) => row.includes('20261128-1200-0123abcd'));
  expect(tested).toHaveLength(2);
  expect(renderSweepPage(two)).not.toContain('>Test<');
});

test('a page of sixty groups draws a few in color, and stays small', () => {
  const html = renderSweepPage(many);
  expect(html).toContain('the other 54 groups');
  expect(rowsOf(html, 'Groups, the best first')).toHaveLength(60);
  expect([...html.matchAll(/<title>Accuracy by /g)]).toHaveLength(3); // A map a pair.
  expect(html.length).toBeLessThan(400_000);
});

test('a sweep before its first result has a page and a table all the same', () => {
  const waiting = exampleSweep({ over: { learningRate: ['0.2', '0.4'] }, seeds: 2, fate: () => 'waiting' });
  expect(renderSweepPage(waiting)).toContain('0 of 4 runs done, 4 waiting');
  expect(sweepTable(waiting)[0]).toBe('0 of 4 runs done, 4 waiting');
  expect(rankGroups(waiting).best).toBeUndefined();
});

test.each([60, 80, 120, 200])('the table fits %i columns, and keeps what matters most', (columns) => {
  const lines = sweepTable(six, { columns });
  const groups = lines.slice(2, lines.indexOf('', 2));
  expect(groups).toHaveLength(7);
  for (const line of groups) expect(line.length).toBeLessThanOrEqual(columns);
  expect(groups[1]).toMatch(/^1 {2}learningRate=0\.8 optimizer=muon .*9\d\.\d\d % ± /);
  if (columns >= 80) expect(groups[0]).toContain('against the best');
  if (columns >= 200) expect(groups[0]).toMatch(/runs.*held out.*95 %.*against the baseline.*test.*time.*cost/);
  expect(lines.join('\n')).toContain('failed after 3 attempts');
});

test('CSV has every group and every run, with as many fields as the header', () => {
  for (const [csv, lines] of [
    [sweepCsv(six), 7],
    [sweepRunsCsv(six), 19],
  ] as const) {
    const rows = csv.trimEnd().split('\n').map(csvFieldsOf);
    expect(rows).toHaveLength(lines);
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
  }
  const [header, best] = sweepCsv(six).split('\n').map(csvFieldsOf);
  const field = (name: string) => Number(best![header!.indexOf(name)]);
  const { heldOut, againstBaseline } = rankGroups(six).best!;
  expect(field('held_out_mean')).toBe(heldOut!.mean);
  expect([field('baseline_low'), field('baseline_high')]).toEqual(againstBaseline!.interval95);
});

describe.skipIf(!browser)('in a browser, the page', () => {
  test.each([
    ['light', 1200, 'six', six],
    ['dark', 390, 'six', six],
    ['dark', 1200, 'sixty', many],
  ] as const)(
    'has no accessibility violation axe knows, in %s, %i pixels wide, with %s groups',
    async (colorScheme, width, _, sweep) => {
      // The page allows no script, and so not axe: it is let in for the check alone.
      const page = await browser!.newPage({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
      const requests: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      await page.setContent(renderSweepPage(sweep));
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      await page.evaluate(axe.source);
      const violations = await page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))',
      );
      expect(violations).toEqual([]);
      expect(requests).toEqual([]);
      await page.close();
    },
    60_000,
  );

  test('has no text that leaves its picture', async () => {
    const page = await browser!.newPage({ viewport: { width: 1200, height: 900 } });
    for (const sweep of [two, six, many]) {
      await page.setContent(renderSweepPage(sweep));
      const outside = await page.locator('svg text').evaluateAll((texts) =>
        texts
          .filter((each) => {
            const node = each as never as {
              getBoundingClientRect(): { left: number; right: number };
              ownerSVGElement: typeof node;
            };
            const [own, box] = [node.getBoundingClientRect(), node.ownerSVGElement.getBoundingClientRect()];
            return own.left < box.left - 1 || own.right > box.right + 1;
          })
          .map((each) => each.textContent),
      );
      expect(outside).toEqual([]);
    }
    await page.close();
  }, 60_000);
});
