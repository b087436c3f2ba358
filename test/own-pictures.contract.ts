import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'fast-png';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readLocalModel } from '#cli/classify/local-model.ts';
import { classifyImage, type Endpoint } from '#cli/endpoint/endpoint.ts';
import { promoteVersion } from '#cli/endpoint/promote.ts';
import { startChromium } from '#cli/verify/chromium.ts';
import { decodeImage } from '#images/decode-image.ts';
import type { Fit } from '#images/fit-image.ts';
import type { ClassifyAnswer } from '#inference/http/answers.ts';
import { withPage } from '#inference/page/page.fixture.ts';
import { startServer } from '#inference/server.ts';
import { openHere } from '#jobs/bulk/open-here.ts';
import { readAlias, rollback } from '#models/aliases.ts';
import { percent } from '#models/percent.ts';
import { folderStore } from '#models/stores/folder-store.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { publishVersion, readVersion, type VerifiedVersion } from '#models/versions.ts';
import { trainHere } from '#training/commands/train-here.ts';
import { png, temporaryFolder, writeFiles } from '#training/datasets/pictures/pictures.fixture.ts';

/** Where versions are deployed: the endpoint answers by the versions of the store. */
export interface Deployed {
  readonly store: ObjectStore;
  readonly endpoint: Endpoint;
}

interface Case {
  readonly name: string;
  readonly classes: readonly string[];
  readonly size: number;
  readonly fit: Fit;
  /** Pictures of each class. */
  readonly each: number;
}

/** Every number of classes, size and fit that the page and the endpoint treat differently, in as few trainings as have them. */
const cases: readonly Case[] = [
  { name: 'wide', classes: ['=no, "none"', 'Füchse 🦊'], size: 48, fit: 'pad', each: 20 },
  { name: 'large', classes: ['disc', 'ring', 'star'], size: 96, fit: 'crop', each: 14 },
  {
    name: 'many',
    classes: Array.from({ length: 120 }, (_, index) => `class ${String(index).padStart(3, '0')}`),
    size: 48,
    fit: 'crop',
    each: 4,
  },
];

/** A picture of a class: what all of its pictures have, under something of its own. They are wide and high in turn. */
function picture(label: number, which: number): Uint8Array {
  const size = which % 2 === 0 ? { width: 80, height: 50 } : { width: 40, height: 64 };
  const [common, own] = [label, 1000 + 200 * label + which].map((number) => decode(png(number, size)).data);
  const data = Uint8Array.from(common!, (value, at) => 0.7 * value + 0.3 * own![at]!);
  return encode({ ...size, channels: 3, data });
}

/**
 * Classes and sizes of one's own, the whole way: pictures in folders become a version, which is promoted, and answers the same
 * picture alike in this process, in `serve`, in a browser and in the deployed function.
 */
