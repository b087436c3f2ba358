import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { sourceCommit } from '#environment/source-commit.ts';
import type { Card } from '#models/card.ts';
import type { Golden } from '#models/golden.ts';
import { encodeJson } from '#models/json.ts';
import { renderReadme } from '#models/readme.ts';
import { type Dataset, type Split, slice } from '../data/dataset.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import type { ExplainedMistake } from '../evaluation/explain-mistakes.ts';
import { probabilities } from '../evaluation/temperature.ts';
import { encodeKeras } from '../export/keras.ts';
import { exportLayersModel } from '../export/layers-model/export.ts';
import type { TrainedNet } from '../export/trained-net.ts';
import { encodeWeights, weightsFile } from '../export/weights.ts';
import { countParameters } from '../nets/layer-table.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import type { Net } from '../nets/net.ts';
import type { ResolvedRecipe } from '../recipe/settings.ts';
import { storedSettings } from '../recipe/stored-settings.ts';
import type { HistoryRow } from '../record/history.ts';
import { reportFiles } from '../record/report/report.ts';

/**
 * How far the probabilities of another runtime may be from training's. Kernels that sum in another order differ by 1e-6,
 * measured on WebAssembly; a GPU convolves in TensorFloat-32, which keeps ten bits.
 */
const GOLDEN_TOLERANCE = { CPU: 1e-4, GPU: 1e-2 } as const;
const GOLDEN_IMAGES = 20;
/** Probabilities are calibrated: below one half the answer is more likely wrong than right. */
const UNCERTAIN_BELOW = 0.5;

/** All that is known of a trained network. */
export interface Trained {
  readonly net: Net;
  readonly weights: readonly NamedTensor[];
  readonly recipe: ResolvedRecipe;
  readonly seed: number;
  /** Whose weights the training began with; undefined if they were drawn. */
  readonly parent: Card['parent'];
  readonly run: string;
  readonly data: Dataset;
  readonly temperature: number;
  readonly unfamiliar: Card['unfamiliar'];
  /** On the test images, at that temperature. */
  readonly evaluation: Evaluation & { readonly tta: number };
  /** Some of its worst mistakes, for the report. */
  readonly explained: readonly ExplainedMistake[];
  readonly history: readonly HistoryRow[];
  /** The time of the last step. */
  readonly trainedAt: string;
  readonly trainingSeconds: number;
  readonly wallSeconds: number;
  /** Epochs trained; the weights may be of an earlier one. */
  readonly epochs: number;
  readonly imageSteps: Card['imageSteps'];
  readonly kept: Card['kept'];
  /** `Engine.description`. */
  readonly engine: string;
}

interface Files {
  /** The version's files, by path. */
  readonly version: Map<string, Uint8Array>;
  /** The run's files: the report, its pictures and the history. */
  readonly run: Map<string, Uint8Array>;
}

/** The files that are stored of a trained network. The same network gives the same files. */
export async function describeTrained(trained: Trained): Promise<Files> {
  const card = await cardOf(trained);
  const { modelJson, weightsBin } = exportLayersModel(trained.net, trained.weights);
  const network = networkOf(trained);
  const run = reportFiles({ card, settings: trained.recipe.settings, ...trained });
  const version = new Map([
    ['model.json', modelJson],
    ['weights.bin', weightsBin],
    ['model.h5', encodeKeras(network)],
    [weightsFile, encodeWeights(network)],
    ['card.json', encodeJson(card)],
    ['golden.json', encodeJson(goldenOf(trained))],
    ['README.md', Buffer.from(renderReadme({ ...card, recipe: trained.recipe }))], // With the settings' current names.
    ['report.html', run.get('report.html')!],
    // The endpoint's page shows it. There is none of more than a thousand classes.
    ...[...run].filter(([path]) => path === 'report/confusion.svg'),
  ]);
  return { version, run };
}

function networkOf({ net, weights, data, temperature, recipe }: Trained): TrainedNet {
  const { name, settings } = recipe;
  return { net, weights, classes: data.classes, temperature, recipe: { name, settings: storedSettings(settings) } };
}

