import axe from 'axe-core';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '#cli/verify/chromium.ts';
import { type InspectedPictures, inspectPictures } from '#training/datasets/pictures/inspect-pictures.ts';
import { catsAndDogs, png, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';
import { checkPage } from './check-page.ts';

const browser = await startChromium();
afterAll(() => browser?.close());

let inspected: InspectedPictures;
beforeAll(async () => {
  const { folder, remove } = await temporaryFolder();
  const plain = encode({ width: 40, height: 40, channels: 3, depth: 8, data: new Uint8Array(4800).fill(9) });
  await writeFiles(`${folder}/<pets>`, {
    ...catsAndDogs(21),
    ...{ 'cats/x.png': png(3), 'dogs/y.png': png(3), 'cats/plain.png': plain, 'dogs/empty.png': '' },
    'bi\u202erds/<b>.png': png(9_001),
  });
  inspected = await inspectPictures(`${folder}/<pets>`, {});
  await remove();
});

/** As many classes as there may be in practice, each with pictures. */
function withClasses(count: number): InspectedPictures {
  const [cats] = inspected.classes;
  return { ...inspected, classes: Array.from({ length: count }, (_, at) => ({ ...cats!, name: `class ${at}` })) };
}

test('the page names every finding, with its pictures and what to do, and does no harm with odd names', () => {
  const html = checkPage(inspected);
  for (const { kind, title, remedy, examples } of inspected.findings) {
    const article = html.slice(html.indexOf(`id="${kind}"`)).split('</article>')[0]!;
    for (const words of [title, remedy].map((each) =>
      each.replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    ))
      expect(article).toContain(words.replaceAll('\u202e', '\\u202e'));
    expect(article.match(/<img /g)?.length ?? 0).toBe(examples.flatMap(({ pictures }) => pictures.slice(0, 3)).length);
  }
  expect(html).toContain('Cannot be trained on yet');
  expect(html).not.toMatch(/<pets>|<b>|\u202e|<script/);
});

test('the page stays small where there are many classes', () => {
  expect(checkPage(withClasses(200)).length).toBeLessThan(6_000_000);
});

describe.skipIf(!browser)('in a browser, the page', () => {
  test.each(['light', 'dark'] as const)(
    'has no accessibility violation axe knows, in %s, and shows every class',
    async (colorScheme) => {
      for (const [width, count] of [
        [1200, 120],
        [360, 3],
      ] as const) {
        const page = await browser!.newPage({ colorScheme, viewport: { width, height: 900 } });
        const errors: string[] = [];
        page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())));
        await page.setContent(checkPage(withClasses(count)));
        expect(await page.locator('tbody tr').count()).toBe(count);
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
        expect(
          await page
            .locator('img')
            .evaluateAll((images) =>
              images.every(
                (each) =>
                  (each as never as { naturalWidth: number }).naturalWidth > 0 ||
                  (each as never as { loading: string }).loading === 'lazy',
              ),
            ),
        ).toBe(true);
        expect(errors).toEqual([]);
        await page.close();
        // The page allows no script, and so not axe: it is let in for the check alone.
        const open = await browser!.newPage({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
        await open.setContent(checkPage(withClasses(count)));
        await open.evaluate(axe.source);
        expect(
          await open.evaluate(
            `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(', ')))`,
          ),
        ).toEqual([]);
        await open.close();
      }
    },
  );
});
