import { encode } from 'fast-png';
import { percent } from '#models/percent.ts';
import { transformsOfEpoch, writeTransformed } from '../../data/augment.ts';
import type { Augmentation } from '../../data/augmentation.ts';
import { type Dataset, type Split, slice } from '../../data/dataset.ts';
import type { Labels } from '../../data/labels.ts';
import type { Mistake } from '../../evaluation/measure.ts';
import type { NamedTensor } from '../../nets/named-tensor.ts';
import type { Net } from '../../nets/net.ts';
import { purpose, random } from '../../random/random.ts';
import { element, escapeXml, fitted, heading, picture, style, text, WIDTH } from './svg.ts';

const PER_CLASS = 10;
/** More would make pages of many megabytes. */
const MOST_CLASSES = 100;
const TOP = 66;

/** Random training images of each class. */
export function classGrid(data: Dataset, seed: number): string {
  const [left, side, gap] = [92, 30, 4];
  const classes = data.classes.slice(0, MOST_CLASSES);
  const which = classes.length < data.classes.length ? `, of the first ${MOST_CLASSES} classes` : '';
  const parts = [heading('The classes', `${PER_CLASS} random training images of each${which}.`)];
  for (const [label, name] of classes.entries()) {
    const y = TOP + label * (side + gap);
    parts.push(text(left - 10, y + side / 2 + 4, fitted(name, 14), { 'text-anchor': 'end' }));
    const images = randomImages(data.train, seed, label).filter((image) => data.train.labels[image] === label);
    for (const [column, image] of images.slice(0, PER_CLASS).entries()) {
      parts.push(stored(data, data.train, image, { x: left + column * (side + gap), y, side, title: name }));
    }
  }
  return picture(TOP + classes.length * (side + gap) + 12, `${data.title}: the classes`, parts);
}

interface Tile {
  /** Index in the split. */
  readonly image: number;
  /** Class indices. */
  readonly label: number;
  readonly answer: number;
  /** @default nothing */
  readonly note?: string;
}

const RANDOM_IMAGES = 24;

/**
 * Random test images with their class and, where the network was wrong, its answer.
 *
 * @param answers `[test.count]` class indices
 */
export function sampleGrid(data: Dataset, answers: Labels, seed: number): string {
  const tiles = randomImages(data.test, seed, data.classes.length)
    .slice(0, RANDOM_IMAGES)
    .map((image) => ({ image, label: data.test.labels[image]!, answer: answers[image]! }));
  return tileGrid(data, tiles, 'Random test images', 'The true class and, in red, a wrong prediction.');
}

/** The most confident mistakes. @param mistakes of test images, the worst first */
export function mistakeGrid(data: Dataset, mistakes: readonly Mistake[]): string {
  const tiles = mistakes.map(({ image, label, answer, confidence }) => {
    return { image, label, answer, note: percent(confidence, { digits: 1 }) };
  });
  return tileGrid(
    data,
    tiles,
    'The worst mistakes',
    'The true class and, in red, the prediction with its probability.',
  );
}

function tileGrid(data: Dataset, tiles: readonly Tile[], title: string, explanation: string): string {
  const [columns, left, side, gap] = [6, 16, 58, 12];
  const below = tiles.some(({ note }) => note !== undefined) ? 50 : 38;
  const caption = { 'text-anchor': 'middle', 'font-size': 10.5 };
  const parts = [heading(title, explanation)];
  for (const [index, { image, label, answer, note }] of tiles.entries()) {
    const x = left + (index % columns) * (side + gap);
    const y = TOP + Math.floor(index / columns) * (side + below);
    const name = data.classes[label]!;
    const lines = [
      { words: name, fill: style.ink },
      ...(answer === label ? [] : [{ words: data.classes[answer]!, fill: style.wrong }]),
      ...(note === undefined ? [] : [{ words: note, fill: style.muted }]),
    ];
    parts.push(
      stored(data, data.test, image, { x, y, side, title: `${name}, test image ${image}` }),
      ...lines.map(({ words, fill }, line) =>
        text(x + side / 2, y + side + 13 + 12 * line, fitted(words, 13), { ...caption, fill }),
      ),
    );
  }
  const rows = Math.ceil(tiles.length / columns);
  return picture(TOP + rows * (side + below), `${data.title}: ${title}`, parts);
}

