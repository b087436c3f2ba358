import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '#errors/user-error.ts';
import { sizeOf } from '#models/size-of.ts';
import type { Augmentation } from '../data/augmentation.ts';
import type { Batch, BatchPlan } from '../data/batch.ts';
import { batches, batchPlans } from '../data/batches.ts';
import type { Labels } from '../data/labels.ts';
import { airbenchNet } from '../nets/airbench.ts';
import { initializeWeights } from '../nets/initialize.ts';
import type { NamedTensor } from '../nets/named-tensor.ts';
import { everything, everythingBranched, noiseBatch } from '../nets/net.fixture.ts';
import type { Net } from '../nets/net.ts';
import { InvalidNet, resizedNet, weightSpecs } from '../nets/shapes.ts';
import { random } from '../random/random.ts';
import type { ParameterGroup } from '../recipe/optimizer.ts';
import type { Engine, EngineOptions, StepOptions } from './engine.ts';

/**
 * What every engine does, whatever it runs on.
 *
 * @param doesManySteps in one call
 */
export function describeEngine(
  name: string,
  compileEngine: (options: EngineOptions) => Promise<Engine>,
  { doesManySteps }: { readonly doesManySteps: boolean },
): void {
  describe(`${name} engine`, () => {
    const engines: Engine[] = [];
    const compile = async (change: Partial<EngineOptions> = {}): Promise<Engine> => {
      const engine = await compileEngine({ ...usual, ...change });
      engines.push(engine);
      return engine;
    };
    afterEach(() => {
      for (const engine of engines.splice(0)) engine.dispose();
    });

    // An engine of the usual options takes a while to compile: one serves many tests, set back in between.
    let shared: Engine;
    let start: NamedTensor[];
    beforeAll(async () => {
      shared = await compileEngine(usual);
      start = shared.state();
    });
    afterAll(() => shared?.dispose());
    /** The shared engine, with these weights in place of its initial ones. */
    const engineAt = (weights: readonly NamedTensor[] = initial): Engine => {
      const given = byName(weights);
      shared.restore(start.map((tensor) => ({ ...tensor, data: given.get(tensor.name) ?? tensor.data })));
      return shared;
    };
    /** The gradient of each weight. A step at rate 1 without momentum takes the gradient away. */
    const gradientsAt = (weights: readonly NamedTensor[]): Map<string, Float32Array> => {
      const engine = engineAt(weights);
      engine.step(batch, { step: 0, learningRates: { all: 1 } });
      return difference(weights, engine.weights());
    };

    describe('a step', () => {
      test.each([everything, everythingBranched])(
        'takes the gradients that finite differences find, for every weight of $name',
        async (net) => {
          const options = optionsFor(net);
          const { weights } = options;
          const images = randomBatch(net, 1);
          const engine = await compile(options);
          const begin = engine.state();
          const lossAt = (values: readonly NamedTensor[], rate = 0) => {
            const given = byName(values);
            engine.restore(begin.map((tensor) => ({ ...tensor, data: given.get(tensor.name) ?? tensor.data })));
            return engine.step(images, { step: 0, learningRates: { all: rate } });
          };
          lossAt(weights, 1);
          const gradients = difference(weights, engine.weights());
          const draw = random(5);
          for (const weight of options.groups.flatMap((group) => group.weights)) {
            const gradient = gradients.get(weight)!;
            const norm = Math.hypot(...gradient);
            expect(norm, weight).toBeGreaterThan(1e-4);
            // Along the gradient, turned a little at random: the slope there checks all values of the weight.
            const direction = gradient.map(
              (value) => value / norm + (0.3 * draw.normal()) / Math.sqrt(gradient.length),
            );
            const size = 2e-3;
            const moved = (by: number) =>
              weights.map((each) =>
                each.name === weight
                  ? { ...each, data: each.data.map((value, at) => value + by * direction[at]!) }
                  : each,
              );
            const slope = (lossAt(moved(size)) - lossAt(moved(-size))) / (2 * size);
            const expected = direction.reduce((sum, value, at) => sum + value * gradient[at]!, 0);
            expect(Math.abs(slope - expected) / norm, weight).toBeLessThan(0.02);
          }
        },
      );

      test('makes the loss of a batch fall, in a net with branches too', async () => {
        const branched = await compile(optionsFor(everythingBranched));
        for (const [engine, images] of [
          [engineAt(), batch],
          [branched, randomBatch(everythingBranched, 1)],
        ] as const) {
          const losses = Array.from({ length: 30 }, (_, step) =>
            engine.step(images, { step, learningRates: { all: 0.1 } }),
          );
          expect(losses.at(-1)!).toBeLessThan(0.6 * losses[0]!);
        }
      });

      test('by the sum multiplies the gradient by the batch, and still reports the mean loss', async () => {
        const engine = await compile({ reduction: 'sum' });
        const loss = engine.step(batch, { step: 0, learningRates: { all: 0.01 } });
        expect(loss).toBeCloseTo(engineAt().step(batch, still), 5);
        const found = difference(initial, engine.weights());
        const mean = gradientsAt(initial);
        for (const weight of trainable) {
          expectClose(
            found.get(weight)!,
            mean.get(weight)!.map((value) => 0.01 * value * batchSize),
            weight,
          );
        }
      });

      test('on reduced images is that of a net for images of the smaller size', async () => {
        const net = airbenchNet([4, 6, 8]);
        const options = { ...optionsFor(net), reduction: 'sum' as const };
        const engine = await compile({ ...options, resolutions: [24, 16] });
        const small = resizedNet(net, 16);
        const other = await compile({ ...options, net: small });
        // Each pixel four times: then half the size has the pixels themselves.
        const pixels = randomBatch(small, 3);
        const whole = { images: doubled(pixels.images, small), labels: pixels.labels };
        for (const step of [0, 1, 2]) {
          const learningRates = { all: 0.01 };
          const loss = engine.step(whole, { step, learningRates, resolution: 16 });
          expect(loss).toBeCloseTo(other.step(pixels, { step, learningRates }), 4);
        }
        const weights = byName(other.weights());
        for (const { name, data } of engine.weights()) expectClose(data, weights.get(name)!, name, 1e-3);
        expect(() => engine.step(whole, { ...still, resolution: 28 })).toThrow(/28 pixels; .* compiled for 24, 16/);
        engine.step(whole, { ...still, resolution: 24 });
        await expect(compile({ resolutions: [8] })).rejects.toThrow(/images of 9x8 are not square/);
      });

      test('with smoothed labels is as if they were drawn at random in that share of cases', async () => {
        const sharp = await compile({ labelSmoothing: 0 });
        const step = (engine: Engine, labels: Labels) => engine.step({ images: batch.images, labels }, still);
        const every = [0, 1, 2, 3, 4].map((label) => step(sharp, new Uint8Array(batchSize).fill(label)));
        const uniform = every.reduce((total, loss) => total + loss) / 5;
        const { labelSmoothing } = usual;
        const expected = (1 - labelSmoothing) * step(sharp, batch.labels) + labelSmoothing * uniform;
        expect(step(engineAt(), batch.labels)).toBeCloseTo(expected, 5);
      });

      test('with class weights counts an image as often as its class says, in the loss and in its gradient', async () => {
        const classWeights = [0.5, 2, 0, 1, 3];
        const engine = await compile({ classWeights });
        const begin = engine.state();
        const images = Uint8Array.from(
          { length: batch.images.length },
          (_, at) => batch.images[at % sizeOf(everything.input)]!,
        );
        for (const [label, weight] of classWeights.entries()) {
          const alike = { images, labels: new Uint8Array(batchSize).fill(label) };
          const move = { step: 0, learningRates: { all: 0.1 } };
          engine.restore(begin);
          expect(engine.step(alike, move)).toBeCloseTo(weight * engineAt().step(alike, move), 5);
          const plain = difference(initial, shared.weights()).get('head/kernel')!;
          const found = difference(initial, engine.weights()).get('head/kernel')!;
          expectClose(
            found,
            plain.map((moved) => weight * moved),
            `class ${label}`,
          );
        }
      });

      test('does not change what it was given', async () => {
        const weights = initial.map((weight) => ({ ...weight, data: Float32Array.from(weight.data) }));
        const given = { images: Uint8Array.from(batch.images), labels: Uint8Array.from(batch.labels) };
        const engine = await compile({ weights });
        engine.step(given, { step: 0, learningRates: { all: 1 } });
        expect(weights).toEqual(initial);
        expect(given).toEqual(batch);
      });
    });

    describe('an optimizer', () => {
      const head = (tensors: readonly NamedTensor[]) => byName(tensors).get('head/kernel')!;

      test.each([false, true])('sgd with momentum and weight decay, nesterov %s', async (nesterov) => {
        const optimizer = { kind: 'sgd', momentum: 0.9, nesterov, weightDecay: 0.05 } as const;
        const engine = await compile({ groups: [{ name: 'all', weights: trainable, optimizer }] });
        let velocity = new Float64Array(head(initial).length);
        for (let step = 0; step < 3; step++) {
          const weights = engine.weights();
          const gradient = gradientsAt(weights).get('head/kernel')!;
          const decayed = head(weights).map((value, at) => gradient[at]! + 0.05 * value);
          velocity = velocity.map((value, at) => 0.9 * value + decayed[at]!);
          const moved = nesterov ? decayed.map((value, at) => value + 0.9 * velocity[at]!) : velocity;
          engine.step(batch, { step, learningRates: { all: 0.1 } });
          expectClose(
            head(engine.weights()),
            head(weights).map((value, at) => value - 0.1 * moved[at]!),
            `step ${step}`,
          );
        }
      });

      test('muon: turns a kernel of constant norm by an orthogonal matrix of the gradient and its momentum', async () => {
        const kernels = trainable.filter((name) => shapeOf(name).length === 4);
        const optimizer = { kind: 'muon', momentum: 0.6 } as const;
        const others = trainable.filter((name) => !kernels.includes(name));
        const engine = await compile({
          groups: [
            { name: 'kernels', weights: kernels, optimizer },
            { name: 'others', weights: others, optimizer: plainSgd },
          ],
        });
        const velocities = new Map(kernels.map((name) => [name, new Float64Array(byName(initial).get(name)!.length)]));
        for (let step = 0; step < 2; step++) {
          const weights = engine.weights();
          const gradients = gradientsAt(weights);
          engine.step(batch, { step, learningRates: { kernels: 0.1, others: 0 } });
          for (const name of kernels) {
            const [weight, gradient] = [byName(weights).get(name)!, gradients.get(name)!];
            const velocity = velocities.get(name)!.map((value, at) => 0.6 * value + gradient[at]!);
            velocities.set(name, velocity);
            const filters = shapeOf(name).at(-1)!;
            const turn = orthogonalized(
              velocity.map((value, at) => gradient[at]! + 0.6 * value),
              filters,
            );
            const size = Math.sqrt(filters) / Math.hypot(...weight);
            expectClose(
              byName(engine.weights()).get(name)!,
              weight.map((value, at) => size * value - 0.1 * turn[at]!),
              `${name}, step ${step}`,
            );
          }
        }
      });

      test('adamw: moments corrected for their start, decay apart from the gradient', async () => {
        const optimizer = { kind: 'adamw', beta1: 0.8, beta2: 0.9, epsilon: 1e-6, weightDecay: 0.1 } as const;
        const engine = await compile({ groups: [{ name: 'all', weights: trainable, optimizer }] });
        let mean = new Float64Array(head(initial).length);
        let square = mean;
        for (let step = 0; step < 3; step++) {
          const weights = engine.weights();
          const gradient = gradientsAt(weights).get('head/kernel')!;
          mean = mean.map((value, at) => 0.8 * value + 0.2 * gradient[at]!);
          square = square.map((value, at) => 0.9 * value + 0.1 * gradient[at]! ** 2);
          engine.step(batch, { step, learningRates: { all: 0.01 } });
          const expected = head(weights).map((value, at) => {
            const unbiased = square[at]! / (1 - 0.9 ** (step + 1));
            return value - 0.01 * (mean[at]! / (1 - 0.8 ** (step + 1)) / (Math.sqrt(unbiased) + 1e-6) + 0.1 * value);
          });
          expectClose(head(engine.weights()), expected, `step ${step}`);
        }
      });
    });

    describe('groups', () => {
      const bias: ParameterGroup = {
        name: 'whiten',
        weights: ['whiten/bias'],
        optimizer: { ...plainSgd, momentum: 0.9 },
      };
      const rest: ParameterGroup = {
        name: 'rest',
        weights: trainable.filter((weight) => weight !== 'whiten/bias' && weight !== 'norm1/gamma'),
        optimizer: plainSgd,
      };
      const grouped = { groups: [bias, rest], freezable: [['whiten']] };

      test('have their own learning rates; what is in none, and what a step leaves out, stays as it is', async () => {
        const engine = await compile(grouped);
        const changed = (before: readonly NamedTensor[], after: readonly NamedTensor[]) =>
          after.filter(({ data }, index) => data.some((value, at) => value !== before[index]!.data[at]));
        const names = (tensors: readonly NamedTensor[]) => tensors.map((tensor) => tensor.name);
        engine.step(batch, { step: 0, learningRates: { whiten: 0.1, rest: 0.1 } });
        const constants = ['whiten/kernel', 'norm1/gamma'];
        const moving = names(initial).filter((weight) => !constants.includes(weight));
        const [weights, state] = [engine.weights(), engine.state()];
        expect(names(changed(initial, weights))).toEqual(moving);
        engine.step(batch, { step: 1, learningRates: { rest: 0.1 } });
        expect(names(changed(weights, engine.weights()))).toEqual(moving.filter((weight) => weight !== 'whiten/bias'));
        const stayed = names(changed(state, engine.state())).filter((each) => each.startsWith('whiten/'));
        expect(stayed, 'its momentum stays too').toEqual([]);
      });

      test('the gradients of a step that leaves a group out are those of one that does not', async () => {
        const engine = await compile(grouped);
        const before = engine.state();
        engine.step(batch, { step: 0, learningRates: { rest: 0.1 } });
        const without = byName(engine.weights());
        engine.restore(before);
        engine.step(batch, { step: 0, learningRates: { whiten: 0, rest: 0.1 } });
        for (const { name: weight, data } of engine.weights()) expectClose(data, without.get(weight)!, weight);
      });

      describe.each([everything, everythingBranched])('a step that trains the head of $name alone', (net) => {
        const own = optionsFor(net);
        const images = randomBatch(net, 1);
        const head = trainableOf(net).filter((weight) => weight.startsWith('head/'));
        const body = trainableOf(net).filter((weight) => !head.includes(weight));
        const sgd = { ...plainSgd, momentum: 0.9, weightDecay: 0.01 };
        const parts = {
          ...own,
          groups: [
            { name: 'body', weights: body, optimizer: sgd },
            { name: 'head', weights: head, optimizer: sgd },
          ],
          freezable: [['body']],
          lookahead: true,
        };
        const state = (engine: Engine) => byName(engine.state());

        test('changes nothing of the body: no running statistics, no momentum, no slow average', async () => {
          const engine = await compile(parts);
          const before = state(engine);
          engine.step(images, { step: 0, learningRates: { head: 0.1 } });
          engine.lookahead(0.5);
          const changed = [...state(engine)].filter(([name, data]) =>
            data.some((value, at) => value !== before.get(name)![at]),
          );
          expect(changed.map(([name]) => name).sort()).toEqual(
            head.flatMap((weight) => [weight, `${weight}/momentum`, `${weight}/slow`]).sort(),
          );
        });

        test('has the loss of the net in use', async () => {
          const engine = await compile({ ...parts, labelSmoothing: 0 });
          const logits = engine.logits(images.images);
          const losses = Array.from(images.labels, (label, image) => {
            const own = logits.subarray(image * net.classes, (image + 1) * net.classes);
            return Math.log(own.reduce((sum, value) => sum + Math.exp(value), 0)) - own[label]!;
          });
          const mean = losses.reduce((sum, loss) => sum + loss) / losses.length;
          expect(engine.step(images, { step: 0, learningRates: { head: 0 } })).toBeCloseTo(mean, 4);
        });

        test('moves the head as one whose body is in no group, and then all is trained', async () => {
          const [engine, constant] = [
            await compile(parts),
            await compile({ ...parts, groups: parts.groups.slice(1), freezable: [] }),
          ];
          for (const step of [0, 1]) {
            const loss = engine.step(images, { step, learningRates: { head: 0.1 } });
            expect(loss).toBeCloseTo(constant.step(images, { step, learningRates: { head: 0.1 } }), 5);
          }
          const [found, expected] = [state(engine), state(constant)];
          for (const weight of head) expectClose(found.get(weight)!, expected.get(weight)!, weight);
          const before = byName(engine.weights());
          engine.step(images, { step: 2, learningRates: { body: 0.1, head: 0.1 } });
          const moved = engine
            .weights()
            .filter(({ name, data }) => data.some((value, at) => value !== before.get(name)![at]));
          expect(moved.map(({ name }) => name)).toEqual(
            own.weights.map(({ name }) => name).filter((name) => name !== 'whiten/kernel'),
          );
        });
      });

      test('take the gradients that finite differences find through a normalization of which nothing is trained', async () => {
        const weights = ['conv1/kernel', 'head/kernel'];
        const still = everything.layers.flatMap(({ kind, name }) => (kind === 'batch-normalization' ? [name] : []));
        expect(still.length).toBeGreaterThan(0);
        const engine = await compile({ groups: [{ name: 'all', weights, optimizer: plainSgd }] });
        const begin = engine.state();
        const lossAt = (values: readonly NamedTensor[], rate = 0) => {
          const given = byName(values);
          engine.restore(begin.map((tensor) => ({ ...tensor, data: given.get(tensor.name) ?? tensor.data })));
          return engine.step(batch, { step: 0, learningRates: { all: rate } });
        };
        lossAt(initial, 1);
        const gradients = difference(initial, engine.weights());
        for (const weight of weights) {
          const gradient = gradients.get(weight)!;
          const norm = Math.hypot(...gradient);
          const moved = (by: number) =>
            initial.map((each) =>
              each.name === weight
                ? { ...each, data: each.data.map((value, at) => value + (by * gradient[at]!) / norm) }
                : each,
            );
          const slope = (lossAt(moved(2e-3)) - lossAt(moved(-2e-3))) / 4e-3;
          expect(Math.abs(slope - norm) / norm, weight).toBeLessThan(0.02);
        }
      });

      test('a step that leaves out what cannot be left out, or names what is not there, is refused', async () => {
        const engine = await compile(grouped);
        const step = (learningRates: StepOptions['learningRates']) => () =>
          engine.step(batch, { step: 0, learningRates });
        expect(step({ whiten: 0.1 })).toThrow(/no learning rate to rest/);
        expect(step({})).toThrow(/no learning rate to/);
        expect(step({ whiten: 1, rest: 1, x: 1 })).toThrow(/x, which is not a group/);
      });
    });

    describe('lookahead', () => {
      test('moves weights and statistics towards the slow average, and both become one', async () => {
        const engine = await compile({ lookahead: true });
        engine.step(batch, { step: 0, learningRates: { all: 0.1 } });
        const fast = byName(engine.weights());
        engine.lookahead(0.75);
        for (const { name: weight, data } of engine.weights()) {
          const slow = byName(initial).get(weight)!;
          expectClose(
            data,
            fast.get(weight)!.map((value, at) => value + 0.75 * (slow[at]! - value)),
            weight,
          );
        }
        const met = engine.weights();
        engine.lookahead(0.5);
        for (const { name: weight, data } of engine.weights()) expectClose(data, byName(met).get(weight)!, weight);
      });

      test('with a decay of 1 gives the slow average itself', async () => {
        const engine = await compile({ lookahead: true });
        engine.step(batch, { step: 0, learningRates: { all: 0.1 } });
        engine.lookahead(1);
        for (const { name: weight, data } of engine.weights()) expectClose(data, byName(initial).get(weight)!, weight);
      });

      test('is refused where no slow average is kept', () => {
        expect(() => engineAt().lookahead(0.5)).toThrow(/compile it with lookahead/);
      });
    });

    describe('an average', () => {
      const averaging = { average: true } as const;
      const step = (engine: Engine, number: number) =>
        engine.step(randomBatch(everything, number), { step: number, learningRates: { all: 0.1 } });

      test('follows the weights, which train as they would without it, and in the end are set to it', async () => {
        const [engine, alone] = [await compile(averaging), engineAt()];
        const passed: NamedTensor[][] = [];
        for (const number of [0, 1, 2]) {
          expect(step(engine, number)).toBe(step(alone, number));
          passed.push(engine.weights());
          engine.average(number / (number + 1));
        }
        expect(engine.weights()).toEqual(alone.weights());
        engine.lookahead(1);
        const [first, second, third] = passed.map(byName);
        for (const { name: weight, data } of engine.weights()) {
          const [one, two, three] = [first!.get(weight)!, second!.get(weight)!, third!.get(weight)!];
          expectClose(
            data,
            one.map((value, at) => (value + two[at]! + three[at]!) / 3),
            weight,
          );
        }
      });

      test('observes the mean of the statistics of some batches, and changes nothing else', async () => {
        const engine = await compile({ ...averaging, ...optionsFor(everythingBranched) });
        const batches = [1, 2, 3].map((seed) => randomBatch(everythingBranched, seed));
        const observed = (batch: Batch, share: number) => {
          engine.observe(batch, { step: 0, share });
          return byName(engine.weights());
        };
        const statistics = weightSpecs(everythingBranched).filter(({ role }) => role.startsWith('moving-'));
        const before = engine.state();
        const alone = batches.map((each) => observed(each, 1));
        engine.restore(before);
        for (const [index, each] of batches.entries()) observed(each, 1 / (index + 1));
        const after = byName(engine.state());
        for (const { name: statistic } of statistics) {
          const [one, two, three] = alone.map((values) => values.get(statistic)!);
          expectClose(
            after.get(statistic)!,
            one!.map((value, at) => (value + two![at]! + three![at]!) / 3),
            statistic,
          );
        }
        const isStatistic = new Set(statistics.map(({ name: statistic }) => statistic));
        const kept = before.filter((tensor) => !isStatistic.has(tensor.name));
        for (const { name: tensor, data } of kept) expect(after.get(tensor), tensor).toEqual(data);
      });

      test('observes the statistics that a step moves towards', async () => {
        const engine = await compile(averaging);
        engine.observe(batch, { step: 0, share: 1 });
        const observed = byName(engine.weights());
        const alone = engineAt();
        alone.step(batch, still);
        const moved = byName(alone.weights());
        for (const layer of everything.layers) {
          if (layer.kind !== 'batch-normalization') continue;
          for (const statistic of [`${layer.name}/moving_mean`, `${layer.name}/moving_variance`]) {
            const expected = byName(initial)
              .get(statistic)!
              .map((value, at) => layer.momentum * value + (1 - layer.momentum) * observed.get(statistic)![at]!);
            expectClose(moved.get(statistic)!, expected, statistic);
          }
        }
      });

      test('is refused where none is kept, and beside lookahead', async () => {
        expect(() => engineAt().average(0.5)).toThrow(/compile it with average/);
        expect(() => engineAt().observe(batch, { step: 0, share: 1 })).toThrow(/compile it with average/);
        await expect(compile({ ...averaging, lookahead: true })).rejects.toThrow(/keeps one slow average/);
      });
    });

    describe('batch normalization', () => {
      test('takes the statistics of the batch to train, and keeps running ones to evaluate', async () => {
        const flat: Net = {
          name: 'flat',
          input: [4, 4, 2],
          classes: 32,
          layers: [
            { kind: 'normalization', name: 'normalize', mean: [0, 0], deviation: [1, 1] },
            { kind: 'batch-normalization', name: 'norm', momentum: 0.6, epsilon: 1e-3, scale: false },
            { kind: 'flatten', name: 'flatten' },
          ],
        };
        const engine = await compile({
          net: flat,
          weights: initializeWeights(flat, { seed: 1 }),
          groups: [{ name: 'all', weights: ['norm/beta'], optimizer: plainSgd }],
        });
        const { images, labels } = randomBatch(flat, 3);
        engine.step({ images, labels }, still);
        const running = byName(engine.weights());
        const count = images.length / 2;
        const mean = new Float64Array(2);
        const variance = new Float64Array(2);
        images.forEach((byte, at) => {
          mean[at % 2]! += byte / 255 / count;
        });
        images.forEach((byte, at) => {
          variance[at % 2]! += (byte / 255 - mean[at % 2]!) ** 2 / (count - 1);
        });
        const movingMean = mean.map((value) => 0.4 * value);
        const movingVariance = variance.map((value) => 0.6 + 0.4 * value);
        expectClose(running.get('norm/moving_mean')!, movingMean, 'mean');
        expectClose(running.get('norm/moving_variance')!, movingVariance, 'variance');
        const expected = Float64Array.from(
          images,
          (byte, at) => (byte / 255 - movingMean[at % 2]!) / Math.sqrt(movingVariance[at % 2]! + 1e-3),
        );
        expectClose(engine.logits(images), expected, 'logits');
      });
    });

    describe('dropout', () => {
      const dropping: Net = {
        name: 'dropping',
        input: [8, 8, 3],
        classes: 192,
        layers: [
          { kind: 'normalization', name: 'normalize', mean: [0, 0, 0], deviation: [1, 1, 1] },
          { kind: 'dropout', name: 'drop1', rate: 0.25 },
          { kind: 'flatten', name: 'flatten' },
          { kind: 'dense', name: 'head', units: 192, bias: true, init: 'glorot-uniform' },
        ],
      };
      const weights = initializeWeights(dropping, { seed: 1 });
      const groups = [{ name: 'all', weights: ['head/kernel', 'head/bias'], optimizer: plainSgd }];
      const { images, labels } = randomBatch(dropping, 4, 1);
      const change = { net: dropping, weights, groups, batchSize: 1 };

      test('is keyed by seed and step', async () => {
        const lossOf = async (seed: number, step: number) => {
          const engine = await compile({ ...change, seed });
          return engine.step({ images, labels }, { step, learningRates: { all: 0 } });
        };
        const loss = await lossOf(1, 5);
        expect(await lossOf(1, 5)).toBe(loss);
        expect(await lossOf(1, 6)).not.toBe(loss);
        expect(await lossOf(2, 5)).not.toBe(loss);
      });

      test('drops its share in training, and nothing when the net is evaluated', async () => {
        const engine = await compile({ ...change, weights: weights.map(identity) });
        expectClose(
          engine.logits(images),
          Float64Array.from(images, (byte) => byte / 255),
          'logits',
        );
        // A value that is lost is a row of the gradient that is zero.
        const before = engine.weights();
        engine.step({ images: images.map(() => 255), labels }, { step: 0, learningRates: { all: 1 } });
        const gradient = difference(before, engine.weights()).get('head/kernel')!;
        const rows = Array.from({ length: 192 }, (_, row) => gradient.subarray(row * 192, row * 192 + 192));
        const lost = rows.filter((row) => row.every((value) => value === 0)).length;
        expect(Math.abs(lost / 192 - 0.25)).toBeLessThan(0.16); // 5 standard deviations
      });
    });

    describe('its state', () => {
      const optimizer = { kind: 'adamw', beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01 } as const;
      const change = { groups: [{ name: 'all', weights: trainable, optimizer }], lookahead: true };
      const train = (engine: Engine, from: number, to: number) => {
        for (let step = from; step < to; step++) {
          engine.step(randomBatch(everything, step), { step, learningRates: { all: 0.01 } });
          if (step % 2 === 1) engine.lookahead(0.9);
        }
      };

      test('is the same every time, and resumed from a saved one it is the same bit for bit', async () => {
        const [one, two] = [await compile(change), await compile(change)];
        train(one, 0, 6);
        train(two, 0, 3);
        const saved = two.state();
        train(two, 3, 6);
        expect(two.state()).toEqual(one.state());
        const resumed = await compile(change);
        resumed.restore(saved);
        train(resumed, 3, 6);
        expect(resumed.state()).toEqual(one.state());
      });

      test('comes back exactly, and begins with the weights', async () => {
        const engine = await compile(change);
        const draw = random(7);
        const state = engine.state().map((tensor) => ({ ...tensor, data: tensor.data.map(() => draw.normal()) }));
        engine.restore(state);
        expect(engine.state()).toEqual(state);
        expect(engine.weights()).toEqual(state.slice(0, initial.length));
        expect(engine.weights().map((weight) => weight.name)).toEqual(initial.map((weight) => weight.name));
      });

      test('is not shared by two engines', async () => {
        const [one, two] = [await compile(change), await compile(change)];
        const before = two.state();
        train(one, 0, 1);
        expect(two.state()).toEqual(before);
      });

      test('of another net is refused, and nothing is changed', () => {
        const engine = engineAt();
        const state = engine.state();
        const [first, ...others] = state as [NamedTensor, ...NamedTensor[]];
        expect(() => engine.restore(others)).toThrow(/lack whiten\/kernel/);
        expect(() => engine.restore([...state, { ...first, name: 'conv9/kernel' }])).toThrow(/conv9\/kernel/);
        const other = { ...first, shape: [1, ...first.shape] };
        expect(() => engine.restore([other, ...others])).toThrow(/whiten\/kernel as \[1, ?2, ?2, ?3, ?10\]/);
        expect(() => engine.restore(others)).toThrow(UserError);
        expect(engine.state()).toEqual(state);
      });
    });

    describe.skipIf(!doesManySteps)('many steps in one call', () => {
      const dropping: Net = {
        ...everything,
        layers: everything.layers.toSpliced(-2, 0, { kind: 'dropout', name: 'drop', rate: 0.3 }),
      };
      const split = { count: 32, ...randomBatch(dropping, 11, 32) };
      const augmentation = { flip: 'random', translate: 2 } as const;
      const sgd = { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 0.01 } as const;
      const adamw = { kind: 'adamw', beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01 } as const;
      const change = {
        net: dropping,
        resident: { ...split, augmentation },
        groups: [
          { name: 'bias', weights: ['whiten/bias'], optimizer: sgd },
          {
            name: 'norms',
            weights: trainable.filter((weight) => weight.startsWith('norm')),
            optimizer: sgd,
          },
          {
            name: 'convolutions',
            weights: ['conv1/kernel', 'conv2/kernel'],
            optimizer: { kind: 'muon', momentum: 0.6 } as const,
          },
          {
            name: 'rest',
            weights: trainable.filter((weight) => /^(hidden|head)/.test(weight)),
            optimizer: adamw,
          },
        ],
        freezable: [['bias'], ['bias', 'norms', 'convolutions']],
        lookahead: true,
      };
      /** Three epochs; at first a group alone is trained, and in the middle of the second epoch one is frozen. */
      const steps = 15;
      const wholeFrom = 3;
      const frozenFrom = 8;
      const ratesOf = (step: number) => ({
        ...(step >= wholeFrom && {
          ...(step < frozenFrom && { bias: 0.1 }),
          norms: 0.05 / (step + 1),
          convolutions: 0.1,
        }),
        rest: 0.01 * (1 - step / steps),
      });
      const lookaheadAfter = (step: number) => (step % 3 === 2 ? 0.9 * (step / steps) : undefined);
      const epoch = (number: number) =>
        ({ imageSize: dropping.input, size: batchSize, seed: 3, epoch: number, augmentation }) as const;

      const oneByOne = (engine: Engine) => {
        let step = 0;
        const losses = [0, 1, 2].flatMap((number) =>
          Array.from(batches(split, epoch(number)), (each) => {
            const loss = engine.step(each, { step, learningRates: ratesOf(step) });
            const decay = lookaheadAfter(step++);
            if (decay !== undefined) engine.lookahead(decay);
            return loss;
          }),
        );
        return { losses, state: engine.state() };
      };
      const plans = [0, 1, 2]
        .flatMap((number) => [...batchPlans(split, epoch(number))])
        .map((plan, step) => ({ step, batch: plan, learningRates: ratesOf(step), lookahead: lookaheadAfter(step) }));

      test.each([
        ['each alone', 'float32', Array.from({ length: steps + 1 }, (_, step) => step)],
        ['as many as there are between two changes of the groups', 'float32', [0, wholeFrom, frozenFrom, steps]],
        ['now and then', 'bfloat16', [0, 1, wholeFrom, 4, 6, frozenFrom, 13, steps]],
        ['as many as there are between two changes of the groups', 'float16', [0, wholeFrom, frozenFrom, steps]],
      ] as const)(
        'are the steps one by one on batches of the same plan, bit for bit: %s, %s',
        async (_, precision, cuts) => {
          const expected = oneByOne(await compile({ ...change, precision }));
          const engine = await compile({ ...change, precision });
          const losses = cuts.slice(1).flatMap((to, index) => [...engine.steps!.run(plans.slice(cuts[index], to))]);
          expect(losses).toEqual(expected.losses);
          expect(engine.state()).toEqual(expected.state);
        },
      );

      test('average the weights as the steps one by one do, bit for bit', async () => {
        const engine = await compile({ resident: { ...split, augmentation }, average: true });
        const begin = engine.state();
        const learningRates = { all: 0.1 };
        const averageAfter = (step: number) => (step < 2 ? undefined : (step - 2) / (step - 1));
        const planned = Array.from(batchPlans(split, epoch(0)), (each, step) => ({
          ...{ step, batch: each, learningRates, average: averageAfter(step) },
        }));
        engine.steps!.run(planned);
        const together = engine.state();
        engine.restore(begin);
        let step = 0;
        for (const each of batches(split, epoch(0))) {
          engine.step(each, { step, learningRates });
          const decay = averageAfter(step++);
          if (decay !== undefined) engine.average(decay);
        }
        expect(together).toEqual(engine.state());
      });

      test('are the steps one by one for a net with branches too', async () => {
        const images = { count: 32, ...randomBatch(everythingBranched, 11, 32) };
        const planned = batchPlans(images, epoch(0));
        const rates = { all: 0.05 };
        const branched = {
          ...optionsFor(everythingBranched),
          resident: { ...images, augmentation },
        };
        const [one, other] = [await compile(branched), await compile(branched)];
        const together = one.steps!.run(
          Array.from(planned, (each, step) => ({ step, batch: each, learningRates: rates })),
        );
        const prepared = batches(images, { ...epoch(0), imageSize: everythingBranched.input });
        const alone = Array.from(prepared, (each, step) => other.step(each, { step, learningRates: rates }));
        expect([...together]).toEqual(alone);
        expect(one.state()).toEqual(other.state());
      });

      test.each([
        { randomCrop: 0.2, verticalFlip: 'random', zoom: [0.2, 0.2], rotate: 30 },
        { randAugment: [3, 20] },
        { colorJitter: [0.4, 0.4, 0.4, 0.1] },
        { cutout: 0.5 },
        { flip: 'none', translate: 0, randomCrop: 0.5, randAugment: [2, 9], colorJitter: [1, 1, 1, 0.5], cutout: 0.25 },
      ] as const)('are the steps one by one on images that are varied as photos are: %j', async (photos) => {
        const varied: Augmentation = { ...augmentation, ...photos };
        const engine = await compile({ resident: { ...split, augmentation: varied } });
        const begin = engine.state();
        const options = { ...epoch(0), augmentation: varied };
        const learningRates = { all: 0.1 };
        const planned = Array.from(batchPlans(split, options), (each, step) => ({ step, batch: each, learningRates }));
        const together = [...engine.steps!.run(planned)];
        const end = engine.state();
        engine.restore(begin);
        const alone = Array.from(batches(split, options), (each, step) => engine.step(each, { step, learningRates }));
        expect(together).toEqual(alone);
        expect(end).toEqual(engine.state());
      });

      test.each([
        ['direct', [4, 6, 8]],
        ['winograd', [4, 64, 64]],
      ] as const)(
        'are the steps one by one on images that grow, with %s convolutions',
        async (convolutions, widths) => {
          const growing = { ...optionsFor(airbenchNet(widths)), convolutions };
          const images = { count: 18, ...randomBatch(growing.net, 11, 18) };
          const options = { ...epoch(0), imageSize: growing.net.input };
          const [one, other] = [
            await compile({ ...growing, resolutions: [24, 28], resident: { ...images, augmentation } }),
            await compile({ ...growing, resolutions: [24, 28] }),
          ];
          const alike = { learningRates: { all: 0.01 } };
          const sizes = [24, 28, undefined];
          const planned = Array.from(batchPlans(images, options), (each, step) => ({
            ...{ ...alike, step, batch: each, resolution: sizes[step] },
          }));
          const together = planned.flatMap((plan) => [...one.steps!.run([plan])]);
          const prepared = batches(images, options);
          const alone = Array.from(prepared, (each, step) =>
            other.step(each, { ...alike, step, resolution: sizes[step] }),
          );
          expect(together).toEqual(alone);
          expect(one.state()).toEqual(other.state());
          expect(() => one.steps!.run(planned)).toThrow(/Step 1 has images of another size than step 0/);
        },
      );

      test('resume from a checkpoint of the steps one by one', async () => {
        const expected = oneByOne(await compile(change));
        const engine = await compile({ ...change, resident: undefined });
        let step = 0;
        for (const each of batches(split, epoch(0))) {
          engine.step(each, { step, learningRates: ratesOf(step) });
          const decay = lookaheadAfter(step++);
          if (decay !== undefined) engine.lookahead(decay);
        }
        const resumed = await compile(change);
        resumed.restore(engine.state());
        resumed.steps!.run(plans.slice(step, frozenFrom));
        resumed.steps!.run(plans.slice(frozenFrom));
        expect(resumed.state()).toEqual(expected.state);
      });

      test('are refused where they do not belong together, and nothing is changed', async () => {
        const engine = await compile(change);
        const before = engine.state();
        const changed = (batch: Partial<BatchPlan>) => () =>
          engine.steps!.run([{ ...plans[0]!, batch: { ...plans[0]!.batch, ...batch } }]);
        expect(() => engine.steps!.run([])).toThrow(/1 to \d+ steps, not 0/);
        expect(() => engine.steps!.run([plans[0]!, plans[2]!])).toThrow(/Step 2 does not follow 0/);
        expect(() => engine.steps!.run(plans.slice(frozenFrom - 1, frozenFrom + 1))).toThrow(
          /Step 8 trains other groups/,
        );
        expect(changed({ images: plans[0]!.batch.images.subarray(1) })).toThrow(/batches of 6 images, not 5/);
        expect(changed({ images: Int32Array.of(0, 1, 2, 3, 4, 32) })).toThrow(/32 resident images, and none is 32/);
        const wide = { isMirrored: false, down: 0, right: -3 };
        expect(changed({ transforms: new Array(batchSize).fill(wide) })).toThrow(
          /by 0, -3 pixels; the largest compiled is 2/,
        );
        const hole = { top: 0, bottom: 1, left: 0, right: 1 };
        const cut = { isMirrored: false, down: 0, right: 0, hole };
        expect(changed({ transforms: new Array(batchSize).fill(cut) })).toThrow(/of another augmentation/);
        expect(engine.state()).toEqual(before);
      });

      test('of images with an invalid label are refused', async () => {
        const labels = new Uint8Array(32).fill(5, 7);
        await expect(compile({ ...change, resident: { ...change.resident, labels } })).rejects.toThrow(
          /Label 5 of image 7 of the resident ones is not a class/,
        );
      });
    });

    test('offers many steps in one call where images are resident, if it can', async () => {
      const split = {
        count: 8,
        ...randomBatch(everything, 1, 8),
        augmentation: { flip: 'none', translate: 0 } as const,
      };
      expect((await compile({ resident: split })).steps !== undefined).toBe(doesManySteps);
      expect(shared.steps).toBeUndefined();
    });

    describe('logits', () => {
      test('of any number of images, each as if it were alone', () => {
        const engine = engineAt();
        const count = 303;
        const { images } = randomBatch(everything, 9, count);
        const size = images.length / count;
        const all = engine.logits(images);
        expect(all.length).toBe(count * everything.classes);
        for (const place of [0, 127, 128, 249, 250, 299, 300, count - 1]) {
          const alone = engine.logits(images.subarray(place * size, (place + 1) * size));
          expectClose(alone, all.subarray(place * everything.classes, (place + 1) * everything.classes), `${place}`);
        }
        expect(engine.logits(new Uint8Array(0)).length).toBe(0);
      });

      test('are the same before and after a step that changes nothing but statistics is undone', () => {
        const engine = engineAt();
        const before = engine.logits(batch.images);
        engine.step(batch, still);
        expect(engine.logits(batch.images)).not.toEqual(before);
        expect(engineAt().logits(batch.images)).toEqual(before);
      });
    });

    describe('what cannot be trained is refused:', () => {
      const group = (weights: string[]): ParameterGroup[] => [{ name: 'all', weights, optimizer: plainSgd }];
      test.each([
        [
          'a weight that the net does not have',
          { groups: group(['conv9/kernel']) },
          /conv9\/kernel, which net everything/,
        ],
        ['a whitening kernel', { groups: group(['whiten/kernel']) }, /whiten\/kernel, which is never trained/],
        ['a weight in two groups', { groups: [...group(['head/kernel']), ...group(['head/kernel'])] }, /in two groups/],
        ['an unknown freezable group', { freezable: [['some']] }, /no group has this name/],
        ['class weights of other classes', { classWeights: [1, 2] }, /has 5 classes, and 2 class weights were given/],
        ['missing weights', { weights: initial.slice(1) }, /lack whiten\/kernel/],
        ['unknown weights', { weights: [...initial, { ...initial[0]!, name: 'x' }] }, /hold x, which is unknown/],
        [
          'a weight of another shape',
          { weights: initial.map((w) => ({ ...w, shape: [1, ...w.shape] })) },
          /\[1, ?2, ?2, ?3, ?10\]/,
        ],
      ])('%s', async (_, change, message) => {
        const failure: unknown = await compile(change).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(UserError);
        expect((failure as Error).message).toMatch(message);
      });

      test('a net that contradicts itself, by its layer', async () => {
        await expect(compile({ net: { ...everything, classes: 6 } })).rejects.toThrow(InvalidNet);
      });

      test('a batch of another size, and an invalid label', () => {
        const engine = engineAt();
        expect(() => engine.step(randomBatch(everything, 1, 5), still)).toThrow(/batches of 6 images, not 5/);
        const labels = new Uint8Array(batchSize).fill(5, 2);
        expect(() => engine.step({ ...batch, labels }, still)).toThrow(/Label 5 of image 2/);
        expect(engine.weights()).toEqual(initial);
      });
    });

    test('is disposed of once: afterwards nothing can be asked of it', async () => {
      const engine = await compile();
      engine.dispose();
      engine.dispose();
      expect(() => engine.step(batch, still)).toThrow(/disposed of/);
    });
  });
}

