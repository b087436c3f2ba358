import axe from 'axe-core';
import { encode } from 'fast-png';
import type { Locator, Page, Route } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { startChromium } from '#cli/verify/chromium.ts';
import { moveAlias } from '#models/aliases.ts';
import { percent } from '#models/percent.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion } from '#models/versions.ts';
import { withEndpoint } from '../app.fixture.ts';
import { ClassifyAnswer } from '../http/answers.ts';
import { exampleModel, onlyPlainIsFamiliar } from '../serving/example-model.fixture.ts';
import { withGateway, withPage } from './page.fixture.ts';

const browser = await startChromium();
afterAll(() => browser?.close());

/** 64x48, so that it must be cropped and scaled. */
const drawing = Buffer.from(
  encode({
    ...{ width: 64, height: 48, channels: 3 },
    data: Uint8Array.from({ length: 64 * 48 * 3 }, (_, index) => 128 + 127 * Math.sin(index / 7)),
  }),
);

/** A PNG whose pixels have the color that `colorOf` gives. */
function colors(width: number, height: number, colorOf: (x: number) => readonly number[]): Buffer {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => colorOf(Math.floor(at / 3) % width)[at % 3]!);
  return Buffer.from(encode({ width, height, channels: 3, data }));
}

/** Runs the endpoint with a model and opens its page. */
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
    // Every request reads the alias.
    { following: { times: { refreshAfter: 0, staleAfter: 0 } } },
  );
}

async function uploadDrawing(page: Page): Promise<void> {
  await page.setInputFiles('#file', { name: 'drawing.png', mimeType: 'image/png', buffer: drawing });
}

/** Opens the details of the answer, where the endpoint's and the browser's times are. */
async function openDetails(page: Page): Promise<void> {
  await page.getByText('Details', { exact: true }).click();
}

async function runHere(page: Page): Promise<void> {
  await openDetails(page);
  await page.getByRole('button', { name: 'Run it in this browser too' }).click();
  await expectText(page.locator('#comparison'), /^Both answers agree/);
}

/** Delays the next image that the page decodes. @returns lets it continue */
async function holdNextBitmap(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(`{
    const read = createImageBitmap;
    window.createImageBitmap = async (...given) => {
      window.createImageBitmap = read;
      await new Promise((resolve) => (window.continueBitmap = resolve));
      return read(...given);
    };
  }`);
  return () => page.evaluate('continueBitmap()');
}

async function expectResult(page: Page): Promise<void> {
  await page.locator('#result[aria-busy=false]').waitFor();
}

/** Checks that the page shows the endpoint's answer to the same file. */
async function expectAnswerOf(page: Page, url: string, file: Uint8Array): Promise<void> {
  const response = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(file) });
  const { label, score, predictions, model } = ClassifyAnswer.parse(await response.json());
  await expectText(page.locator('#answer'), `${label} ${percent(score, { digits: 1 })}`);
  const rows = await page.evaluate(`[...document.querySelectorAll('#predictions tr')]
    .map((row) => [row.cells[0].textContent, row.querySelector('.endpoint-column').textContent])`);
  expect(rows).toEqual(predictions.map((each) => [each.label, percent(each.score, { digits: 1 })]));
  await expectText(page.locator('#version'), `${model.version} (production)`);
}

async function expectText(place: Locator, text: string | RegExp): Promise<void> {
  await expect.poll(async () => (await place.textContent())?.trim(), { timeout: 20_000 }).toMatch(text);
}