async function cardOf(trained: Trained): Promise<Card> {
  const { net, recipe, data, evaluation } = trained;
  const [height, width, channels] = net.input;
  const { fit } = recipe.settings;
  return {
    name: data.name,
    createdAt: trained.trainedAt,
    classes: [...data.classes],
    input: { height, width, channels, range: [0, 255], ...(fit !== 'crop' && { fit }) },
    temperature: trained.temperature,
    uncertainBelow: UNCERTAIN_BELOW,
    ...(trained.unfamiliar && { unfamiliar: trained.unfamiliar }),
    accuracy: {
      plain: evaluation.plain,
      tta: evaluation.tta,
      images: evaluation.images,
      interval95: [...evaluation.interval95],
      perClass: Object.fromEntries(data.classes.map((name, label) => [name, evaluation.perClass[label]!])),
      ...(evaluation.top.k === 5 && { top5: evaluation.top.accuracy }),
      macro: evaluation.macro,
      weighted: evaluation.weighted,
      ...(evaluation.ranking && { macroAuc: evaluation.ranking.macro.auc }),
    },
    loss: evaluation.loss,
    calibration: { before: evaluation.calibration.before.error, after: evaluation.calibration.after.error },
    data: { name: data.title, sha256: { ...data.sha256 }, heldOut: recipe.settings.heldOut },
    recipe: { name: recipe.name, settings: storedSettings(recipe.settings) },
    seed: trained.seed,
    ...(trained.parent && { parent: trained.parent }),
    epochs: trained.epochs,
    ...(trained.imageSteps !== undefined && { imageSteps: trained.imageSteps }),
    kept: trained.kept,
    trainingSeconds: trained.trainingSeconds,
    wallSeconds: trained.wallSeconds,
    parameters: countParameters(net),
    engine: trained.engine,
    commit: await sourceCommit(),
    host: await describeHost(trained.engine),
    run: trained.run,
    license: 'Apache-2.0',
    intendedUse:
      `Telling ${data.classes.length} kinds of things apart on small pictures (${width}x${height} pixels), to learn ` +
      'how an image classifier is trained, stored and served.',
    limits:
      `It knows nothing but ${classesIn(data)}, and gives one of them for any picture. It was trained and ` +
      `measured on ${data.title} alone: photographs that are cropped, lit or scaled otherwise are answered less well. ` +
      'Not for decisions about people or safety.',
  };
}

/** The classes by their names, or of very many the number. */
function classesIn({ classes }: Dataset): string {
  return classes.length > 20 ? `its ${classes.length} classes` : classes.join(', ');
}

/** The first test images of each class, or of 20 classes, with the probabilities that training computed for them. */
function goldenOf({ data, evaluation, temperature, engine }: Trained): Golden {
  const classes = data.classes.length;
  return {
    tolerance: GOLDEN_TOLERANCE[deviceOf(engine)],
    images: goldenImages(data.test, classes).map((image) => {
      const logits = evaluation.logits.subarray(image * classes, (image + 1) * classes);
      return {
        pixels: Buffer.from(slice(data.test, image, image + 1).images).toString('base64'),
        label: data.classes[data.test.labels[image]!]!,
        probabilities: [...probabilities(logits, classes, temperature)],
      };
    }),
  };
}

/** Indices of at least 20 test images, if there are as many: the same number of each class, or one each of 20 classes. */
function goldenImages({ labels }: Split, classes: number): number[] {
  const ofEach = Math.ceil(GOLDEN_IMAGES / classes);
  const most = classes > GOLDEN_IMAGES ? GOLDEN_IMAGES : ofEach * classes;
  const taken = new Array<number>(classes).fill(0);
  const chosen: number[] = [];
  for (const [image, label] of labels.entries()) {
    if (chosen.length === most) break;
    if (taken[label]! >= ofEach) continue;
    taken[label]!++;
    chosen.push(image);
  }
  return chosen;
}

/** The machine that trains. @param engine `Engine.description` */
export async function describeHost(engine: string): Promise<Card['host']> {
  const [cpu] = cpus();
  const host = { cpu: cpu?.model.trim() || 'unknown', cores: cpus().length, memory: totalmem() };
  if (deviceOf(engine) === 'CPU') return host;
  const gpu = await outputOf('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader']);
  return gpu === null ? host : { ...host, gpu };
}

/** Read from an engine's description. */
function deviceOf(engine: string): 'CPU' | 'GPU' {
  return engine.includes('GPU') ? 'GPU' : 'CPU';
}

/** A program's output without the last newline; null if the program is missing or fails. */
async function outputOf(program: string, options: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(program, options, { cwd: import.meta.dirname });
    return stdout.trim();
  } catch {
    return null;
  }
}
