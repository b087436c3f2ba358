import { beforeAll, describe, expect, test } from 'vitest';
import { loadTensorFlow, type TensorFlow } from '../../tensorflow.ts';
import { gelu } from '../operations/activations.ts';
import { add, isLess, multiply, toInteger } from '../operations/arithmetic.ts';
import { channelPadding } from '../operations/channel-padding.ts';
import { addBias, convolution } from '../operations/convolution.ts';
import { crossEntropy } from '../operations/cross-entropy.ts';
import { dropout } from '../operations/dropout.ts';
import { matmul } from '../operations/matmul.ts';
import { maxPooling } from '../operations/max-pooling.ts';
import { normalizeImages } from '../operations/normalize-images.ts';
import { pad, reshape } from '../operations/shape.ts';
import { openSession } from '../session.ts';
import { Graph, GraphError, type Value } from './graph.ts';

describe('operands that do not fit are refused as the graph is built, by the layer and the shapes:', () => {
  const valid = { stride: 1, padding: 'valid' } as const;
  const input = (graph: Graph, ...shape: number[]) => graph.placeholder('input', shape);
  test.each<[string, (graph: Graph) => Value, string]>([
    [
      'channels',
      (graph) => convolution(graph, input(graph, 2, 8, 8, 3), input(graph, 3, 3, 4, 5), valid),
      'conv1: A kernel [3, 3, 4, 5] takes 4 channels; the images [2, 8, 8, 3] have 3.',
    ],
    [
      'a window',
      (graph) => convolution(graph, input(graph, 2, 2, 2, 3), input(graph, 3, 3, 3, 5), valid),
      'conv1: A window of 3 does not fit 2.',
    ],
    [
      'axes',
      (graph) => maxPooling(graph, input(graph, 2, 8), { size: 2, padding: 'same' }),
      'conv1: Images [2, 8] must have four axes.',
    ],
    [
      'padded channels',
      (graph) => channelPadding(graph, input(graph, 2, 8, 8, 3), { filters: 2, stride: 1 }),
      'conv1: [2, 8, 8, 3] cannot be padded to 2 channels.',
    ],
    [
      'a bias',
      (graph) => addBias(graph, input(graph, 2, 8), input(graph, 7)),
      'conv1: A bias [7] does not fit [2, 8]: it takes one for each of the last axis.',
    ],
    [
      'matrices',
      (graph) => matmul(graph, input(graph, 2, 3), input(graph, 4, 5)),
      'conv1: The product of [2, 3] and [4, 5]: 3 is not 4.',
    ],
    [
      'a sum',
      (graph) => add(graph, input(graph, 2, 3), input(graph, 4)),
      'conv1: AddV2 of [2, 3] and [4]: they differ in axis 1.',
    ],
    [
      'types',
      (graph) => multiply(graph, toInteger(graph, input(graph, 2)), input(graph, 2)),
      'conv1: Mul of int32 and float32.',
    ],
    ['a reshape', (graph) => reshape(graph, input(graph, 2, 3), [7]), 'conv1: [2, 3] cannot be reshaped to [7].'],
    ['padding', (graph) => pad(graph, input(graph, 2), [[0, -1]]), 'conv1: [2] cannot be padded by [[0,-1]].'],
    [
      'labels',
      (graph) => crossEntropy(graph, input(graph, 2, 3), input(graph, 3), 0),
      'conv1: Logits [2, 3] and labels [3]: it takes [N, classes] and [N].',
    ],
    [
      'a dropout rate',
      (graph) => dropout(graph, input(graph, 2), 1, graph.integers([0, 0])),
      'conv1: A dropout rate of 1 is not in [0, 1).',
    ],
    [
      'means',
      (graph) => normalizeImages(graph, input(graph, 1, 2, 2, 3), { mean: [0], deviation: [1] }),
      'conv1: 1 means and 1 deviations for images [1, 2, 2, 3].',
    ],
    [
      'a constant',
      (graph) => graph.constant({ type: 'float32', shape: [3], values: new Float32Array(2) }),
      'conv1: A constant [3] was given 2 values.',
    ],
  ])('%s', (_, build, message) => {
    const graph = new Graph({ compileFunctions: false });
    expect(() => graph.scope('conv1', () => build(graph))).toThrow(new GraphError(message));
  });

  test('values of another graph', () => {
    const [one, other] = [new Graph({ compileFunctions: false }), new Graph({ compileFunctions: false })];
    const stranger = other.placeholder('stranger', [2]);
    expect(() => add(one, one.placeholder('here', [2]), stranger)).toThrow(/takes stranger, which is in another graph/);
  });

  test('a value of another shape than its variable', () => {
    const graph = new Graph({ compileFunctions: false });
    const variable = graph.variable('conv1/kernel', [2, 3]);
    expect(() => graph.assign(variable, graph.scalar(0))).toThrow('conv1/kernel is [2, 3] and cannot be set to [].');
    const bytes = graph.variable('bytes', [], 'uint8');
    expect(() => graph.assign(bytes, graph.scalar(0))).toThrow('bytes is uint8 and cannot be set to float32.');
  });

  test('a body that does not give what it takes, and an operation that functions cannot have', () => {
    const graph = new Graph({ compileFunctions: false });
    const condition = (x: Value) => isLess(x.operation.graph, x, x.operation.graph.scalar(1));
    const loop = (body: (x: Value) => readonly Value[]) => () =>
      graph.loop('count', [graph.scalar(0)], { condition, body });
    expect(loop((x) => [toInteger(x.operation.graph, x)])).toThrow(
      'The function of count gives [] int32; it must give [] float32.',
    );
    expect(loop((x) => [reshape(x.operation.graph, x, [1])])).toThrow('gives [1] float32; it must');
    expect(loop(() => [])).toThrow('gives nothing; it must');
    const unknown = (x: Value) => x.operation.graph.value({ op: 'Tan', inputs: [x], shape: [] });
    expect(loop((x) => [add(x.operation.graph, unknown(x), 1)])).toThrow(
      'Tan is not among the operations of a function',
    );
  });
});

