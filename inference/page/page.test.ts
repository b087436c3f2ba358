import axe from 'axe-core';
import { encode } from 'fast-png';
import type { Locator, Page, Route } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { moveAlias } from '#models/aliases.ts';
import { percent } from '#models/percent.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { startChromium } from '../../test/chromium.ts';
import { withEndpoint } from '../app.fixture.ts';
import { ClassifyAnswer } from '../http/answers.ts';
import { exampleModel } from '../serving/example-model.ts';
import { withGateway, withPage } from './page.fixture.ts';

const browser = await startChromium();
afterAll(() => browser?.close());

/** 64x48, so it must be cropped and scaled. */
const drawing = Buffer.from(
  encode({
    ...{ width: 64, height: 48, channels: 3 },
    data: Uint8Array.from({ length: 64 * 48 * 3 }, (_, index) => 128 + 127 * Math.sin(index / 7)),
  }),
);

/** The endpoint with a model, and the page of it. */
function withServedPage(
  work: (
    page: Page,
    endpoint: { url: string; version: string; promote(seed: number): Promise<string> },
  ) => Promise<void>,
  options: Parameters<typeof withPage>[3] = {},
): Promise<void> {
  return withEndpoint(
    async ({ url, promote }) => {
      const version = await promote();
      await withPage(
        browser!,
        url,
        async (page) => {
          await page.locator('#test-images button').first().waitFor();
          await work(page, { url, version, promote: (seed) => promote({ seed }) });
        },
        options,
      );
    },
    // Every request looks at the alias.
    { following: { times: { refreshAfter: 0, staleAfter: 0 } } },
  );
}

async function uploadDrawing(page: Page): Promise<void> {
  await page.setInputFiles('#file', { name: 'drawing.png', mimeType: 'image/png', buffer: drawing });
}

async function runHere(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Run it here too' }).click();
  await expectText(page.locator('#comparison'), /^Both answer the same/);
}

/** The next picture that the page decodes is not done before it is told to. @returns what tells it */
async function holdNextBitmap(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(`{
    const read = createImageBitmap;
    window.createImageBitmap = async (...given) => {
      window.createImageBitmap = read;
      await new Promise((resolve) => (window.goOn = resolve));
      return read(...given);
    };
  }`);
  return () => page.evaluate('goOn()');
}

async function expectResult(page: Page): Promise<void> {
  await page.locator('#result[aria-busy=false]').waitFor();
}

/** What the page says is what the endpoint answers to the same file. */
async function expectAnswerOf(page: Page, url: string, file: Uint8Array): Promise<void> {
  const response = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(file) });
  const { label, score, predictions, model } = ClassifyAnswer.parse(await response.json());
  await expectText(page.locator('#answer'), `${label} ${percent(score, { digits: 1 })}`);
  expect(await page.locator('#predictions tr').allInnerTexts()).toEqual(
    predictions.map((each) =>
      expect.stringMatching(new RegExp(`^${each.label}\\s+${percent(each.score, { digits: 1 })}\\s*$`)),
    ),
  );
  await expectText(page.locator('#version'), `${model.version} (production)`);
}

async function expectText(place: Locator, text: string | RegExp): Promise<void> {
  await expect.poll(async () => (await place.textContent())?.trim(), { timeout: 20_000 }).toMatch(text);
}

