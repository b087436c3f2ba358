import { decode } from 'fast-png';
import { beforeAll, describe, expect, test } from 'vitest';
import { percent } from '#models/percent.ts';
import { batches } from '../../data/batches.ts';
import type { Dataset, Split } from '../../data/dataset.ts';
import { holdOut } from '../../data/hold-out.ts';
import { smallDataset } from '../../data/small-dataset.fixture.ts';
import { calibration } from '../../evaluation/calibration.ts';
import { reportEvaluation } from '../../evaluation/evaluation-report.ts';
import { explainMistakes } from '../../evaluation/explain-mistakes.ts';
import { interval95, measure } from '../../evaluation/measure.ts';
import { airbenchNet } from '../../nets/airbench.ts';
import { initializeWeights } from '../../nets/initialize.ts';
import { countWeights, layerTable } from '../../nets/layer-table.ts';
import type { Net } from '../../nets/net.ts';
import { random } from '../../random/random.ts';
import { netOf, recipes } from '../../recipe/recipes.ts';
import type { HistoryRow } from '../history.ts';
import { attentionGrid } from './attention.ts';
import { classTable } from './class-table.ts';
import { confusionList, confusionMatrix } from './confusion.ts';
import { accuracyCurve, learningRateCurve, lossCurve } from './curves.ts';
import { evaluationReport } from './evaluation-report.ts';
import { renderPage } from './page.ts';
import { area } from './panel.ts';
import { augmentationGrid, classGrid, filterGrid, mistakeGrid, sampleGrid } from './pictures.ts';
import { operatingPoints, precisionRecallCurves, rocCurves } from './ranking-curves.ts';
import { reliabilityDiagram } from './reliability.ts';
import { palettes, standalone, style } from './svg.ts';

let data: Dataset;
beforeAll(async () => {
  data = await smallDataset(1_000, 100);
}, 300_000);

const row = (step: number, validated: boolean): HistoryRow => ({
  step,
  epoch: step / 10,
  loss: 2.3 / step,
  learningRate: 0.1,
  validation: validated ? { accuracy: 1 - 1 / step, loss: 2 / step } : null,
  trainingSeconds: step,
});

/** The pictures within a picture, in order, with their titles. */
function imagesIn(svg: string): { readonly title: string; readonly pixels: Uint8Array }[] {
  return [...svg.matchAll(/href="data:image\/png;base64,([^"]+)"><title>([^<]*)</g)].map(([, png, title]) => ({
    title: title!,
    pixels: Uint8Array.from(decode(Buffer.from(png!, 'base64')).data),
  }));
}

describe('the grid of classes', () => {
  test('shows ten images of each class, unchanged, and other ones for another seed', () => {
    const shown = imagesIn(classGrid(data, 1));
    expect(shown).toHaveLength(100);
    expect(shown.map(({ title }) => title)).toEqual(data.classes.flatMap((name) => new Array(10).fill(name)));
    // Every one is among the training images, under its own class.
    const known = new Map<string, number>();
    for (let image = 0; image < data.train.count; image++) {
      known.set(data.train.images.subarray(image * 3072, (image + 1) * 3072).join(), data.train.labels[image]!);
    }
    for (const { title, pixels } of shown) expect(data.classes[known.get(pixels.join())!]).toBe(title);
    expect(classGrid(data, 1)).toBe(classGrid(data, 1));
    expect(classGrid(data, 2)).not.toBe(classGrid(data, 1));
  });
});

describe('the random test images', () => {
  test('are 24, with the answer beside those that were taken for another', () => {
    const right = sampleGrid(data, Uint8Array.from(data.test.labels), 1);
    expect(imagesIn(right)).toHaveLength(24);
    expect(right).not.toContain(style.wrong);
    const wrong = sampleGrid(
      data,
      Uint8Array.from(data.test.labels, (label) => (label + 1) % 10),
      1,
    );
    expect(wrong.split(style.wrong).slice(1)).toHaveLength(24);
  });
});