describe('functions', () => {
  const functionsOf = (build: (graph: Graph) => void) => {
    const graph = new Graph({ compileFunctions: true });
    build(graph);
    return graph.definition().functions.map(({ name }) => name);
  };

  test('are shared by layers that compute the same, be it on other shapes', () => {
    const names = functionsOf((graph) => {
      for (const size of [2, 3]) graph.scope(`layer${size}`, () => gelu(graph, graph.placeholder('x', [size])));
    });
    expect(names).toEqual(['gelu_0']);
  });

  test('are not shared where constants differ', () => {
    const names = functionsOf((graph) => {
      const [x, key] = [graph.placeholder('x', [2]), graph.integers([0, 0])];
      for (const rate of [0.25, 0.5]) dropout(graph, x, rate, key);
    });
    expect(names).toEqual(['dropout_0', 'dropout_1']);
  });
});

describe('a session', () => {
  let tensorflow: TensorFlow;
  beforeAll(async () => {
    tensorflow = await loadTensorFlow();
  });

  test('runs what is fetched, on what is fed', () => {
    const graph = new Graph({ compileFunctions: false });
    const x = graph.placeholder('x', [3], 'uint8');
    const doubled = normalizeImages(graph, x, { mean: [0, 0, 0.5], deviation: [1, 0.5, 1] });
    const session = openSession(tensorflow, graph);
    expect(session.run([[x, Uint8Array.of(255, 255, 255)]], [doubled])).toEqual([Float32Array.of(1, 2, 0.5)]);
    session.dispose();
  });

  test('keeps variables from call to call, and each reads as it was before the call', () => {
    const graph = new Graph({ compileFunctions: false });
    const counter = graph.variable('counter', []);
    const counted = graph.after('counted', counter.value, [graph.assign(counter, add(graph, counter.value, 1))]);
    const session = openSession(tensorflow, graph);
    session.assign([[counter, Float32Array.of(5)]]);
    const counts = [1, 2, 3].map(() => session.run([], [counted])[0]![0]);
    expect(counts).toEqual([5, 6, 7]);
    session.dispose();
  });

  test('keeps nothing of an array that a variable was set to: what goes in one thread was made in another', () => {
    const graph = new Graph({ compileFunctions: false });
    const variables = Array.from({ length: 24 }, (_, index) => graph.variable(`variable${index}`, [16]));
    const session = openSession(tensorflow, graph);
    // The process does not survive it if one of the arrays is given back by a thread of TensorFlow's.
    for (let round = 0; round < 3000; round++) {
      session.assign(variables.map((variable) => [variable, new Float32Array(16).fill(round)]));
    }
    expect(session.run([], [variables[7]!.value])).toEqual([new Float32Array(16).fill(2999)]);
    session.dispose();
  });

  test('repeats a body, which finds variables as the round before left them', () => {
    const graph = new Graph({ compileFunctions: false });
    const product = graph.variable('product', []);
    const count = graph.placeholder('count', []);
    const [index] = graph.loop('factorial', [graph.scalar(1), count], {
      condition: (index, count) => isLess(index.operation.graph, index, count),
      body: (index, count) => {
        const inner = index.operation.graph;
        const variable = inner.variable('product', []);
        const multiplied = inner.assign(variable, multiply(inner, variable.value, index));
        return [inner.after('next', add(inner, index, 1), [multiplied]), count];
      },
    }) as [Value];
    const session = openSession(tensorflow, graph);
    const factorial = (limit: number) => {
      session.assign([[product, Float32Array.of(1)]]);
      expect(session.run([[count, Float32Array.of(limit)]], [index])).toEqual([Float32Array.of(Math.max(limit, 1))]);
      return session.run([], [product.value])[0]![0];
    };
    expect([1, 2, 7, 11].map(factorial)).toEqual([1, 1, 720, 3_628_800]);
    session.dispose();
  });

  test('does a thing only when its condition holds', () => {
    const graph = new Graph({ compileFunctions: false });
    const [limit, given] = [graph.placeholder('limit', []), graph.placeholder('given', [])];
    const largest = graph.variable('largest', []);
    const kept = graph.when('keep', isLess(graph, limit, given), [given], (value) => {
      const inner = value.operation.graph;
      return inner.after('kept', add(inner, value, 0.5), [inner.assign(inner.variable('largest', []), value)]);
    });
    const session = openSession(tensorflow, graph);
    session.assign([[largest, Float32Array.of(3)]]);
    const offer = (value: number) => [
      session.run(
        [
          [limit, Float32Array.of(4)],
          [given, Float32Array.of(value)],
        ],
        [kept],
      )[0]![0],
      session.run([], [largest.value])[0]![0],
    ];
    expect(offer(2)).toEqual([2, 3]);
    expect(offer(5)).toEqual([5.5, 5]);
    session.dispose();
  });

  test('names what was fed too little, and frees what was fed before it', () => {
    const graph = new Graph({ compileFunctions: false });
    const [x, y] = [graph.placeholder('x', [3]), graph.placeholder('y', [2, 2])];
    const session = openSession(tensorflow, graph);
    const before = tensorflow.binding.getNumOfTensors();
    const feeds = [
      [x, new Float32Array(3)],
      [y, new Float32Array(3)],
    ] as const;
    expect(() => session.run(feeds, [x])).toThrow('y is [2, 2] and was fed 3 values.');
    expect(tensorflow.binding.getNumOfTensors()).toBe(before);
    session.dispose();
    expect(() => session.run([], [x])).toThrow('This session was disposed of.');
  });
});