describe.skipIf(!browser)('the page', () => {
  test('says what an uploaded picture is, as the endpoint does for the same file', () =>
    withServedPage(async (page, { url }) => {
      const sent = page.waitForRequest((request) => request.method() === 'POST');
      await uploadDrawing(page);
      expect((await sent).postDataBuffer()).toHaveLength(32 * 32 * 3);
      await expectResult(page);
      await expectAnswerOf(page, url, drawing);
      await expectText(page.locator('#endpoint-time'), /^[\d.]+ ms in the network, [\d.]+ ms there and back$/);
      await expectText(page.locator('[role=status]'), /^\w+, [\d.]+ %\./);
    }));

  test('takes what is pasted', () =>
    withServedPage(
      async (page, { url }) => {
        await page.evaluate(`(async () => {
          const bytes = Uint8Array.from(atob('${drawing.toString('base64')}'), (byte) => byte.charCodeAt(0));
          await navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) })]);
        })()`);
        await page.keyboard.press('Control+V');
        await expectResult(page);
        await expectAnswerOf(page, url, drawing);

        await page.evaluate(`navigator.clipboard.writeText('a cat')`);
        await page.keyboard.press('Control+V');
        await expectText(page.getByRole('alert'), /no picture in the clipboard/);
      },
      { permissions: ['clipboard-read', 'clipboard-write'] },
    ));

  test('takes what is dropped, wherever', () =>
    withServedPage(async (page, { url }) => {
      await page.evaluate(`{
        const bytes = Uint8Array.from(atob('${drawing.toString('base64')}'), (byte) => byte.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], 'drawing.png', { type: 'image/png' }));
        for (const type of ['dragover', 'drop']) {
          document.querySelector('h1').dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }
      }`);
      await expectResult(page);
      await expectAnswerOf(page, url, drawing);
    }));

  test('takes what the camera sees', () =>
    withServedPage(async (page) => {
      await page.getByRole('button', { name: 'Take a picture' }).click();
      await expect.poll(() => page.evaluate(`document.querySelector('#camera-view').videoWidth`)).toBeGreaterThan(0);
      await page.getByRole('button', { name: 'Take it' }).click();
      await expectResult(page);
      expect(await page.evaluate(`document.querySelector('#camera-view').srcObject`)).toBeNull();
    }));

  test('names what is no picture, and keeps working', () =>
    withServedPage(async (page, { url }) => {
      const wrong = { name: 'cat.png', mimeType: 'image/png', buffer: Buffer.from('%PDF-1.7\n') };
      await page.setInputFiles('#file', wrong);
      await expectText(page.getByRole('alert'), /^This is a PDF document\. Choose a picture/);
      await page.setInputFiles('#file', { ...wrong, buffer: drawing.subarray(0, 60) });
      await expectText(page.getByRole('alert'), /^This is a PNG image, and it is damaged/);
      expect(await page.locator('#result').isVisible()).toBe(false);

      await uploadDrawing(page);
      await expectResult(page);
      await expectAnswerOf(page, url, drawing);
      expect(await page.getByRole('alert').isVisible()).toBe(false);
    }));

  test('runs the same model in the browser, and both answer the same', () =>
    withServedPage(async (page, { promote }) => {
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await expectResult(page);
      await expectText(page.locator('#verdict'), /^(Right|Wrong): the picture is labelled bird\.$/);
      await page.getByRole('button', { name: 'Run it here too' }).click();
      await expectText(page.locator('#comparison'), /^Both answer the same, to 6 decimals\. .* the 4 golden images/);
      for (const row of await page.locator('#predictions tr').all()) {
        const [endpoint, here] = await row.locator('td:not(.bar)').allInnerTexts();
        expect(here).toBe(endpoint);
      }

      // The other model is followed, here too: its answers would not be those of the first.
      const before = await page.locator('#predictions').innerText();
      const second = await promote(2);
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectText(page.locator('#version'), `${second} (production)`);
      await expectText(page.locator('#comparison'), /^Both answer the same/);
      expect(await page.locator('#predictions').innerText()).not.toBe(before);
    }));

  test('shows no answer under another picture, whichever comes last', () =>
    withServedPage(async (page, { promote }) => {
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await runHere(page);

      // While the browser follows the endpoint to another model for one picture, a second is chosen.
      const second = await promote(2);
      const held: Route[] = [];
      await page.route(`**/models/${second}/weights.bin*`, (route) => void held.push(route), { times: 1 });
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expect.poll(() => held.length).toBe(1);
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      const expectBird = async () => {
        await expectText(page.locator('#verdict'), /the picture is labelled bird\.$/);
        await expectText(page.locator('#comparison'), /^Both answer the same/);
        await expectText(page.locator('#version'), `${second} (production)`);
      };
      await expectResult(page);
      await expectBird();
      const answered = page.waitForResponse(/weights\.bin/);
      await held[0]!.continue();
      await (await answered).finished();
      await page.waitForTimeout(500); // of the engine, which would be opened and answer
      await expectBird();
    }));

  test('lets no picture that takes long to read replace a later one', () =>
    withServedPage(async (page) => {
      const goOn = await holdNextBitmap(page);
      await uploadDrawing(page);
      await expect.poll(() => page.evaluate('typeof goOn')).toBe('function');
      const cat = page.getByRole('button', { name: 'Test image: cat' });
      await cat.click();
      await expectResult(page);
      await goOn();
      await page.waitForTimeout(300); // of the picture, which would be read and classified
      await expectResult(page);
      await expectText(page.locator('#verdict'), /the picture is labelled cat\.$/);
      expect(await cat.getAttribute('aria-pressed')).toBe('true');
    }));

  test('shows what the endpoint answers where the browser cannot follow it to another model', () =>
    withServedPage(async (page, { promote }) => {
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await runHere(page);
      const second = await promote(2);
      await page.route(`**/models/${second}/weights.bin*`, (route) => route.fulfill({ status: 503, json: {} }));
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectText(page.getByRole('alert'), /503\. This is the answer of the endpoint alone\.$/);
      await expectText(page.locator('#version'), `${second} (production)`);
      await expectText(page.locator('#verdict'), /the picture is labelled cat\.$/);
      expect(await page.locator('#comparison').isVisible()).toBe(false);

      await page.unrouteAll();
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await expectText(page.locator('#comparison'), /^Both answer the same/);
      expect(await page.getByRole('alert').isVisible()).toBe(false);
    }));

  test('shows what mattered', () =>
    withServedPage(async (page) => {
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectResult(page);
      const heat = page.locator('#heat');
      expect(await heat.isVisible()).toBe(false);
      await page.getByRole('button', { name: 'Show what mattered' }).click();
      await heat.waitFor();
      const label = (await page.locator('#answer').innerText()).split(' ')[0];
      await expectText(page.locator('figcaption'), new RegExp(`^Covering the light part .* “${label}”$`));
      const darkness = await page.evaluate(`[...document.querySelector('#heat').getContext('2d')
        .getImageData(0, 0, 32, 32).data].filter((_, index) => index % 4 === 3)`);
      expect(Math.min(...(darkness as number[]))).toBe(0); // where the map is white
      expect(Math.max(...(darkness as number[]))).toBeGreaterThan(100);
      expect(Math.max(...(darkness as number[]))).toBeLessThan(200); // the picture is still seen under it
      await page.getByRole('button', { name: 'Show what mattered' }).click();
      await heat.waitFor({ state: 'hidden' });

      // What is decoded only when it is no longer asked for is not shown.
      const goOn = await holdNextBitmap(page);
      await page.getByRole('button', { name: 'Show what mattered' }).click();
      await expect.poll(() => page.evaluate('typeof goOn')).toBe('function');
      await page.getByRole('button', { name: 'Show what mattered' }).click();
      await expectResult(page);
      await goOn();
      await page.waitForTimeout(100);
      expect(await heat.isVisible()).toBe(false);
      await expectText(page.locator('figcaption'), 'As the network sees it');
    }));

  test('answers on its own when the endpoint is out of reach', () =>
    withServedPage(async (page) => {
      await page.context().setOffline(true);
      await uploadDrawing(page);
      await expectText(page.getByRole('alert'), /^The endpoint cannot be reached/);
      expect(await page.locator('#result').isVisible()).toBe(false);

      await page.context().setOffline(false);
      await uploadDrawing(page);
      await expectResult(page);
      await runHere(page);
      const answer = await page.locator('#answer').innerText();
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectResult(page);
      await page.context().setOffline(true);
      await uploadDrawing(page);
      await expectText(page.getByRole('alert'), /This is the answer of this browser alone\.$/);
      expect(await page.locator('#answer').innerText()).toBe(answer);
      expect(await page.locator('#comparison').isVisible()).toBe(false);
    }));

  test('asks for the API key where one is needed, and keeps it for the tab', () =>
    withEndpoint(({ url, promote }) =>
      withGateway(url, 'right', async (gateway) => {
        await promote();
        // Without the slash, as people type it.
        await withPage(browser!, gateway, async (page) => {
          await page.waitForURL(`${gateway}/`);
          const cat = page.getByRole('button', { name: 'Test image: cat' });
          const dialog = page.getByRole('dialog', { name: /API key/ });
          const key = page.getByLabel('API key', { exact: true });
          await cat.click();
          await dialog.waitFor();
          await page.keyboard.press('Escape');
          await expectText(page.locator('#message'), /^No API key/);

          await cat.click();
          await dialog.waitFor();
          expect(await page.evaluate('document.activeElement.id')).toBe('key');
          await key.fill('wrong');
          await page.keyboard.press('Enter');
          await expectText(page.locator('#key-error'), /^This key is not taken/);
          await key.fill(' right ');
          await page.keyboard.press('Enter');
          await expectResult(page);
          await expectText(page.locator('#curl'), /x-api-key: \$API_KEY.*\/prod\/classify$/);

          await page.reload();
          await cat.click();
          await expectResult(page);
          expect(await dialog.isVisible()).toBe(false);

          const otherTab = await page.context().newPage();
          await otherTab.goto(`${gateway}/`);
          await otherTab.getByRole('button', { name: 'Test image: cat' }).click();
          await otherTab.getByRole('dialog', { name: /API key/ }).waitFor();

          await page.getByRole('button', { name: 'Forget it' }).click();
          await cat.click();
          await dialog.waitFor();
        });
      }),
    ));

  test('says so while there is no model', () =>
    withEndpoint(({ url }) =>
      withPage(browser!, url, async (page) => {
        await expectText(page.getByRole('alert'), /^No model is served yet/);
        await uploadDrawing(page);
        await expectText(page.getByRole('alert'), /^No model is served yet/);
      }),
    ));

  test('links to nothing but what is there', () =>
    withServedPage(async (page) => {
      const links = await page.evaluate(`[...document.links].filter((a) => a.checkVisibility()).map((a) => a.href)`);
      expect(links).toHaveLength(3);
      for (const link of links as string[]) expect((await page.request.get(link)).status()).toBe(200);
    }));

  /** As training publishes it. */
  async function promoteWithReport(store: ObjectStore): Promise<void> {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30"/></svg>';
    const files = new Map([
      ...(await exampleModel()),
      ['report/confusion.svg', Buffer.from(svg)],
      ['report.html', Buffer.from('<!doctype html><title>A report</title>')],
    ]);
    const to = await publishVersion(store, files);
    await moveAlias(store, 'production', { to, by: 'a test', expected: undefined });
  }

  test('shows the confusion matrix and the report where the model has them', () =>
    withEndpoint(async ({ url, store }) => {
      await promoteWithReport(store);
      await withPage(browser!, url, async (page) => {
        const picture = page.getByRole('img', { name: /^Confusion matrix/ });
        await picture.scrollIntoViewIfNeeded();
        await expect.poll(() => page.evaluate(`document.querySelector('#confusion img').naturalWidth`)).toBe(40);
        await page.getByRole('link', { name: /^Confusion matrix/ }).click();
        await page.waitForURL(/report\/confusion\.svg$/);
        await page.goBack();
        await page.getByRole('link', { name: 'Report of its training' }).click();
        await page.waitForURL(/\/report\.html$/);
        expect(await page.title()).toBe('A report');
      });
    }));

  test('moves the confusion matrix on a phone, whose figures would be too small to read', () =>
    withEndpoint(async ({ url, store }) => {
      await promoteWithReport(store);
      await withPage(
        browser!,
        url,
        async (page) => {
          const picture = page.getByRole('img', { name: /^Confusion matrix/ });
          await picture.scrollIntoViewIfNeeded();
          expect((await picture.boundingBox())!.width).toBeGreaterThanOrEqual(480);
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
        },
        { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true },
      );
    }));

  test('can be used by keyboard alone', () =>
    withServedPage(async (page) => {
      const focused = () =>
        page.evaluate(
          `(({ activeElement: { id, ariaLabel, textContent } }) => id || ariaLabel || textContent)(document)`,
        );
      const order: unknown[] = [];
      for (let tabs = 0; tabs < 4; tabs++) {
        await page.keyboard.press('Tab');
        order.push(await focused());
      }
      expect(order).toEqual(['file', 'camera', 'Test image: airplane', 'Test image: automobile']);
      await page.keyboard.press('Enter');
      await expectResult(page);
      expect(await focused()).toBe('Test image: automobile');
      await expectText(
        page.locator('[role=status]'),
        /^\w+, [\d.]+ %\. (Right|Wrong): the picture is labelled automobile/,
      );
    }));

  test('fits a phone', () =>
    withServedPage(
      async (page) => {
        const expectFits = async () =>
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
        await expectFits();
        await page.getByRole('button', { name: 'Test image: cat' }).tap();
        await expectResult(page);
        await page.getByRole('button', { name: 'Run it here too' }).tap();
        await expectText(page.locator('#comparison'), /^Both answer the same/);
        await expectFits();
        // The phone's own camera program.
        const chooser = page.waitForEvent('filechooser');
        await page.getByRole('button', { name: 'Take a picture' }).tap();
        await (await chooser).setFiles({ name: 'photo.png', mimeType: 'image/png', buffer: drawing });
        await expectText(page.locator('#verdict'), /^It is not sure/);
      },
      { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true },
    ));

  test.each(['light', 'dark'] as const)('has no fault that axe finds, in %s', (colorScheme) =>
    withServedPage(
      async (page) => {
        const expectNoFaults = async () => {
          // By the inspector: the page's own policy lets no script in.
          await page.evaluate(axe.source);
          const { violations, incomplete } = (await page.evaluate('axe.run()')) as axe.AxeResults;
          const faults = [...violations, ...incomplete.filter(({ id }) => id !== 'color-contrast')];
          expect(faults.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
        };
        await expectNoFaults();
        await page.setInputFiles('#file', {
          name: 'no.pdf',
          mimeType: 'application/pdf',
          buffer: Buffer.from('%PDF-'),
        });
        await page.getByRole('alert').waitFor();
        await page.getByRole('button', { name: 'Test image: cat' }).click();
        await expectResult(page);
        await page.getByRole('button', { name: 'Run it here too' }).click();
        await page.locator('#comparison').waitFor();
        await page.getByRole('button', { name: 'Show what mattered' }).click();
        await page.locator('#heat').waitFor();
        await expectNoFaults();
        await page.evaluate(`document.querySelector('#key-dialog').showModal()`);
        await expectNoFaults();
      },
      { colorScheme },
    ),
  );
});