describe('the confusion matrix', () => {
  test('has every count in its place, and names that need escaping do no harm', () => {
    const svg = confusionMatrix(
      ['<cat>', 'dog'],
      [
        [7, 3],
        [0, 5],
      ],
    )!;
    expect(svg).toContain('&lt;cat&gt;');
    expect(svg).not.toContain('<cat>');
    expect([...svg.matchAll(/>(\d+)<\/text>/g)].map(([, count]) => count)).toEqual(['7', '3', '5']);
    expect(svg).toContain('70.0 %');
  });

  test('of a hundred classes has all names, every count, and confused classes side by side', () => {
    // GIVEN classes of which each is taken for the one fifty places on, and for no other
    const classes = Array.from({ length: 100 }, (_, label) => `class ${label}`);
    const twin = (label: number) => (label + 50) % 100;
    const counts = classes.map((_, label) =>
      classes.map((_, answer) => (answer === label ? 9 : answer === twin(label) ? 1 : 0)),
    );
    const svg = confusionMatrix(classes, counts)!;
    expect([...svg.matchAll(/answered with class \d+: (\d+)</g)].map(([, count]) => count).sort()).toEqual([
      ...new Array(100).fill('1'),
      ...new Array(100).fill('9'),
    ]);
    const names = [...svg.matchAll(/text-anchor="end"[^>]*>class (\d+)</g)].map(([, label]) => Number(label));
    expect([...names].sort((a, b) => a - b)).toEqual([...classes.keys()]);
    const places = names.map((label) => Math.abs(names.indexOf(label) - names.indexOf(twin(label))));
    expect(places.every((distance) => distance === 1)).toBe(true);
    expect(svg.length).toBeLessThan(200_000);
  });

  test('is left out for more than a thousand classes, whose list of confusions remains', () => {
    const classes = Array.from({ length: 1_001 }, (_, label) => `class ${label}`);
    expect(confusionMatrix(classes, [])).toBeUndefined();
    const list = confusionList(classes, [{ label: 1000, answer: 3, images: 4 }], new Array(1_001).fill(8))!;
    expect(list).toContain('class 1000 as class 3');
    expect(list).toContain('4 (50.0 %)');
  });
});

describe('the worst mistakes', () => {
  test('are shown with what they are, what they were taken for, and with how much', () => {
    const svg = mistakeGrid(data, [{ image: 3, label: 0, answer: 1, confidence: 0.987, forLabel: 0.001 }]);
    const [shown, ...others] = imagesIn(svg);
    expect(others).toEqual([]);
    expect(shown!.pixels).toEqual(Uint8Array.from(data.test.images.subarray(3 * 3072, 4 * 3072)));
    for (const words of [data.classes[0], data.classes[1], '98.7 %']) expect(svg).toContain(`>${words}</text>`);
  });
});

describe('the augmentation', () => {
  test('shows images beside the views that are trained on', () => {
    const { train } = holdOut(data, 100);
    const shown = imagesIn(augmentationGrid(data, train, { flip: 'alternating', translate: 2 }, 5));
    expect(shown).toHaveLength(6 * 8);
    const images = new Set(Array.from({ length: train.count }, (_, image) => imageOf(train, image).join()));
    const batch = [...batches(train, { ...epoch0, size: train.count })][0]!;
    const seen = new Set(Array.from({ length: train.count }, (_, image) => imageOf(batch, image).join()));
    for (const row of [0, 1, 2, 3, 4, 5]) {
      expect(images.has(shown[8 * row]!.pixels.join())).toBe(true);
      expect(seen.has(shown[8 * row + 1]!.pixels.join())).toBe(true);
    }
  });
});

const epoch0 = {
  imageSize: [32, 32, 3],
  seed: 5,
  epoch: 0,
  augmentation: { flip: 'alternating', translate: 2 },
} as const;
const imageOf = ({ images }: { readonly images: Uint8Array }, image: number) =>
  images.subarray(image * 3072, (image + 1) * 3072);

describe('the first filters', () => {
  test('are each as bright as they can be, grey where they are zero', () => {
    const net = airbenchNet([8, 8, 8]);
    const weights = initializeWeights(net, { seed: 1, images: data.train.images });
    const shown = imagesIn(filterGrid(net, weights)!);
    expect(shown).toHaveLength(24);
    for (const [filter, { pixels }] of shown.entries()) {
      expect(pixels).toHaveLength(2 * 2 * 3);
      // Each whitening filter has its negative twelve places on.
      const opposite = shown[(filter + 12) % 24]!.pixels;
      for (const [at, value] of pixels.entries()) expect(value + opposite[at]!).toBeCloseTo(255, -0.5);
      expect([0, 255]).toContain([...pixels].sort((a, b) => Math.abs(b - 127.5) - Math.abs(a - 127.5))[0]);
    }
  });

  test('are left out where the first layer sees no colours', () => {
    const net: Net = { ...airbenchNet([8, 8, 8]), input: [32, 32, 1] };
    expect(filterGrid(net, [])).toBeUndefined();
  });
});

