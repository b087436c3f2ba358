import * as z from 'zod/mini';
import { fits } from '#images/fit-image.ts';
import { imageSizes } from '../data/dataset.ts';
import { viewNames } from '../data/views.ts';
import { activations } from '../nets/net.ts';
import { batchPreparations } from './batch-preparation.ts';
import { netNames } from './nets.ts';
import { precisions } from './precision.ts';
import { schedules } from './schedule.ts';

/** What `--help`, errors and docs/settings.md say of a setting. */
interface Description {
  /** One line, as a sentence. */
  readonly meaning: string;
  /** The values that it takes, to follow "Give". */
  readonly takes: string;
}

const descriptions = z.registry<Description>();

const share = { min: 0, max: 1 };
const epochs = { min: 0, max: 10_000 };

/**
 * Every setting of a recipe, in the order in which they are listed: its type, how it is read from the text of `--set`, its
 * range and its meaning.
 */
export const settingsSchema = z.object({
  net: choice('The network to train.', netNames),
  widths: filters('Filters of the three groups of the airbench net or of ResNet-9; other nets ignore it.'),
  activation: choice("The activation of every layer that has one; default is the net's own.", [
    'default',
    ...activations,
  ]),
  dropout: orDefault(
    "The share of values that each dropout layer sets to zero; default is the net's own. A net without such a layer gets one before " +
      'its last dense layer.',
    { min: 0, max: 0.95, zero: 'none' },
  ),
  batchNormalization: choice(
    "Whether convolutions are followed by batch normalization, in place of a bias; default is as in the net's own description.",
    ['default', 'on', 'off'],
  ),
  logitScale: orDefault("What the logits are multiplied by; default is the net's own factor, or 1.", {
    above: 0,
    max: 100,
  }),
  standardize: choice(
    'Whether the first layer subtracts the mean of the training images and divides by their deviation, channel by channel, or divides ' +
      'by 255 alone; default is as the net has it: off for the seed net, on for others.',
    ['default', 'on', 'off'],
  ),
  whitening: choice(
    'The first convolution of the airbench and tiny nets: frozen filters that whiten patches of the training images, or filters that ' +
      'are drawn and trained as all others; other nets ignore it.',
    ['on', 'off'],
  ),

  imageSize: oneOf('Pixels across and down that pictures are scaled to; named data sets have 32.', imageSizes),
  fit: choice('How a picture that is not square becomes one: its middle, on a grey ground, or out of shape.', fits),
  heldOut: number('Training images held out for validation and for fitting the temperature.', {
    min: 0,
    max: 1_000_000,
    isWhole: true,
  }),

  engine: choice('The runtime; auto is TensorFlow where it is installed, else WebAssembly.', [
    'auto',
    'tensorflow',
    'wasm',
  ]),
  // `auto`: bfloat16 where the processor or GPU multiplies it faster than float32, float16 on GPUs that do so with that alone.
  precision: choice('The type of activations; auto is the fastest one on the device. Weights stay float32.', [
    'auto',
    ...precisions,
  ]),
  filterGradient: choice(
    'How kernels of convolutions get their gradients: by one operation, or auto, by products of matrices where the kind of ' +
      'processor and the shape make that faster. The same processor gives the same weights.',
    ['convolution', 'auto'],
  ),
  convolutions: choice(
    'How convolutions are computed on a CPU in float32: directly, or by the method of Winograd where the shape makes that faster. ' +
      'Either rounds in its own way; the same choice gives the same weights.',
    ['direct', 'winograd'],
  ),
  epochs: number('Passes over the training images; the last one may be partial.', { above: 0, max: 10_000 }),
  budget: duration('The training time that the number of epochs is fitted to.'),
  batchSize: number('Images in a batch.', { min: 1, max: 8192, isWhole: true }),
  resolutions: resolutions(
    'Pixels across and down that training images are reduced to, from the start of the run to its end, each for an equal share of ' +
      'the steps. Smaller images are faster to train on; the last number is the whole size. Other sizes of images are reduced in ' +
      'the same proportions.',
  ),
  patience: number('Epochs without a better validation after which the run ends.', { ...epochs, zero: 'never' }),
  keep: choice('The weights to publish: of the last step, or of the epoch that validated best.', ['last', 'best']),
  batchPreparation: choice('Where batches are prepared; it affects speed only. auto is graph on a GPU, else inline.', [
    'auto',
    ...batchPreparations,
  ]),
  checkpointSeconds: number('The least number of seconds between two checkpoints.', { min: 0, max: 86_400 }),

  optimizer: choice(
    'The optimizer; muon trains the kernels of convolutions, and SGD the rest; adamw without decay is Adam.',
    ['sgd', 'adamw', 'muon'],
  ),
  learningRate: number('The highest learning rate of the run, for the mean loss of a batch.', { min: 0, max: 100 }),
  momentum: number('Momentum of SGD.', { min: 0, max: 0.9999 }),
  nesterov: yesOrNo('Whether SGD uses Nesterov momentum.'),
  muonLearningRate: number("Muon's highest learning rate: how far a step turns a kernel.", { min: 0, max: 10 }),
  muonMomentum: number('Momentum of Muon.', { min: 0, max: 0.9999 }),
  weightDecay: number('The share of a weight that a step subtracts, as a multiple of the learning rate.', {
    min: 0,
    max: 10,
  }),
  // Their decay per step stays the same.
  normLearningRate: number("The learning rate of batch normalization's weights, as a multiple of learningRate.", {
    min: 1e-3,
    max: 10_000,
  }),
  whiteningBiasEpochs: number('Epochs in which the bias of the whitening layer is trained; then it is frozen.', epochs),

  schedule: choice(
    'The learning rate over the run. triangle: up to its peak and down, in straight lines; cosine: the same, down along half a ' +
      'cosine; one-cycle: up to its peak, down again in the same time, and then from where it started to its end; step: lower after ' +
      'some share of the steps; plateau: lower when the held-out loss no longer falls.',
    schedules,
  ),
  startLearningRate: number(
    'Where triangle, cosine and one-cycle start, as a share of the highest learning rate.',
    share,
  ),
  peak: number('When triangle, cosine and one-cycle are at their highest, as a share of the steps.', {
    min: 0,
    max: 0.99,
  }),
  endLearningRate: number('Where triangle, cosine and one-cycle end, as a share of the highest learning rate.', share),
  floorLast: number('The last share of the steps in which triangle, cosine and one-cycle stay at their end.', {
    min: 0,
    max: 0.99,
  }),
  lowerAt: shares('When step lowers the learning rate, as shares of the steps.', '0.5,0.75'),
  lowerBy: number('What step and plateau multiply the learning rate by.', { above: 0, max: 1 }),
  lowerPatience: number('Epochs without a smaller held-out loss after which plateau lowers the learning rate.', {
    min: 1,
    max: 10_000,
    isWhole: true,
  }),

  labelSmoothing: number('The share of each label that is spread evenly over all classes.', { min: 0, max: 0.99 }),
  classWeights: choice(
    'What an image counts in the loss: as much as any other, or the more the rarer its class is. balanced: every class counts ' +
      'the same in all; sqrt: between the two.',
    ['none', 'balanced', 'sqrt'],
  ),

  lookahead: number('Steps between two updates of the slow average of the weights (Lookahead).', {
    ...epochs,
    isWhole: true,
    zero: 'none',
  }),
  lookaheadDecay: number('What the slow average keeps of itself in an update.', {
    min: 0,
    max: 0.9999,
    zero: 'a share that grows with the run, as in airbench',
  }),
  lookaheadLast: number('The last share of the steps in which there is a slow average.', { above: 0, max: 1 }),
  averageLast: number('The last share of the steps whose weights are averaged; the run ends on their average.', {
    ...share,
    zero: 'none',
  }),
  averageDecay: number('What the average keeps of itself in a step (EMA).', {
    min: 0,
    max: 0.99999,
    zero: 'the plain mean of all steps (SWA)',
  }),

  freeze: choice('What is never trained: none of it, or the body, which is all but the head.', ['none', 'body']),
  probeEpochs: number('Epochs at the start in which only the head is trained (a linear probe).', epochs),
  bodyLearningRate: number('The learning rates of the body, as a multiple of those of the head.', {
    above: 0,
    max: 100,
  }),

  flip: choice('Mirroring of training images: none, at random, or each one in every other epoch.', [
    'none',
    'random',
    'alternating',
  ]),
  verticalFlip: choice('Turning training images upside down, as a mirror below does: none, or at random.', [
    'none',
    'random',
  ]),
  translate: number('The most pixels that a training image is moved, across and down.', {
    min: 0,
    max: 16,
    isWhole: true,
  }),
  randomCrop: number(
    'The least share of a training image that is shown, scaled up to the whole: each time a share of the area up to 1, from a ' +
      'place and with an aspect (3:4 to 4:3) at random.',
    { ...share, zero: 'none' },
  ),
  zoom: numbers(
    'The most by which a training image is made smaller and larger at random, as a share of its size.',
    [
      { name: 'smaller', max: 0.5 },
      { name: 'larger', max: 1 },
    ],
    '0.1,0.1',
  ),
  rotate: number('The most by which a training image is rotated at random, in degrees, either way.', {
    min: 0,
    max: 180,
    zero: 'none',
  }),
  randAugment: numbers(
    'RandAugment: how many operations at random change a training image (rotate, shear, move, brightness, contrast, ' +
      'saturation), and how strongly.',
    [
      { name: 'operations', max: 4, isWhole: true },
      { name: 'magnitude', max: 30 },
    ],
    '2,9',
  ),
  colorJitter: numbers(
    'The most by which the colors of a training image are changed at random.',
    [
      { name: 'brightness', max: 1 },
      { name: 'contrast', max: 1 },
      { name: 'saturation', max: 1 },
      { name: 'hue', max: 0.5 },
    ],
    '0.4,0.4,0.4,0.1',
  ),
  cutout: number('The side of a square that is cut out of each training image, as a share of its shorter side.', {
    ...share,
    zero: 'none',
  }),

  views: choice(
    'Test-time augmentation where a sweep measures a run: the answer to an image alone, the mean over it and its mirror image, or ' +
      'the mean over both and each of them moved by a pixel, in two directions.',
    viewNames,
  ),
});

