import { encode } from 'fast-png';
import { type Dataset, type Split, slice } from '../data/dataset.ts';
import { purpose, random } from '../random.ts';
import { element, escapeXml, picture, style, text } from './svg.ts';

const PER_CLASS = 10;

/** Each class with random training images of it: what the network has to learn. */
export function classGrid(data: Dataset, seed: number): string {
  const [left, top, side, gap] = [120, 76, 64, 6];
  const parts = [
    text(24, 34, 'The classes', { 'font-size': 18, 'font-weight': 600 }),
    text(24, 56, `${PER_CLASS} random training images of each.`, { fill: style.muted }),
  ];
  for (const [label, name] of data.classes.entries()) {
    const y = top + label * (side + gap);
    parts.push(text(left - 14, y + side / 2 + 4, name, { 'text-anchor': 'end' }));
    const images = randomImages(data.train, seed, label).filter((image) => data.train.labels[image] === label);
    for (const [column, image] of images.slice(0, PER_CLASS).entries()) {
      parts.push(embedded(data, data.train, image, { x: left + column * (side + gap), y, side, title: name }));
    }
  }
  const width = left + PER_CLASS * (side + gap) + 18;
  return picture(width, top + data.classes.length * (side + gap) + 18, `${data.name}: the classes`, parts);
}

/**
 * Random test images with their class and, where the network was wrong, its answer.
 *
 * @param answers `[test.count]` class indices
 */
export function sampleGrid(data: Dataset, answers: Uint8Array, seed: number): string {
  const [columns, rows, left, top, side, right, below] = [8, 3, 24, 76, 96, 14, 44];
  const parts = [
    text(24, 34, 'Random test images', { 'font-size': 18, 'font-weight': 600 }),
    text(24, 56, 'What they are and, in red, what they were taken for.', { fill: style.muted }),
  ];
  const images = randomImages(data.test, seed, data.classes.length).slice(0, columns * rows);
  for (const [index, image] of images.entries()) {
    const x = left + (index % columns) * (side + right);
    const y = top + Math.floor(index / columns) * (side + below);
    const name = data.classes[data.test.labels[image]!]!;
    const answer = data.classes[answers[image]!]!;
    const caption = { 'text-anchor': 'middle', 'font-size': 12 };
    parts.push(
      embedded(data, data.test, image, { x, y, side, title: name }),
      text(x + side / 2, y + side + 16, name, caption),
    );
    if (answer !== name) parts.push(text(x + side / 2, y + side + 32, answer, { ...caption, fill: style.wrong }));
  }
  const width = left * 2 + columns * (side + right) - right;
  return picture(width, top + rows * (side + below), `${data.name}: random test images and their answers`, parts);
}

function randomImages(split: Split, seed: number, stream: number): number[] {
  const indices = Int32Array.from({ length: split.count }, (_, index) => index);
  return [...random(seed, purpose.report, stream).shuffle(indices)];
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly side: number;
  readonly title: string;
}

/** The image itself, as PNG within the picture, each pixel a square. */
function embedded({ images: { size } }: Dataset, split: Split, image: number, { x, y, side, title }: Place): string {
  const [height, width, channels] = size;
  const png = encode({ data: slice(split, image, image + 1).images, width, height, channels });
  return element(
    'image',
    {
      x,
      y,
      width: side,
      height: side,
      style: 'image-rendering:pixelated',
      href: `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
    },
    `<title>${escapeXml(title)}</title>`,
  );
}