describe.each([2, 3, 12, 100])('the curves of %i classes', (count) => {
  const classes = Array.from({ length: count }, (_, label) => `class ${label}`);
  const draw = random(count);
  const labels = Uint8Array.from({ length: 10 * count }, (_, image) => image % count);
  const logits = Float32Array.from({ length: labels.length * count }, (_, at) => {
    return draw.normal() + (at % count === labels[Math.floor(at / count)] ? 1 + (at % count) / count : 0);
  });
  const { ranking, figures, macro, weighted } = measure(logits, labels, { classes: count });
  const operating = operatingPoints(figures);

  test('stay within the picture, and name the classes that one looks for', () => {
    const pictures = [
      rocCurves(classes, ranking!, operating?.roc),
      precisionRecallCurves(classes, ranking!, operating?.precisionRecall),
    ];
    for (const svg of pictures) {
      const points = [...svg.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)];
      const [across, down] = [1, 2].map((part) => points.map((point) => Number(point[part]))) as [number[], number[]];
      expect(points.length).toBeGreaterThan(100);
      expect([Math.min(...across), Math.max(...across)]).toEqual([area.left, area.left + area.width]);
      expect(Math.min(...down)).toBeGreaterThanOrEqual(area.top);
      expect(Math.max(...down)).toBeLessThanOrEqual(area.top + 300);
      const named = [...svg.matchAll(/>(class \d+) \d\.\d{3}</g)];
      expect(named).toHaveLength(count === 2 ? 1 : Math.min(count, count > 12 ? 8 : 12));
      expect(svg.includes('macro')).toBe(count > 2);
      expect(svg.includes('the answers')).toBe(count === 2);
      expect(svg).not.toMatch(/NaN|undefined/);
      expect(svg.length).toBeLessThan(200_000);
    }
  });

  test('have a table with a row for each class, and a sentence that ten images say little', () => {
    const { head, rows, foot, note } = classTable(classes, { figures, macro, weighted, ranking: ranking! });
    for (const row of [...rows, ...foot]) expect(row).toHaveLength(head.length);
    expect(rows.map(([name]) => name).sort()).toEqual([...classes].sort());
    expect(note).toContain('With 10 test images');
    const shares = rows.map((row) => Number.parseFloat(row[5]!));
    if (count > 24) expect(shares).toEqual([...shares].sort((a, b) => a - b));
    else expect(rows.map(([name]) => name)).toEqual(classes);
  });
});

test('what the network looks at is light, for the wrong answer and for the correct class', () => {
  // GIVEN a network that answers by the left half of an image, and knows better by the right half: by what is not of mean brightness
  const halves = (images: Uint8Array) =>
    Float32Array.from({ length: (images.length / 3072) * 10 }, (_, at) => {
      const from = Math.floor(at / 10) * 3072;
      const contrast = (x: number) => {
        let sum = 0;
        for (let y = 0; y < 32; y++)
          for (let dx = 0; dx < 16; dx++) sum += Math.abs(images[from + (y * 32 + x + dx) * 3]! - 200);
        return sum / 512 / 10;
      };
      return at % 10 === 0 ? 2 * contrast(0) : at % 10 === 1 ? contrast(16) : 0;
    });
  const images = Uint8Array.from({ length: 3072 }, (_, at) => (Math.floor(at / 3) % 32 < 16 ? 220 : 180));
  const test = { count: 1, images, labels: Uint8Array.of(1) };
  const options = { imageSize: [32, 32, 3], classes: 10, temperature: 1, most: 3 } as const;

  const explained = explainMistakes(halves, test, halves(images), options);

  expect(explained).toMatchObject([{ image: 0, label: 1, answer: 0 }]);
  const [{ pixels: image }, { pixels: wrong }, { pixels: correct }] = imagesIn(
    attentionGrid({ ...data, test }, explained)!,
  ) as [Shown, Shown, Shown];
  expect(image).toEqual(images);
  const [left, right] = [(16 * 32 + 4) * 3, (16 * 32 + 27) * 3];
  expect(wrong[left]! / image[left]!).toBeGreaterThan(wrong[right]! / image[right]!);
  expect(correct[right]! / image[right]!).toBeGreaterThan(correct[left]! / image[left]!);
  expect(attentionGrid(data, [])).toBeUndefined();
});

type Shown = ReturnType<typeof imagesIn>[number];

describe('the reliability diagram', () => {
  test('has a bar as high as the share that is right', () => {
    const measured = calibration(Float64Array.of(0.9, 0.1, 0.9, 0.1), Uint8Array.of(0, 1));
    const svg = reliabilityDiagram({ before: measured, after: measured }, 1.5);
    expect(svg).toContain('87 % to 93 %: 2 answers, 50.00 % right');
    expect(svg).toContain(`height="${area.height / 2}"`);
    expect(svg).toContain('Temperature 1.500');
  });
});