type SettingName = keyof typeof settingsSchema.shape;

export const settingNames = Object.keys(settingsSchema.shape) as SettingName[];

/** Headings of the lists of settings, each with the first setting below it. */
const headings: Readonly<Partial<Record<SettingName, string>>> = {
  net: 'Network',
  imageSize: 'Images',
  engine: 'Run',
  optimizer: 'Optimizer',
  schedule: 'Learning rate over the run',
  labelSmoothing: 'Loss',
  lookahead: 'Averages of the weights',
  freeze: 'Training from a model',
  flip: 'Changes of training images',
  views: 'Measuring',
};

interface SettingGroup {
  readonly heading: string;
  readonly names: SettingName[];
}

/** All settings, in order, under their headings. */
export function settingGroups(): readonly SettingGroup[] {
  const groups: SettingGroup[] = [];
  for (const name of settingNames) {
    const heading = headings[name];
    if (heading !== undefined) groups.push({ heading, names: [] });
    groups.at(-1)!.names.push(name);
  }
  return groups;
}

export function descriptionOf(name: SettingName): Description {
  return descriptions.get(settingsSchema.shape[name])!;
}

function choice<const Value extends string>(meaning: string, values: readonly Value[]) {
  return z.enum(values).register(descriptions, { meaning, takes: listOf(values) });
}

