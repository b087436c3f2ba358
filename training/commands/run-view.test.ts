import { join } from 'node:path';
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { LayerRow } from '../nets/layer-table.ts';
import type { TrainingEvent } from '../record/events.ts';
import { jobPlace, type Place, placeOf } from './place.ts';
import { viewFor } from './run-view.ts';

const second = (seconds: number) => ({ at: new Date(Date.UTC(2026, 10, 23) + 1000 * seconds).toISOString() });
const started: TrainingEvent = {
  ...second(0),
  type: 'started',
  run: 'a-run',
  recipe: 'quick',
  seed: 1,
  epochs: 3.3,
  steps: 288,
  parameters: 146_424,
  engine: 'TensorFlow 2.21.0, CPU',
  fromStep: 0,
};
const step = (number: number): TrainingEvent => ({
  ...second(number / 2),
  type: 'step',
  step: number,
  steps: 288,
  epoch: number / 87,
  loss: 1.5,
  learningRate: 0.6,
  imagesPerSecond: 1048.3,
  etaSeconds: (288 - number) / 2,
});
const epoch: TrainingEvent = {
  ...second(44),
  type: 'epoch',
  epoch: 1,
  step: 87,
  loss: 1.4914,
  validation: { accuracy: 0.574, loss: 1.25 },
  trainingSeconds: 44.4,
};
const events: TrainingEvent[] = [
  started,
  ...Array.from({ length: 87 }, (_, index) => step(index + 1)),
  epoch,
  { ...second(45), type: 'checkpoint', step: 87, key: 'runs/a-run/checkpoints/87' },
  step(100),
  {
    ...second(146),
    type: 'evaluated',
    ...{ kept: 'last', step: 288 },
    ...{ images: 10_000, plain: 0.8354, tta: 0.8466, loss: 0.503, seconds: 12 },
  },
  { ...second(147), type: 'saved', version: '20261123-0412-a1b2c3d4', store: '/store' },
];

function shown(
  events: readonly TrainingEvent[],
  terminal: { isTTY?: boolean; columns?: number },
  { json = false, place }: { json?: boolean; place?: Place } = {},
): string {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const view = viewFor(Object.assign(stream, terminal), { json, place });
  for (const event of events) view.show(event);
  view.end();
  return text;
}

const ERASE = '\r\x1b[2K';

/** What a terminal shows in the end, without colours: a line that was drawn over is gone. */
function screen(text: string): string[] {
  return text.split('\n').map((line) => stripVTControlCharacters(line.split(ERASE).at(-1)!));
}

/** The live line, before the view ended and took it away. */
function liveLine(columns: number): string {
  const text = shown([started, epoch, step(100)], { isTTY: true, columns });
  expect(text.endsWith(ERASE)).toBe(true);
  return screen(text.slice(0, -ERASE.length)).at(-1)!;
}

describe('without a terminal', () => {
  test('tells in whole lines what happens, and the steps every ten seconds', () => {
    const lines = shown(events, {}).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'quick, seed 1: 3.3 epochs, 288 steps, 146,424 parameters',
      'TensorFlow 2.21.0, CPU · run a-run',
      'step 20/288   epoch 0.23/3.3   1,048 images/s   loss 1.500   2:14 left',
    ]);
    expect(lines.filter((line) => line.startsWith('step '))).toHaveLength(4);
    expect(lines.slice(-5)).toEqual([
      'epoch 1     loss 1.491   held out 57.40 %   44 s',
      'test  83.54 % plain, 84.66 % with augmentation (10,000 images, loss 0.503, 12 s)',
      'saved 20261123-0412-a1b2c3d4 in /store',
      'report /store/runs/a-run/report.html',
      '',
    ]);
  });

  test.each([
    [{}, ['starts from the weights of 20261123-0412-a1b2c3d4']],
    [
      { head: { kept: ['cat', 'dog'], drawn: ['yak'], left: ['frog', 'ship'] } },
      [
        'starts from the body of 20261123-0412-a1b2c3d4; 2 of 3 classes kept, 1 new: yak',
        'The new model will know the classes of the data set alone, and not 2 classes of 20261123-0412-a1b2c3d4: frog, ship. ' +
          'Add pictures of them to the data set to keep them.',
      ],
    ],
    [
      { head: { kept: [], drawn: ['yak', 'yeti'], left: ['frog', 'ship'] }, byDefault: true as const },
      [
        'starts from the body of 20261123-0412-a1b2c3d4 and a new head for 2 classes, since there are few pictures; ' +
          '--from none draws all weights',
      ],
    ],
    [
      { head: { kept: ['b', 'a'], drawn: [], left: ['c', 'd', 'e', 'f', 'g', 'h', 'i'] } },
      [
        'starts from the body of 20261123-0412-a1b2c3d4; 2 of its classes kept',
        'The new model will know the classes of the data set alone, and not 7 classes of 20261123-0412-a1b2c3d4: ' +
          'c, d, e, f, g and 2 more. Add pictures of them to the data set to keep them.',
      ],
    ],
  ])('says what a run begins with: %j', (taken, expected) => {
    const lines = shown([{ ...started, parent: '20261123-0412-a1b2c3d4', ...taken }], {}).split('\n');
    expect(lines.slice(2, -1)).toEqual(expected);
  });

  test('shows the layers where a run begins, not where it resumes', () => {
    const layers: LayerRow[] = [
      { name: 'conv1', kind: 'convolution', output: [32, 32, 32], parameters: 896 },
      { name: 'logits', kind: 'dense', output: [10], parameters: 1_810 },
    ];
    expect(
      shown([{ ...started, layers }], {})
        .split('\n')
        .slice(2),
    ).toEqual([
      '  layer   kind         output        parameters',
      '  conv1   convolution  32 x 32 x 32         896',
      '  logits  dense        10                 1,810',
      '',
    ]);
    expect(shown([{ ...started, layers, fromStep: 40 }], {})).not.toContain('conv1');
  });

  test('shows a budget once, a divergence and an early end', () => {
    const fitted: TrainingEvent = {
      ...second(3),
      type: 'fitted',
      ...{ step: 10, steps: 290, epochs: 3.3333, trainingSeconds: 2, budgetSeconds: 60 },
    };
    const recovered: TrainingEvent = {
      ...second(4),
      type: 'recovered',
      ...{ fromStep: 20, toStep: 0, reason: 'the loss is NaN', learningRateFactor: 0.5 },
    };
    const stopped: TrainingEvent = {
      ...second(50),
      type: 'stopped',
      ...{ step: 261, epoch: 3, best: { epoch: 1, accuracy: 0.574 } },
    };
    expect(
      shown([started, fitted, { ...fitted, steps: 280 }, recovered, stopped], {})
        .split('\n')
        .slice(2),
    ).toEqual([
      '1:00 of training fit about 3.33 epochs, 290 steps',
      'diverged at step 20: the loss is NaN; continues from step 0 with 0.5 times the learning rate',
      'stopped after epoch 3: the best was epoch 1 (held out 57.40 %)',
      '',
    ]);
  });

  test('says when EC2 takes the instance back, and that the training continues', () => {
    const reclaimed = { action: 'terminate', time: '2026-11-23T04:14:30Z' };
    expect(shown([{ ...second(9), type: 'reclaimed', ...reclaimed }], {})).toBe(
      'reclaimed: EC2 takes this instance back at 2026-11-23T04:14:30Z (terminate). A checkpoint is kept now; the training continues until then\n',
    );
  });

  test('says how to resume after an interruption', () => {
    const text = shown(
      [{ ...second(9), type: 'interrupted', signal: 'SIGINT', step: 40, resume: './cifar10 train …' }],
      {},
    );
    expect(text).toBe('SIGINT: kept a checkpoint at step 40. To resume:\n  ./cifar10 train …\n');
  });
});

