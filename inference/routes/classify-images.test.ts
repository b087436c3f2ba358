import { readFileSync } from 'node:fs';
import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { mosaicJpeg } from '#images/mosaic.fixture.ts';
import { withEndpoint } from '../app.fixture.ts';
import { ClassifyAnswer } from '../http/answers.ts';
import { Problem } from '../http/problem.ts';
import { examplePixels } from '../serving/example-model.fixture.ts';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../images/fixtures/${name}`, import.meta.url)));

async function post(url: string, body: Uint8Array<ArrayBuffer>) {
  return (await fetch(`${url}/classify`, { method: 'POST', body })).json();
}

const pixels = examplePixels(1);
/** The example picture on a photo of 12.6 megapixels, 96 times as large, between black areas. */
const [width, height, scale] = [4096, 3072, 96];
const colorAt = (x: number, y: number): readonly number[] => {
  const [column, row] = [Math.floor((x - (width - height) / 2) / scale), Math.floor(y / scale)];
  if (column < 0 || column > 31) return [0, 0, 0];
  return Array.from(pixels.subarray((row * 32 + column) * 3, (row * 32 + column) * 3 + 3));
};

test('a photo of 12 megapixels gets the answer of what it shows, as JPEG and as PNG', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const { predictions } = ClassifyAnswer.parse(await post(url, new Uint8Array(pixels)));
    const jpeg = mosaicJpeg(width, height, (column, row) => colorAt(column * 8, row * 8));
    const data = new Uint8Array(width * height * 3);
    for (let y = 0; y < height; y++) {
      const start = y * width * 3;
      if (y % scale > 0) data.copyWithin(start, start - width * 3, start);
      else for (let x = 0; x < width; x++) data.set(colorAt(x, y), start + x * 3);
    }
    const png = encode({ width, height, channels: 3, data });
    for (const [type, body] of [
      ['image/jpeg', jpeg],
      ['image/png', new Uint8Array(png)],
    ] as const) {
      const answer = ClassifyAnswer.parse(await post(url, body));
      expect(answer).toMatchObject({ input: { type, width, height, transform: 'center-crop+area' }, predictions });
    }
    // At the same time, they are decoded one after the other, and each gets its own answer.
    const at = await Promise.all(Array.from({ length: 4 }, () => post(url, jpeg)));
    for (const answer of at) expect(answer).toMatchObject({ predictions });
  }));

test('a picture of more than 16 megapixels is refused with the limit and what to do', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const problem = Problem.parse(
      await post(
        url,
        mosaicJpeg(5000, 3201, () => [0, 0, 0]),
      ),
    );
    expect(problem).toMatchObject({
      status: 413,
      code: 'image-too-large',
      detail: 'The image is 5000x3201, 16005000 pixels; the limit is 16000000. Scale it down.',
    });
  }));

test('a file that was repaired is classified, and the answer says what was wrong', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    for (const [name, cut, repaired] of [
      ['baseline-444.jpg', 2, 'its end marker is missing'],
      ['drawing.png', 12, 'its end is missing'],
    ] as const) {
      const bytes = fixture(name);
      const whole = ClassifyAnswer.parse(await post(url, bytes));
      expect(whole.input).not.toHaveProperty('repaired');
      const mended = ClassifyAnswer.parse(await post(url, bytes.slice(0, -cut)));
      expect(mended.predictions).toEqual(whole.predictions);
      expect(mended.input).toEqual({ ...whole.input, repaired });
      expect(await post(url, bytes.slice(0, bytes.length * 0.7))).toMatchObject({ code: 'corrupt-image' });
    }
  }));

test('a picture that is stored turned gets the answer of the upright one, whatever its crop', () =>
  withEndpoint(async ({ url, promote }) => {
    await promote();
    const upright = ClassifyAnswer.parse(await post(url, fixture('orientation-1.jpg')));
    for (let orientation = 2; orientation <= 8; orientation++) {
      const answer = ClassifyAnswer.parse(await post(url, fixture(`orientation-${orientation}.jpg`)));
      expect(answer.input, String(orientation)).toEqual(upright.input);
      expect(answer.label).toBe(upright.label);
      expect(Math.abs(answer.score - upright.score)).toBeLessThan(0.03);
    }
  }));