function oneOf<const Value extends number>(meaning: string, values: readonly Value[]) {
  return z
    .codec(z.string(), z.literal(values), { decode: (text) => Number(text) as Value, encode: String })
    .register(descriptions, { meaning, takes: listOf(values.map(String)) });
}

interface Range {
  readonly min?: number;
  /** Instead of `min`: the value is more than this. */
  readonly above?: number;
  readonly max: number;
  /** @default false */
  readonly isWhole?: boolean;
  /** What 0 means, where that is special. */
  readonly zero?: string;
}

function number(meaning: string, range: Range) {
  const { schema, takes } = ranged(range);
  return z
    .codec(z.string().check(z.regex(/\S/)), schema, { decode: Number, encode: String })
    .register(descriptions, { meaning, takes });
}

function ranged({ min = 0, above, max, isWhole = false, zero }: Range) {
  const least = above === undefined ? z.minimum(min) : z.gt(above);
  const takes =
    `a ${isWhole ? 'whole ' : ''}number ` +
    (above === undefined ? `from ${min} to ${max}` : `above ${above}, up to ${max}`) +
    (zero === undefined ? '' : `; 0 for ${zero}`);
  return { schema: (isWhole ? z.int() : z.number()).check(least, z.maximum(max)), takes };
}

function yesOrNo(meaning: string) {
  return z
    .codec(z.enum(['true', 'false']), z.boolean(), {
      decode: (text) => text === 'true',
      encode: (value) => (value ? 'true' : 'false'),
    })
    .register(descriptions, { meaning, takes: 'true or false' });
}

