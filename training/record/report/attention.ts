import { percent } from '#models/percent.ts';
import { type Dataset, slice } from '../../data/dataset.ts';
import type { ExplainedMistake } from '../../evaluation/explain-mistakes.ts';
import { embedded } from './pictures.ts';
import { fitted, heading, picture, style, text } from './svg.ts';

/** How dark the parts become that did not matter. */
const DARKNESS = 0.8;

/** The worst mistakes, each beside what spoke for the answer, and what spoke for the correct class. */
export function attentionGrid(data: Dataset, mistakes: readonly ExplainedMistake[]): string | undefined {
  if (mistakes.length === 0) return undefined;
  const [left, top, side, gap, columns] = [16, 70, 58, 8, 2];
  const { size } = data.images;
  const small = { 'text-anchor': 'middle', 'font-size': 10 };
  const parts = [heading('What the network looks at', 'Light: parts that raise the probability of the class below.')];
  for (const [index, { image, label, answer, confidence, forAnswer, forCorrect }] of mistakes.entries()) {
    const x = left + (index % columns) * 212;
    const y = top + Math.floor(index / columns) * (side + 44);
    const pixels = slice(data.test, image, image + 1).images;
    const [wrong, correct] = [data.classes[answer]!, data.classes[label]!];
    const tiles = [
      { shown: pixels, title: `test image ${image}`, words: 'the image', fill: style.muted },
      { shown: lit(pixels, forAnswer), title: `for ${wrong}`, words: wrong, fill: style.wrong },
      { shown: lit(pixels, forCorrect), title: `for ${correct}`, words: correct, fill: style.ink },
    ];
    for (const [tile, { shown, title, words, fill }] of tiles.entries()) {
      const at = x + tile * (side + gap);
      parts.push(
        embedded(shown, size, { x: at, y, side, title }),
        text(at + side / 2, y + side + 13, fitted(words, 12), { ...small, fill }),
      );
    }
    const claimed = percent(confidence, { digits: 0 });
    parts.push(text(x + side + gap + side / 2, y + side + 25, claimed, { ...small, fill: style.muted }));
  }
  const rows = Math.ceil(mistakes.length / columns);
  return picture(top + rows * (side + 44), `${data.title}: what the network looks at`, parts);
}

/** The image, darker where covering it did not lower the probability. @param drops `[height, width]` */
function lit(pixels: Uint8Array, drops: Float32Array): Uint8Array {
  const largest = Math.max(1e-6, ...drops);
  const channels = pixels.length / drops.length;
  // The square root keeps parts of medium importance visible.
  return pixels.map((value, at) => {
    const share = Math.sqrt(Math.max(0, drops[Math.floor(at / channels)]!) / largest);
    return Math.round(value * (1 - DARKNESS * (1 - share)));
  });
}