const batchSize = 6;

function trainableOf(net: Net): string[] {
  return weightSpecs(net)
    .filter((spec) => spec.trainable)
    .map(({ name }) => name);
}

const plainSgd = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 } as const;

/** All weights in one group, trained by plain gradient descent. */
function optionsFor(net: Net): EngineOptions {
  return {
    net,
    weights: initializeWeights(net, { seed: 1, images: randomBatch(net, 1).images }),
    batchSize,
    seed: 1,
    labelSmoothing: 0.2,
    reduction: 'mean',
    groups: [{ name: 'all', weights: trainableOf(net), optimizer: plainSgd }],
  };
}

const batch = randomBatch(everything, 1);
const trainable = trainableOf(everything);
const usual = optionsFor(everything);
const initial = usual.weights;

/** Moves nothing but the running statistics. */
const still: StepOptions = { step: 0, learningRates: { all: 0 } };

function randomBatch(net: Net, seed: number, size = batchSize): Batch {
  return noiseBatch(net, size, seed);
}

/** Images of twice the size: each pixel four times. */
function doubled(images: Uint8Array, { input: [height, width, channels] }: Net): Uint8Array {
  const count = images.length / (height * width * channels);
  const large = new Uint8Array(4 * images.length);
  let at = 0;
  for (let image = 0; image < count; image++)
    for (let row = 0; row < 2 * height; row++)
      for (let column = 0; column < 2 * width; column++)
        for (let channel = 0; channel < channels; channel++, at++) {
          const pixel = (image * height + (row >> 1)) * width + (column >> 1);
          large[at] = images[pixel * channels + channel]!;
        }
  return large;
}