interface Part {
  readonly name: string;
  /** The least is 0. */
  readonly max: number;
  /** @default false */
  readonly isWhole?: boolean;
}

/** Several numbers that belong together, of which 0 leaves all as it is. */
function numbers<const Parts extends readonly Part[]>(meaning: string, parts: Parts, example: string) {
  const within = (values: readonly number[]) =>
    values.length === parts.length &&
    parts.every(({ max, isWhole }, index) => {
      const value = values[index]!;
      return value >= 0 && value <= max && (!isWhole || Number.isInteger(value));
    });
  type Values = { readonly [Index in keyof Parts]: number };
  const ranges = parts.map(({ name, max, isWhole }) => `${name} (${isWhole ? 'a whole number ' : ''}0 to ${max})`);
  return z
    .codec(
      z.string().check(z.regex(/^[^,\s]+(,[^,\s]+)*$/)),
      z.custom<Values>((values) => within(values as number[])),
      {
        decode: (text) => text.split(',').map(Number) as unknown as Values,
        encode: (values) => values.join(','),
      },
    )
    .register(descriptions, {
      meaning,
      takes: `${listOf(ranges).replace(/ or /, ' and ')}, such as ${example}; zeros for none`,
    });
}

/** A number, or what the net has of itself. */
function orDefault(meaning: string, range: Range) {
  const { schema, takes } = ranged(range);
  return z
    .codec(z.string().check(z.regex(/\S/)), z.union([z.literal('default'), schema]), {
      decode: (text) => (text === 'default' ? text : Number(text)),
      encode: String,
    })
    .register(descriptions, { meaning, takes: `default, or ${takes}` });
}

/** Shares of a run, the earlier ones first. */
function shares(meaning: string, example: string) {
  const isOrdered = (values: readonly number[]) =>
    values.every((value, index) => value > (values[index - 1] ?? 0) && value < 1);
  return z
    .codec(
      z.string().check(z.regex(/^[^,\s]+(,[^,\s]+)*$/)),
      z.custom<readonly number[]>((values) => isOrdered(values as number[])),
      { decode: (text) => text.split(',').map(Number), encode: (values) => values.join(',') },
    )
    .register(descriptions, { meaning, takes: `rising numbers above 0 and below 1, such as ${example}` });
}

function filters(meaning: string) {
  const width = z.int().check(z.minimum(1), z.maximum(2048));
  return z
    .codec(z.string(), z.readonly(z.tuple([width, width, width])), {
      decode: (text) => text.split(/[,/]/).map(Number) as [number, number, number],
      encode: (widths) => widths.join(','),
    })
    .register(descriptions, { meaning, takes: 'three whole numbers from 1 to 2048, such as 32,64,64' });
}

/** `whole`, or sizes that grow to one that images have. */
function resolutions(meaning: string) {
  const sides = z.readonly(z.array(z.int().check(z.minimum(8), z.maximum(128))).check(z.minLength(1), z.maxLength(64)));
  const growing = sides.check(
    z.refine((values) => values.every((value, index) => index === 0 || value >= values[index - 1]!)),
    z.refine((values) => (imageSizes as readonly number[]).includes(values.at(-1)!)),
  );
  return z
    .codec(z.string(), z.union([z.literal('whole'), growing]), {
      decode: (text) => (text === 'whole' ? text : text.split(',').map(Number)),
      encode: String,
    })
    .register(descriptions, {
      meaning,
      takes:
        `whole, or whole numbers from 8 that do not fall and end with ${listOf(imageSizes.map(String))}, such as 24,28,32 ` +
        'or 24,24,28,32',
    });
}

/** In seconds. */
function duration(meaning: string) {
  const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
  return z
    .codec(z.string(), z.number().check(z.minimum(0), z.maximum(604_800)), {
      decode: (text) => {
        const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text) ?? [];
        return Number(digits) * secondsIn[unit]!;
      },
      encode: String,
    })
    .register(descriptions, {
      meaning,
      takes: 'seconds, or a time such as 90s, 5m or 1.5h, up to a week; 0 for none',
    });
}

/** `one, two or three` */
function listOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