describe.skipIf(!browser)('the page', () => {
  test('classifies an uploaded image as the endpoint does for the same file', () =>
    withServedPage(async (page, { url }) => {
      const sent = page.waitForRequest((request) => request.method() === 'POST');
      await uploadDrawing(page);
      expect((await sent).postDataBuffer()).toHaveLength(32 * 32 * 3);
      await expectResult(page);
      await expectAnswerOf(page, url, drawing);
      await expectText(page.locator('#endpoint-time'), /^[\d.]+ ms in the network, [\d.]+ ms round trip$/);
      await expectText(page.locator('[role=status]'), /^\w+, [\d.]+ %\./);
    }));

  test('accepts a pasted image', () =>
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
        await expectText(page.getByRole('alert'), /no image in the clipboard/);
      },
      { permissions: ['clipboard-read', 'clipboard-write'] },
    ));

  test('accepts an image dropped anywhere', () =>
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

  test('accepts a photo from the camera', () =>
    withServedPage(async (page) => {
      await page.getByRole('button', { name: 'Take a photo' }).click();
      await expect.poll(() => page.evaluate(`document.querySelector('#camera-view').videoWidth`)).toBeGreaterThan(0);
      await page.getByRole('button', { name: 'Take the photo' }).click();
      await expectResult(page);
      expect(await page.evaluate(`document.querySelector('#camera-view').srcObject`)).toBeNull();
    }));

  test('says what a file is that is not an image, and keeps working', () =>
    withServedPage(async (page, { url }) => {
      const wrong = { name: 'cat.png', mimeType: 'image/png', buffer: Buffer.from('%PDF-1.7\n') };
      await page.setInputFiles('#file', wrong);
      await expectText(page.getByRole('alert'), /^This is a PDF document\. Choose an image/);
      await page.setInputFiles('#file', { ...wrong, buffer: drawing.subarray(0, 60) });
      await expectText(page.getByRole('alert'), /^This is a PNG image, but it is damaged/);
      expect(await page.locator('#result').isVisible()).toBe(false);

      await uploadDrawing(page);
      await expectResult(page);
      await expectAnswerOf(page, url, drawing);
      expect(await page.getByRole('alert').isVisible()).toBe(false);

      // The old answer must not stand beside the error of another file.
      await page.setInputFiles('#file', wrong);
      await expectText(page.getByRole('alert'), /^This is a PDF document/);
      expect(await page.locator('#result').isVisible()).toBe(false);
    }));

  /** 96x32: red, green and blue squares. */
  const wide = colors(96, 32, (x) => [255, 0, 0].map((_, channel) => (channel === Math.floor(x / 32) ? 255 : 0)));
  const sentBy = async (page: Page, act: () => Promise<unknown>) => {
    const sent = page.waitForRequest((request) => request.method() === 'POST');
    await act();
    return (await sent).postDataBuffer()!;
  };

  test('shows which square of a wide image the network sees, and lets it be moved, or padded', () =>
    withServedPage(async (page, { url }) => {
      const position = page.getByRole('slider', { name: /^Position/ });
      const drop = () => page.setInputFiles('#file', { name: 'wide.png', mimeType: 'image/png', buffer: wide });
      expect((await sentBy(page, drop)).subarray(0, 3)).toEqual(Buffer.from([0, 255, 0]));
      await expectResult(page);
      await expectAnswerOf(page, url, wide);

      // By keyboard: to the left end.
      expect((await sentBy(page, () => position.press('Home'))).subarray(0, 3)).toEqual(Buffer.from([255, 0, 0]));
      await expectResult(page);
      // By pointer: to the right.
      const box = (await page.locator('#original').boundingBox())!;
      const right = () => page.mouse.click(box.x + box.width - 3, box.y + box.height / 2);
      expect((await sentBy(page, right)).subarray(0, 3)).toEqual(Buffer.from([0, 0, 255]));
      await expectResult(page);
      const whole = await sentBy(page, () => page.getByRole('checkbox', { name: 'Whole image, padded' }).check());
      expect(whole.subarray(0, 3)).toEqual(Buffer.from([255, 255, 255]));
      expect(whole.subarray(16 * 96, 16 * 96 + 3)).toEqual(Buffer.from([255, 0, 0]));
      await expectResult(page);
      // What is shown is what was sent.
      const shown = await page.evaluate(`[...document.querySelector('#seen').getContext('2d')
        .getImageData(0, 0, 32, 32).data].filter((_, index) => index % 4 !== 3)`);
      expect(Buffer.from(shown as number[])).toEqual(whole);

      // A square image has nothing to move.
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectResult(page);
      expect(await position.isVisible()).toBe(false);
    }));

  test('classifies several files one after the other, and opens each', () =>
    withServedPage(async (page, { url }) => {
      const pdf = { name: 'notes.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7\n') };
      const images = [drawing, wide].map((buffer, index) => ({ name: `${index}.png`, mimeType: 'image/png', buffer }));
      await page.setInputFiles('#file', [images[0]!, pdf, images[1]!]);
      await expectText(page.locator('#list-title'), '3 images, 1 of them could not be classified');
      await expectResult(page);
      await expectAnswerOf(page, url, drawing);
      const rows = await page.locator('#files button').allInnerTexts();
      expect(rows[0]).toContain(await page.locator('#answer').innerText());
      expect(rows[1]).toMatch(/notes\.pdf\s+This is a PDF document/);

      await page.getByRole('button', { name: /^1\.png/ }).click();
      await expectAnswerOf(page, url, wide);
      await page.getByRole('button', { name: /^notes\.pdf/ }).click();
      await expectText(page.getByRole('alert'), /^This is a PDF document/);
      expect(await page.locator('#result').isVisible()).toBe(false);
    }));

  const live = { following: { times: { refreshAfter: 0, staleAfter: 0 } } };
  const breeds = Array.from({ length: 120 }, (_, index) => `breed ${index}`);
  const inputOf = (size: number, fit: 'pad' | 'stretch' | 'crop') => ({
    input: { height: size, width: size, channels: 3, range: [0, 255] as [0, 255], fit },
  });

  test('sends what a model of another size and fit sees of a picture, and follows the endpoint to it', () =>
    withEndpoint(async ({ url, promote }) => {
      await promote();
      await withPage(browser!, url, async (page) => {
        await page.locator('#test-images button').first().waitFor();
        await page.setInputFiles('#file', { name: 'wide.png', mimeType: 'image/png', buffer: wide });
        await expectResult(page);
        await runHere(page);
        const drop = () => page.setInputFiles('#file', { name: 'wide.png', mimeType: 'image/png', buffer: wide });
        for (const [size, fit, caption, top] of [
          [48, 'pad', ', padded', [128, 128, 128]],
          [96, 'stretch', ', stretched', [255, 0, 0]],
          [48, 'crop', '', [0, 255, 0]],
        ] as const) {
          await promote({ classes: breeds, size, card: inputOf(size, fit) });
          // The page still has the model before: it asks again.
          await drop();
          await expectText(page.locator('#sent-hint'), new RegExp(`${size}\\s×\\s${size}\\spixels`));
          await expectResult(page);
          await expectAnswerOf(page, url, wide);
          await expectText(page.locator('#seen-caption'), new RegExp(`^As the network sees it${caption}$`));
          expect(await page.locator('#framing').isVisible()).toBe(fit === 'crop');
          expect((await sentBy(page, drop)).subarray(0, 3)).toEqual(Buffer.from(top));
          await expectResult(page);
          await expectAnswerOf(page, url, wide);
          await expectText(page.locator('#comparison'), /^Both answers agree/);
          await page.locator('#test-images button').first().click();
          await expectResult(page);
          await expectText(page.locator('#comparison'), /^Both answers agree/);
          expect(await page.getByRole('alert').isVisible()).toBe(false);
        }
      });
    }, live));

  test('keeps 120 classes, and names of 80 characters, readable on a phone', () =>
    withEndpoint(async ({ url, promote }) => {
      await promote({ classes: [...breeds.slice(1), 'Nova Scotia duck tolling retriever 🐕 '.repeat(3)], golden: 20 });
      await withPage(
        browser!,
        url,
        async (page) => {
          await page.locator('#test-images button').first().waitFor();
          await expectText(page.locator('#lead'), /which of 120 classes they show: breed 1, .* and 110 more\.$/);
          const fits = async () =>
            expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
          await fits();
          expect((await page.locator('#model').boundingBox())!.height).toBeLessThan(1200);
          await page.getByRole('link', { name: '110 more' }).click();
          await page.locator('#per-class tr').last().scrollIntoViewIfNeeded();
          await page.locator('#test-images button').last().tap();
          await expectResult(page);
          await fits();
          await page.evaluate(axe.source);
          const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
          expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
        },
        { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true },
      );
    }));

  test('draws an SVG', () =>
    withServedPage(async (page, { url }) => {
      const svg =
        '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="#f00"/></svg>';
      const file = { name: 'red.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(svg) };
      await page.setInputFiles('#file', file);
      await expectResult(page);
      await expectAnswerOf(
        page,
        url,
        colors(32, 32, () => [255, 0, 0]),
      );
      await page.setInputFiles('#file', { ...file, buffer: Buffer.from('<svg><rect') });
      await expectText(page.getByRole('alert'), /^This is an SVG drawing that this browser cannot show/);
    }));

  test('shows picker and answer in one view of a laptop', () =>
    withServedPage(
      async (page) => {
        await page.setInputFiles('#file', { name: 'wide.png', mimeType: 'image/png', buffer: wide });
        await expectResult(page);
        for (const id of ['choose', 'result']) {
          const { y, height } = (await page.locator(`#${id}`).boundingBox())!;
          expect(y).toBeGreaterThanOrEqual(0);
          expect(y + height).toBeLessThanOrEqual(800);
        }
      },
      { viewport: { width: 1280, height: 800 } },
    ));

  test('runs the same model in the browser, and both answers agree', () =>
    withServedPage(async (page, { promote }) => {
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await expectResult(page);
      await expectText(page.locator('#verdict'), /^(Correct|Wrong): the image is labeled bird\.$/);
      await openDetails(page);
      await page.getByRole('button', { name: 'Run it in this browser too' }).click();
      await expectText(page.locator('#comparison'), /^Both answers agree, to 6 decimals\. .* the 4 golden images/);
      for (const row of await page.locator('#predictions tr').all()) {
        const [endpoint, here] = await row.locator('td:not(.bar)').allInnerTexts();
        expect(here).toBe(endpoint);
      }

      // The browser follows the endpoint to the new model, whose answers differ.
      const before = await page.locator('#predictions').innerText();
      const second = await promote(2);
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectText(page.locator('#version'), `${second} (production)`);
      await expectText(page.locator('#comparison'), /^Both answers agree/);
      expect(await page.locator('#predictions').innerText()).not.toBe(before);
    }));

  test('never shows an answer under another image, whichever arrives last', () =>
    withServedPage(async (page, { promote }) => {
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await runHere(page);

      // While the browser loads the new model for one image, a second image is chosen.
      const second = await promote(2);
      const held: Route[] = [];
      await page.route(`**/models/${second}/weights.bin*`, (route) => void held.push(route), { times: 1 });
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expect.poll(() => held.length).toBe(1);
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      const expectBird = async () => {
        await expectText(page.locator('#verdict'), /the image is labeled bird\.$/);
        await expectText(page.locator('#comparison'), /^Both answers agree/);
        await expectText(page.locator('#version'), `${second} (production)`);
      };
      await expectResult(page);
      await expectBird();
      const answered = page.waitForResponse(/weights\.bin/);
      await held[0]!.continue();
      await (await answered).finished();
      await page.waitForTimeout(500); // in which the browser's model would be loaded and answer
      await expectBird();
    }));

  test('an image that takes long to read does not replace a later one', () =>
    withServedPage(async (page) => {
      const continueBitmap = await holdNextBitmap(page);
      await uploadDrawing(page);
      await expect.poll(() => page.evaluate('typeof continueBitmap')).toBe('function');
      const cat = page.getByRole('button', { name: 'Test image: cat' });
      await cat.click();
      await expectResult(page);
      await continueBitmap();
      await page.waitForTimeout(300); // in which the image would be read and classified
      await expectResult(page);
      await expectText(page.locator('#verdict'), /the image is labeled cat\.$/);
      expect(await cat.getAttribute('aria-pressed')).toBe('true');
    }));

  test('asks again where too many requests run at once, and says so if that lasts', () =>
    withServedPage(async (page) => {
      const busy = { status: 429, contentType: 'application/problem+json', headers: { 'retry-after': '0' } };
      const detail = 'The classifier did not answer: most likely too many requests run at the same time.';
      const body = JSON.stringify({ status: 429, code: 'busy', detail, hint: 'Wait a second and send it again.' });
      await page.route('**/classify?*', (route) => route.fulfill({ ...busy, body }), { times: 3 });
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await expectResult(page);

      await page.route('**/classify?*', (route) => route.fulfill({ ...busy, body }), { times: 4 });
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectText(page.getByRole('alert'), `${detail} Wait a second and send it again.`);

      const quota = JSON.stringify({ message: 'Limit Exceeded' });
      await page.route('**/classify?*', (route) => route.fulfill({ status: 429, body: quota }), { times: 1 });
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await expectText(page.getByRole('alert'), 'Too many requests run at once. Try again in a moment.');
    }));

  test("shows the endpoint's answer if the browser cannot load the new model", () =>
    withServedPage(async (page, { promote }) => {
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await runHere(page);
      const second = await promote(2);
      await page.route(`**/models/${second}/weights.bin*`, (route) => route.fulfill({ status: 503, json: {} }));
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectText(page.getByRole('alert'), /503\. This answer is from the endpoint only\.$/);
      await expectText(page.locator('#version'), `${second} (production)`);
      await expectText(page.locator('#verdict'), /the image is labeled cat\.$/);
      expect(await page.locator('#comparison').isVisible()).toBe(false);

      await page.unrouteAll();
      await page.getByRole('button', { name: 'Test image: bird' }).click();
      await expectText(page.locator('#comparison'), /^Both answers agree/);
      expect(await page.getByRole('alert').isVisible()).toBe(false);
    }));

  test('shows what mattered, and hides it again', () =>
    withServedPage(async (page) => {
      await page.getByRole('button', { name: 'Test image: cat' }).click();
      await expectResult(page);
      const heat = page.locator('#heat');
      expect(await heat.isVisible()).toBe(false);
      await page.getByRole('button', { name: 'Show what mattered' }).click();
      await heat.waitFor();
      const label = (await page.locator('#answer').innerText()).split(' ')[0];
      await expectText(
        page.locator('#seen-caption'),
        new RegExp(`^Covering the light part lowers “${label}” by up to \\d+ points$`),
      );
      const darkness = await page.evaluate(`[...document.querySelector('#heat').getContext('2d')
        .getImageData(0, 0, 32, 32).data].filter((_, index) => index % 4 === 3)`);
      expect(Math.min(...(darkness as number[]))).toBe(0); // where the map is white
      expect(Math.max(...(darkness as number[]))).toBeGreaterThan(100);
      expect(Math.max(...(darkness as number[]))).toBeLessThan(200); // the image stays visible under it
      await page.getByRole('button', { name: 'Hide what mattered' }).click();
      await heat.waitFor({ state: 'hidden' });

      // A map that is decoded after it was switched off is not shown.
      const continueBitmap = await holdNextBitmap(page);
      await page.getByRole('button', { name: 'Show what mattered' }).click();
      await expect.poll(() => page.evaluate('typeof continueBitmap')).toBe('function');
      await page.getByRole('button', { name: 'Hide what mattered' }).click();
      await expectResult(page);
      await continueBitmap();
      await page.waitForTimeout(100);
      expect(await heat.isVisible()).toBe(false);
      await expectText(page.locator('#seen-caption'), 'As the network sees it');
    }));

  test('the browser answers alone while the endpoint is unreachable', () =>
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
      await expectText(page.getByRole('alert'), /This answer is from this browser only\.$/);
      expect(await page.locator('#answer').innerText()).toBe(answer);
      expect(await page.locator('#comparison').isVisible()).toBe(false);
    }));

  test('says that a picture looks like none of the classes, by the endpoint and by the browser alone', () =>
    withEndpoint(async ({ url, promote }) => {
      await promote({ card: { unfamiliar: onlyPlainIsFamiliar } });
      await withPage(browser!, url, async (page) => {
        const upload = (name: string, buffer: Buffer) =>
          page.setInputFiles('#file', { name, mimeType: 'image/png', buffer });
        await upload('drawing.png', drawing);
        await expectText(page.locator('#verdict'), /^This looks like none of the classes\.$/);
        await upload(
          'plain.png',
          colors(40, 40, () => [90, 90, 90]),
        );
        await expectText(page.locator('#verdict'), /^(The network is not sure.*)?$/);
        await runHere(page);
        await page.context().setOffline(true);
        await upload('drawing.png', drawing);
        await expectText(page.getByRole('alert'), /This answer is from this browser only\.$/);
        await expectText(page.locator('#verdict'), /^This looks like none of the classes\.$/);
      });
    }));

  test('asks for the API key if one is required, and stores it for the tab', () =>
    withEndpoint(({ url, promote }) =>
      withGateway(url, { key: 'right' }, async (gateway) => {
        await promote();
        // Without the trailing slash, as people type it.
        await withPage(browser!, gateway, async (page) => {
          await page.waitForURL(`${gateway}/`);
          const cat = page.getByRole('button', { name: 'Test image: cat' });
          const dialog = page.getByRole('dialog', { name: /API key/ });
          const key = page.getByLabel('API key', { exact: true });
          await cat.click();
          await dialog.waitFor();
          await page.keyboard.press('Escape');
          await expectText(page.locator('#message'), /^Missing or invalid API key/);

          await cat.click();
          await dialog.waitFor();
          expect(await page.evaluate('document.activeElement.id')).toBe('key');
          await key.fill('wrong');
          await page.keyboard.press('Enter');
          await expectText(page.locator('#key-error'), /^This key was not accepted/);
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

          await page.getByRole('button', { name: 'Delete it' }).click();
          await cat.click();
          await dialog.waitFor();
        });
      }),
    ));

  test('says what to do where the endpoint takes signed requests only, and asks for no key', () =>
    withEndpoint(({ url, promote }) =>
      withGateway(url, 'signature', async (gateway) => {
        await promote();
        await withPage(browser!, gateway, async (page) => {
          await page.getByRole('button', { name: 'Test image: cat' }).click();
          await expectText(
            page.getByRole('alert'),
            /^This endpoint takes signed requests only, and a web page has no AWS credentials.*"\.\/cifar10 classify", which signs.*x-amz-security-token/,
          );
          expect(await page.getByRole('dialog', { name: /API key/ }).isVisible()).toBe(false);
          await expectText(page.locator('#curl'), /--aws-sigv4 "aws:amz:\$AWS_REGION:execute-api".*\/prod\/classify$/);
        });
      }),
    ));

  test('shows that there is no model yet', () =>
    withEndpoint(({ url }) =>
      withPage(browser!, url, async (page) => {
        await expectText(page.getByRole('alert'), /^No model is served yet/);
        await uploadDrawing(page);
        await expectText(page.getByRole('alert'), /^No model is served yet/);
      }),
    ));

  test('has no broken links', () =>
    withServedPage(async (page) => {
      const links = await page.evaluate(`[...document.links].filter((a) => a.checkVisibility()).map((a) => a.href)`);
      expect(links).toHaveLength(3);
      for (const link of links as string[]) expect((await page.request.get(link)).status()).toBe(200);
    }));

  /** Promotes a model with a report, as training publishes it. */
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

  test('shows the confusion matrix and the report if the model has them', () =>
    withEndpoint(async ({ url, store }) => {
      await promoteWithReport(store);
      await withPage(browser!, url, async (page) => {
        const matrix = page.getByRole('img', { name: /^Confusion matrix/ });
        await matrix.scrollIntoViewIfNeeded();
        await expect.poll(() => page.evaluate(`document.querySelector('#confusion img').naturalWidth`)).toBe(40);
        await page.getByRole('link', { name: /^Confusion matrix/ }).click();
        await page.waitForURL(/report\/confusion\.svg$/);
        await page.goBack();
        await page.getByRole('link', { name: 'Training report' }).click();
        await page.waitForURL(/\/report\.html$/);
        expect(await page.title()).toBe('A report');
      });
    }));

  test('lets the confusion matrix scroll on a phone, where its figures would be too small to read', () =>
    withEndpoint(async ({ url, store }) => {
      await promoteWithReport(store);
      await withPage(
        browser!,
        url,
        async (page) => {
          const matrix = page.getByRole('img', { name: /^Confusion matrix/ });
          await matrix.scrollIntoViewIfNeeded();
          expect((await matrix.boundingBox())!.width).toBeGreaterThanOrEqual(480);
          expect(await page.getByText('Scroll sideways to see all of it.').isVisible()).toBe(true);
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
        },
        { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
      );
    }));

  test('can be used with the keyboard alone', () =>
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
        /^\w+, [\d.]+ %\. (Correct|Wrong): the image is labeled automobile/,
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
        await runHere(page);
        await expectFits();
        // Opens the phone's camera app.
        const chooser = page.waitForEvent('filechooser');
        await page.getByRole('button', { name: 'Take a photo' }).tap();
        await (await chooser).setFiles({ name: 'photo.png', mimeType: 'image/png', buffer: drawing });
        await expectText(page.locator('#verdict'), /^The network is not sure/);
      },
      { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true },
    ));

  test.each(['light', 'dark'] as const)('passes axe, in %s', (colorScheme) =>
    withServedPage(
      async (page) => {
        const expectNoViolations = async () => {
          // Through the debugger, since the page's policy blocks injected scripts.
          await page.evaluate(axe.source);
          const { violations, incomplete } = (await page.evaluate('axe.run()')) as axe.AxeResults;
          const found = [...violations, ...incomplete.filter(({ id }) => id !== 'color-contrast')];
          expect(found.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
        };
        await expectNoViolations();
        await page.setInputFiles('#file', {
          name: 'no.pdf',
          mimeType: 'application/pdf',
          buffer: Buffer.from('%PDF-'),
        });
        await page.getByRole('alert').waitFor();
        await page.getByRole('button', { name: 'Test image: cat' }).click();
        await expectResult(page);
        await runHere(page);
        await page.getByRole('button', { name: 'Show what mattered' }).click();
        await page.locator('#heat').waitFor();
        await expectNoViolations();
        await page.evaluate(`document.querySelector('#key-dialog').showModal()`);
        await expectNoViolations();
      },
      { colorScheme },
    ),
  );
});