describe('a run that is stored', () => {
  const saved: TrainingEvent = {
    ...second(147),
    type: 'saved',
    ...{ version: '20261123-0412-a1b2c3d4', store: 's3://models', run: 'a-run' },
    better: { version: '20261122-0800-0a1b2c3d', plain: 0.8412, than: 0.8354 },
  };
  const here = join(process.cwd(), 'my models');
  const promote = './cifar10 models promote 20261122-0800-0a1b2c3d --alias candidate';

  test('warns of a better candidate before, with the command that brings it back', () => {
    const lines = shown([saved], {}, { place: placeOf(here) }).split('\n');
    expect(lines.slice(2)).toEqual([
      'warning the candidate before was better: 20261122-0800-0a1b2c3d has 84.12 % plain, 0.58 points more. To make it the candidate again:',
      `  ${promote} --store 'my models'`,
      '',
    ]);
  });

  test.each([
    ['in a folder', placeOf(here), 'my models/runs/a-run/report.html', " --store 'my models'"],
    ['in a bucket', placeOf('s3://b'), 'aws s3 cp s3://b/runs/a-run/report.html .', ' --store s3://b'],
    ['by a job on this machine', jobPlace('s3://b', 'local'), '.cifar10/store/runs/a-run/report.html', ''],
    ['by a job', jobPlace('s3://b', 'aws'), 'aws s3 cp s3://b/runs/a-run/report.html .', ' --target aws'],
  ])('%s says where its report is, also where nothing was left to do', (_, place, report, options) => {
    const lines = shown([saved], {}, { place }).split('\n');
    expect(lines[1]).toBe(`report ${report}`);
    expect(lines[3]).toBe(`  ${promote}${options}`);
  });
});

test('a warning is shown', () => {
  expect(shown([{ ...second(9), type: 'warning', message: 'Few images.' }], {})).toBe('warning Few images.\n');
});

describe('on a terminal', () => {
  test.each([40, 60, 80, 120, 300])('of %d columns, the live line fits into one', (columns) => {
    const line = liveLine(columns);
    expect(line.length).toBeLessThan(columns);
    expect(line).toContain('━');
    expect(line).toContain('34 %');
  });

  test('shows bar, time left, speed, loss and accuracy', () => {
    const bar = '━'.repeat(30);
    expect(liveLine(120)).toBe(
      `epoch 1.15/3.3 ${bar}  34 %   1:34 left   1,048 images/s   loss 1.500   held out 57.40 %`,
    );
  });

  test('leaves nothing of the live line behind', () => {
    expect(screen(shown(events, { isTTY: true, columns: 100 }))).toEqual([
      'quick, seed 1: 3.3 epochs, 288 steps, 146,424 parameters',
      'TensorFlow 2.21.0, CPU · run a-run',
      'epoch 1     loss 1.491   held out 57.40 %   44 s',
      'test  83.54 % plain, 84.66 % with augmentation (10,000 images, loss 0.503, 12 s)',
      'saved 20261123-0412-a1b2c3d4 in /store',
      'report /store/runs/a-run/report.html',
      '',
    ]);
  });
});

test('as JSON, gives every event as it is', () => {
  const lines = shown(events, { isTTY: true, columns: 80 }, { json: true }).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual(events);
});