/** Training images as the network sees them in the first epochs. @param train the split that is trained on */
export function augmentationGrid(data: Dataset, train: Split, augmentation: Augmentation, seed: number): string {
  const [rows, epochs, left, side, gap] = [6, 7, 16, 44, 6];
  const { size } = data.images;
  const parts = [heading('Augmentation', 'Training images, and their augmented versions in the first epochs.')];
  for (const [row, image] of randomImages(train, seed, data.classes.length).slice(0, rows).entries()) {
    const y = TOP + row * (side + gap);
    const title = data.classes[train.labels[image]!]!;
    parts.push(stored(data, train, image, { x: left, y, side, title }));
    for (let epoch = 0; epoch < epochs; epoch++) {
      const view = transformsOfEpoch(augmentation, { split: train, imageSize: data.images.size, seed, epoch })(image);
      const pixels = new Uint8Array(size[0] * size[1] * size[2]);
      writeTransformed(train.images, image * pixels.length, pixels, 0, size, view);
      const x = left + 14 + (epoch + 1) * (side + gap);
      parts.push(embedded(pixels, size, { x, y, side, title: `${title}, epoch ${epoch + 1}` }));
    }
  }
  return picture(TOP + rows * (side + gap) + 10, `${data.title}: augmented images`, parts);
}

const MOST_FILTERS = 96;

/**
 * The kernels of the first convolution as colors: grey is zero, and each filter is scaled to full range.
 *
 * @returns `undefined` where the first layer with weights is not a convolution of three channels
 */
export function filterGrid(net: Net, weights: readonly NamedTensor[]): string | undefined {
  const layer = net.layers.find(({ kind }) => kind === 'convolution' || kind === 'dense');
  const kernel = weights.find(({ name }) => name === `${layer?.name}/kernel`);
  const channels = net.input[2];
  if (layer?.kind !== 'convolution' || kernel === undefined || channels !== 3) return undefined;
  const [columns, left, gap] = [12, 16, 6];
  const side = (WIDTH - 2 * left + gap) / columns - gap;
  const shown = Math.min(MOST_FILTERS, layer.filters);
  const frozen = layer.init === 'whitening' ? ', the principal components of image patches' : '';
  const parts = [
    heading('First filters', `${layer.filters} of ${layer.kernel}x${layer.kernel} pixels${frozen}.`),
    ...Array.from({ length: shown }, (_, filter) => {
      const values = kernel.data.filter((_, at) => at % layer.filters === filter); // [k, k, 3]
      const largest = Math.max(1e-12, ...values.map(Math.abs));
      const pixels = Uint8Array.from(values, (value) => Math.round(127.5 + (127.5 * value) / largest));
      const x = left + (filter % columns) * (side + gap);
      const y = TOP + Math.floor(filter / columns) * (side + gap);
      return embedded(pixels, [layer.kernel, layer.kernel, 3], { x, y, side, title: `filter ${filter}` });
    }),
  ];
  return picture(TOP + Math.ceil(shown / columns) * (side + gap) + 10, 'Filters of the first layer', parts);
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

function stored({ images: { size } }: Dataset, split: Split, image: number, place: Place): string {
  return embedded(slice(split, image, image + 1).images, size, place);
}

/** An image as PNG within the picture, drawn without smoothing. @param pixels `[H, W, C]` */
export function embedded(
  pixels: Uint8Array,
  [height, width, channels]: readonly [number, number, number],
  { x, y, side, title }: Place,
): string {
  const png = encode({ data: pixels, width, height, channels });
  return element(
    'image',
    {
      ...{ x, y, width: side, height: side, style: 'image-rendering:pixelated' },
      href: `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
    },
    `<title>${escapeXml(title)}</title>`,
  );
}
