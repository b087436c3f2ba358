import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { type Runtime, RuntimeMissing } from './runtime.ts';

/** Images in one call, which are sent as text. */
const CHUNK = 500;

/** What the endpoint's page does when it runs the model itself, in Chromium. */
export const browser: Runtime = async ({ version, images, count }) => {
  const chromium = await openChromium();
  try {
    const page = await chromium.newPage();
    await page.addScriptTag({ content: await browserModel() });
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    const { id, card, golden, file } = version;
    const files = Object.fromEntries(['model.json', 'weights.bin'].map((path) => [path, base64(file(path))]));
    await page.evaluate(`(async () => {
      window.bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const { files, ...version } = ${JSON.stringify({ id, card, golden, files })};
      window.model = await cifar10.openBrowserModel({ ...version, file: (path) => bytesOf(files[path]) });
    })()`);
    const bytes = images.length / count;
    const probabilities: number[] = [];
    let milliseconds = 0;
    for (let from = 0; from < images.length; from += CHUNK * bytes) {
      const chunk = base64(images.subarray(from, from + CHUNK * bytes));
      const found = await page.evaluate<{ probabilities: number[]; milliseconds: number }>(`(() => {
        const { probabilities, milliseconds } = model.classify(bytesOf('${chunk}'));
        return { probabilities: [...probabilities], milliseconds };
      })()`);
      for (const probability of found.probabilities) probabilities.push(probability);
      milliseconds += found.milliseconds;
    }
    return { runtime: `the page in Chromium ${chromium.version()}`, probabilities, milliseconds: milliseconds / count };
  } finally {
    await chromium.close();
  }
};

async function openChromium(): Promise<Browser> {
  const { startChromium } = await import('./chromium.ts');
  const started = await startChromium();
  if (started) return started;
  throw new RuntimeMissing('No Chromium is installed. Install one, or name its program in the variable CHROMIUM.');
}

/** The page's own code, as one script. */
async function browserModel(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, '../../inference/page/browser/browser-model.ts')],
    ...{ bundle: true, write: false, format: 'iife', globalName: 'cifar10', platform: 'browser', logLevel: 'error' },
  });
  return outputFiles[0]!.text;
}