/** A square kernel becomes the identity, a bias zero. */
function identity(tensor: NamedTensor): NamedTensor {
  const [rows = 0] = tensor.shape;
  const isKernel = tensor.shape.length === 2;
  return { ...tensor, data: tensor.data.map((_, at) => (isKernel && at % (rows + 1) === 0 ? 1 : 0)) };
}

/** Three rounds of Newton and Schulz, as Muon has them, in double precision. @param flat `[rows, filters]` */
function orthogonalized(flat: Float64Array, filters: number): Float64Array {
  const rows = flat.length / filters;
  const multiply = (a: Float64Array, b: Float64Array, [m, k, n]: readonly [number, number, number]) => {
    const product = new Float64Array(m * n);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) for (let at = 0; at < k; at++) product[i * n + j]! += a[i * k + at]! * b[at * n + j]!;
    return product;
  };
  const norm = Math.hypot(...flat) + 1e-7;
  let x = flat.map((value) => value / norm);
  for (let round = 0; round < 3; round++) {
    const transposed = x.map((_, at) => x[(at % rows) * filters + Math.floor(at / rows)]!);
    const gram = multiply(transposed, x, [filters, rows, filters]);
    const square = multiply(gram, gram, [filters, filters, filters]);
    const mixed = gram.map((value, at) => -4.775 * value + 2.0315 * square[at]!);
    const moved = multiply(x, mixed, [rows, filters, filters]);
    x = x.map((value, at) => 3.4445 * value + moved[at]!);
  }
  return x;
}

function shapeOf(name: string): readonly number[] {
  return initial.find((weight) => weight.name === name)!.shape;
}

function byName(tensors: readonly NamedTensor[]): Map<string, Float32Array> {
  return new Map(tensors.map(({ name, data }) => [name, data]));
}

/** What each tensor lost, by name. */
function difference(before: readonly NamedTensor[], after: readonly NamedTensor[]): Map<string, Float32Array> {
  const later = byName(after);
  return new Map(before.map(({ name, data }) => [name, data.map((value, at) => value - later.get(name)![at]!)]));
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, what: string, share = 1e-4): void {
  expect(found.length, what).toBe(expected.length);
  let [worst, largest] = [0, 0];
  for (let at = 0; at < expected.length; at++) {
    worst = Math.max(worst, Math.abs(found[at]! - expected[at]!));
    largest = Math.max(largest, Math.abs(expected[at]!));
  }
  expect(worst, what).toBeLessThanOrEqual(1e-5 + share * largest);
}