describe('the curves', () => {
  const drawn = (history: readonly HistoryRow[]) =>
    [lossCurve, accuracyCurve, learningRateCurve].map((draw) => draw({ history, test: { plain: 0.9 } }));

  test('stay within the picture, and label the axes with different numbers', () => {
    const history = Array.from({ length: 30 }, (_, index) => row(index + 1, (index + 1) % 10 === 0));
    for (const svg of drawn(history)) {
      const points = [...svg.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
      expect(points.length).toBeGreaterThan(2);
      for (const [x, y] of points) {
        expect(x).toBeGreaterThanOrEqual(area.left);
        expect(x).toBeLessThanOrEqual(area.left + area.width + 0.1);
        expect(y).toBeGreaterThanOrEqual(area.top - 0.1);
        expect(y).toBeLessThanOrEqual(area.top + area.height + 0.1);
      }
      const labels = [...svg.matchAll(/text-anchor="end"[^>]*>([^<]*)<\/text>/g)].map(([, label]) => label);
      expect(labels.length).toBeGreaterThanOrEqual(3);
      expect(new Set(labels).size).toBe(labels.length);
      expect(svg).not.toContain('NaN');
    }
  });

  test.each([
    ['one point', [row(1, true)]],
    ['nothing held out', [row(1, false), row(2, false)]],
    ['a learning rate that stays', [row(1, true), row(2, true)].map((each) => ({ ...each, learningRate: 0.01 }))],
  ])('are drawn of %s', (_, history) => {
    for (const svg of drawn(history)) expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});

test('the table of the network ends with the sums of its layers', () => {
  const net = netOf(recipes.c92);
  const weights = countWeights(net);
  const network = { layers: layerTable(net), weights };
  const page = renderPage({ title: '', subtitle: '', figures: [], sections: [], facts: {}, network });
  const foot = page.slice(page.indexOf('<tfoot>'), page.indexOf('</tfoot>'));
  for (const sum of [
    weights.parameters,
    weights.trainable,
    weights.parameters - weights.trainable,
    weights.statistics,
  ]) {
    expect(foot).toContain(`<td>${sum.toLocaleString('en')}</td></tr>`);
  }
  expect(foot).toMatch(/total.*\n.*trainable.*\n.*not trainable.*\n.*running statistics/);
});

test('a picture as a file of its own needs no page: its colours are in it', () => {
  const svg = standalone(classGrid(data, 1));
  expect(svg).not.toContain('var(');
  expect(svg).toContain(`fill="${palettes.light.paper}"`);
  expect(svg).toMatch(/^<svg width="440" height="[\d.]+"/);
});

describe('of seven classes', () => {
  const count = 7;
  const ofSeven = ({ images, labels }: Split): Split => {
    const chosen = [...labels.keys()].filter((image) => labels[image]! < count);
    return {
      count: chosen.length,
      images: Buffer.concat(chosen.map((image) => imageOf({ images }, image))),
      labels: Uint8Array.from(chosen, (image) => labels[image]!),
    };
  };
  let seven: Dataset;
  beforeAll(() => {
    const { classes, train, test } = data;
    seven = { ...data, classes: classes.slice(0, count), train: ofSeven(train), test: ofSeven(test) };
  });

  test('the grid has a row for each', () => {
    const shown = imagesIn(classGrid(seven, 1));
    expect(shown.map(({ title }) => title)).toEqual(seven.classes.flatMap((name) => new Array(10).fill(name)));
  });

  test('the report of an evaluation tells of these and of no others', () => {
    // GIVEN a network that takes every fifth image for the class after its own
    const { labels } = seven.test;
    const answers = Uint8Array.from(labels, (label, image) => (image % 5 === 0 ? (label + 1) % count : label));
    const logits = Float32Array.from({ length: labels.length * count }, (_, at) =>
      at % count === answers[Math.floor(at / count)] ? 4 : (at % 13) / 13,
    );
    const evaluation = measure(logits, labels, { classes: count });
    const { plain, images, loss } = evaluation;
    const perClass = Object.fromEntries(seven.classes.map((name, label) => [name, evaluation.perClass[label]!]));
    const accuracy = { plain, tta: plain, images, interval95: interval95(plain, images), perClass };
    const about = { name: seven.title, sha256: seven.sha256, heldOut: 0 };
    const card = { classes: [...seven.classes], temperature: 1, accuracy, loss, data: about };
    const options = { version: 'a', runtime: 'b', card, data: seven, split: seven.test };

    const page = evaluationReport(reportEvaluation(evaluation, options), seven);

    const cells = [...page.matchAll(/<title>(\w+), answered with (\w+): (\d+)</g)];
    expect(cells).toHaveLength(count * count);
    for (const [, label, answer, images] of cells) {
      const [row, column] = [label, answer].map((name) => seven.classes.indexOf(name!));
      const known = [...labels.keys()].filter((image) => labels[image] === row && answers[image] === column);
      expect(Number(images)).toBe(known.length);
    }
    const wrong = Math.ceil(labels.length / 5);
    expect(page).toContain(percent((labels.length - wrong) / labels.length));
    expect(imagesIn(page)).toHaveLength(Math.min(24, wrong));
    for (const name of data.classes.slice(count)) expect(page).not.toContain(`>${name}<`);
    expect(page).not.toMatch(/NaN|undefined/);
  });
});