export function describeOwnPictures(open: () => Promise<Deployed>): void {
  let home: string;
  let browser: Browser | undefined;
  let deployed: Deployed;
  const versions = new Map<string, VerifiedVersion>();
  beforeAll(async () => {
    browser = await startChromium();
    home = await mkdtemp(join(tmpdir(), 'own-pictures-'));
    deployed = await open();
    const { folder, remove } = await temporaryFolder(); // with a cache of its own
    try {
      for (const { name, classes, size, fit, each } of cases) {
        const files = classes.flatMap((label, index) =>
          Array.from({ length: each }, (_, which) => [`${name}/${label}/${which}.png`, picture(index, which)] as const),
        );
        await writeFiles(folder, Object.fromEntries(files));
        const set = [`imageSize=${size}`, `fit=${fit}`, 'epochs=8', 'batchSize=16'];
        const asked = { recipe: 'tiny', set, data: join(folder, name), out: home, run: name };
        const outcome = await trainHere(asked, { signal: new AbortController().signal, stream: process.stderr });
        if (outcome.status !== 'finished') throw new Error('The training was interrupted.');
        const version = await readVersion(folderStore(home), outcome.result.version);
        versions.set(name, version);
        const { files: all } = version.manifest;
        await publishVersion(deployed.store, new Map(all.map(({ path }) => [path, version.file(path)])));
      }
    } finally {
      await remove();
    }
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await rm(home, { recursive: true, force: true });
  });

  const probes = [90, 91].map((which) => picture(1, which));

  describe.each(cases)('$classes.length classes at $size pixels, by $fit', ({ name, classes, size, fit }) => {
    const alias = `own-${name}`;
    let version: VerifiedVersion;
    let expected: ClassifyAnswer[];
    beforeAll(async () => {
      version = versions.get(name)!;
      for (const store of [folderStore(home), deployed.store]) {
        await promoteVersion(store, { version: version.id, by: 'a test', alias });
      }
      const answer = await openHere(await readLocalModel(home, alias), { topK: classes.length });
      const found = await answer(probes.map((bytes, index) => ({ file: `${index}.png`, bytes })));
      expected = found.map(({ outcome }) => outcome as ClassifyAnswer);
    });

    const ask = (endpoint: Endpoint, picture: Uint8Array) =>
      classifyImage(endpoint, picture, { version: alias, topK: classes.length });
    const same = ({ predictions, input, model }: ClassifyAnswer) => ({ predictions, input, model });

    test('the card has them', () => {
      const input = { height: size, width: size, channels: 3, range: [0, 255], ...(fit !== 'crop' && { fit }) };
      expect(version.card).toMatchObject({ name, classes, input });
    });

    test('the command line answers with all of its classes', () => {
      for (const answer of expected) {
        expect(answer.model).toEqual({ name, version: version.id, alias });
        expect(answer.predictions.map(({ label }) => label).toSorted()).toEqual(classes.toSorted());
        expect(answer.input.transform).toBe(fit === 'pad' ? 'area+pad' : 'center-crop+area');
      }
    });

    test('the deployed function gives the same answers, and to the pixels themselves', async () => {
      for (const [index, probe] of probes.entries()) {
        expect(same(await ask(deployed.endpoint, probe))).toEqual(same(expected[index]!));
        const { pixels } = await decodeImage(probe, { input: version.card.input, fit });
        const raw = await ask(deployed.endpoint, pixels);
        expect(raw.predictions).toEqual(expected[index]!.predictions);
        expect(raw.input).toMatchObject({ width: size, height: size, transform: 'none' });
      }
    });

    test('serve gives the same answers, and so does a browser, at the endpoint and by itself', async () => {
      const server = await startServer({ store: folderStore(home), alias, port: 0, log: () => {} });
      try {
        for (const [index, probe] of probes.entries()) {
          const answer = await classifyImage({ url: server.url, apiKey: undefined }, probe, { topK: classes.length });
          expect(same(answer)).toEqual(same(expected[index]!));
        }
        if (browser === undefined) return;
        await withPage(browser, server.url, async (page) => {
          const shown = async (selector: string) => (await page.locator(selector).textContent())?.trim();
          for (const [index, probe] of probes.entries()) {
            const sent = page.waitForRequest((request) => request.method() === 'POST');
            const buffer = Buffer.from(probe);
            await page.setInputFiles('#file', { name: `${index}.png`, mimeType: 'image/png', buffer });
            const { pixels } = await decodeImage(probe, { input: version.card.input, fit });
            expect((await sent).postDataBuffer()?.equals(Buffer.from(pixels))).toBe(true);
            if (index === 0) {
              await page.getByText('Details', { exact: true }).click();
              await page.getByRole('button', { name: 'Run it in this browser too' }).click();
            }
            const { label, score } = expected[index]!;
            await expect.poll(() => shown('#answer')).toBe(`${label} ${percent(score, { digits: 1 })}`);
            await expect.poll(() => shown('#comparison')).toMatch(/^Both answers agree, to 6 decimals\./);
          }
        });
      } finally {
        await server.close();
      }
    });
  });

  test('a version of other classes replaces one only on purpose, and a rollback brings the first one back', async () => {
    const { store } = deployed;
    const alias = 'own';
    const [wide, many] = ['wide', 'many'].map((name) => versions.get(name)!.id) as [string, string];
    await promoteVersion(store, { version: wide, by: 'a test', alias });
    const next = { version: many, by: 'a test', alias };
    await expect(promoteVersion(store, next)).rejects.toThrow(
      'it knows other classes (without =no, "none", Füchse 🦊; with class 000, class 001, class 002, class 003, class 004 ' +
        'and 115 more; 120 instead of 2). To promote it anyway, add --force',
    );
    await promoteVersion(store, { ...next, force: true, reason: 'other pictures' });
    const labels = async () => (await classifyImage(deployed.endpoint, probes[0]!, { version: alias })).label;
    await vi.waitFor(async () => expect(await labels()).toMatch(/^class \d{3}$/), 20_000);
    await rollback(store, alias, { by: 'a test' });
    expect((await readAlias(store, alias))?.version).toBe(wide);
    await vi.waitFor(async () => expect(cases[0]!.classes).toContain(await labels()), 20_000);
  });
}
