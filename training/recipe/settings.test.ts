import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '#errors/user-error.ts';
import { shapesOf } from '../nets/shapes.ts';
import { netOf, type Recipe, recipes } from './recipes.ts';
import { describeSettings, resolveContinuation, resolveRecipe } from './settings.ts';

describe('resolveRecipe', () => {
  test('a recipe by itself is what its name says', () => {
    expect(resolveRecipe('quick')).toEqual({ name: 'quick', settings: recipes.quick });
  });

  test('changes are typed, and the last one wins', () => {
    const changes = [
      'epochs=2',
      'epochs=0.5',
      'widths=16,32,64',
      'nesterov=false',
      'flip=random',
      'learningRate=1e-2',
      'randAugment=2,9',
    ];
    expect(resolveRecipe('quick', changes).settings).toEqual({
      ...recipes.quick,
      epochs: 0.5,
      widths: [16, 32, 64],
      nesterov: false,
      flip: 'random',
      learningRate: 0.01,
      randAugment: [2, 9],
    });
  });

  test('resolutions are whole, or sizes that grow to one that images have', () => {
    const resolved = (text: string) => resolveRecipe('quick', [`resolutions=${text}`]).settings.resolutions;
    expect(resolved('24,24,28,32')).toEqual([24, 24, 28, 32]);
    expect(resolved('32')).toEqual([32]);
    expect(resolved('whole')).toBe('whole');
    for (const text of ['', '24,28', '28,24,32', '24.5,32', '4,32', '24,,32', 'half']) {
      expect(() => resolved(text), text).toThrow(
        `resolutions cannot be "${text}". Give whole, or whole numbers from 8`,
      );
    }
  });

  test('every setting of every recipe can be written as --set and read back', () => {
    for (const [name, recipe] of Object.entries(recipes)) {
      const changes = Object.entries(recipe).map(([key, value]) => `${key}=${value}`);
      expect(resolveRecipe('seed', changes).settings, name).toEqual(recipe);
    }
  });

  test.each([
    ['300', 300],
    ['90s', 90],
    ['5m', 300],
    ['1.5h', 5400],
    ['0', 0],
  ])('a budget of %s is %d seconds', (text, seconds) => {
    expect(resolveRecipe('quick', [`budget=${text}`]).settings.budget).toBe(seconds);
  });

  test.each([
    [
      'quik',
      [],
      'There is no recipe "quik". The recipes are seed, short, minute, quick, c92, c94 and tiny; did you mean "quick"?',
    ],
    ['toString', [], 'There is no recipe "toString". The recipes are'],
    ['quick', ['epoch=2'], 'There is no setting "epoch"; did you mean "epochs"?'],
    ['quick', ['depth=9'], /^The settings are:\n.+\n\nThere is no setting "depth"\.$/s],
    ['quick', ['learning_rate=2'], 'did you mean "learningRate"?'],
    ['quick', ['__proto__=2'], 'There is no setting "__proto__".'],
    ['quick', ['epochs'], '"epochs" is not a setting. Write --set key=value'],
    ['quick', ['epochs=many'], 'epochs cannot be "many". Give a number above 0, up to 10000'],
    ['quick', ['epochs='], 'epochs cannot be "".'],
    ['quick', ['epochs=0'], 'epochs cannot be "0".'],
    ['quick', ['epochs=Infinity'], 'epochs cannot be "Infinity".'],
    ['quick', ['batchSize=1.5'], 'batchSize cannot be "1.5". Give a whole number from 1 to 8192.'],
    ['quick', ['widths=32,64'], 'widths cannot be "32,64". Give three whole numbers'],
    ['quick', ['net=resnet'], 'net cannot be "resnet". Give seed, airbench, tiny, resnet20, vgg or resnet9.'],
    ['quick', ['patience=-1'], 'patience cannot be "-1". Give a number from 0 to 10000; 0 for never.'],
    ['quick', ['keep=first'], 'keep cannot be "first". Give last or best.'],
    ['quick', ['budget=5d'], 'budget cannot be "5d". Give seconds, or a time such as 90s, 5m or 1.5h'],
    ['quick', ['budget=-5m'], 'budget cannot be "-5m".'],
    ['quick', ['budget=1000h'], 'budget cannot be "1000h".'],
    ['quick', ['learningRate=-0.1'], 'learningRate cannot be "-0.1". Give a number from 0 to 100.'],
    ['quick', ['weightDecay=-1'], 'weightDecay cannot be "-1".'],
    ['quick', ['batchSize=0'], 'batchSize cannot be "0".'],
    ['quick', ['widths=32,64,4096'], 'widths cannot be "32,64,4096". Give three whole numbers from 1 to 2048'],
    ['quick', ['widths=32,-64,64'], 'widths cannot be "32,-64,64".'],
    ['quick', ['heldOut=1000001'], 'heldOut cannot be "1000001".'],
    ['quick', ['classWeights=even'], 'classWeights cannot be "even". Give none, balanced or sqrt.'],
    ['quick', ['randomCrop=1.5'], 'randomCrop cannot be "1.5". Give a number from 0 to 1; 0 for none.'],
    [
      'quick',
      ['randAugment=2.5,9'],
      'randAugment cannot be "2.5,9". Give operations (a whole number 0 to 4) and magnitude (0 to 30), such as 2,9; zeros for none.',
    ],
    [
      'quick',
      ['zoom=0.6,0'],
      'zoom cannot be "0.6,0". Give smaller (0 to 0.5) and larger (0 to 1), such as 0.1,0.1; zeros',
    ],
    ['quick', ['rotate=181'], 'rotate cannot be "181". Give a number from 0 to 180; 0 for none.'],
    ['quick', ['verticalFlip=alternating'], 'verticalFlip cannot be "alternating". Give none or random.'],
    ['quick', ['whitening=zca'], 'whitening cannot be "zca". Give on or off.'],
    ['quick', ['views=9'], 'views cannot be "9". Give plain, mirrored or six.'],
    ['quick', ['randAugment=2'], 'randAugment cannot be "2".'],
    ['quick', ['randAugment=2,31'], 'randAugment cannot be "2,31".'],
    [
      'quick',
      ['colorJitter=0.4,0.4,0.4,0.6'],
      'brightness (0 to 1), contrast (0 to 1), saturation (0 to 1) and hue (0 to 0.5)',
    ],
    ['quick', ['colorJitter=0.4,,0.4,0'], 'colorJitter cannot be "0.4,,0.4,0".'],
    ['quick', ['imageSize=40'], 'imageSize cannot be "40". Give 32, 48, 64, 96 or 128.'],
    ['quick', ['imageSize='], 'imageSize cannot be "".'],
    ['quick', ['fit=fill'], 'fit cannot be "fill". Give crop, pad or stretch.'],
    ['quick', ['activation=tanh'], 'activation cannot be "tanh". Give default, relu, elu, gelu or silu.'],
    ['quick', ['dropout=1'], 'dropout cannot be "1". Give default, or a number from 0 to 0.95; 0 for none.'],
    ['quick', ['dropout=none'], 'dropout cannot be "none".'],
    ['quick', ['logitScale=0'], 'logitScale cannot be "0". Give default, or a number above 0, up to 100.'],
    [
      'quick',
      ['lowerAt=0.8,0.5'],
      'lowerAt cannot be "0.8,0.5". Give rising numbers above 0 and below 1, such as 0.5,0.75.',
    ],
    ['quick', ['lowerAt=0'], 'lowerAt cannot be "0".'],
    ['quick', ['lowerAt='], 'lowerAt cannot be "".'],
    ['quick', ['lowerAt=0.5,late'], 'lowerAt cannot be "0.5,late".'],
    ['quick', ['nesterov=1'], 'nesterov cannot be "1". Give true or false.'],
  ])('%s with %j is refused and says why', (name, changes, message) => {
    expect(() => resolveRecipe(name, changes)).toThrow(message);
  });

  test('whatever is asked for, the answer is a recipe or a UsageError', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...Object.keys(recipes.seed)), fc.string(), (word, key, value) => {
        for (const change of [word, `${word}=${value}`, `${key}=${value}`]) {
          try {
            const { settings } = resolveRecipe('seed', [change]);
            expect(Object.keys(settings)).toEqual(Object.keys(recipes.seed));
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
          }
        }
      }),
    );
  });
});

describe('a recipe to continue with', () => {
  const { translate, ...short } = recipes.short;
  const stored = { ...short, epochs: 0.5, shift: 3, depth: 9 };

  test('is that of the weights, under its current names, at a tenth of its rates', () => {
    expect(resolveContinuation({ parent: { name: 'short', settings: stored } })).toEqual({
      name: 'short',
      settings: { ...recipes.short, epochs: 0.5, translate: 3, learningRate: 0.04, muonLearningRate: 0.016 },
    });
  });

  test('is the one that is named, with rates that are no higher', () => {
    const parent = { name: 'short', settings: stored };
    const rates = { learningRate: 0.02, muonLearningRate: 0.024 };
    expect(resolveContinuation({ name: 'tiny', parent })).toEqual({
      name: 'tiny',
      settings: { ...recipes.tiny, ...rates },
    });
  });

  test('has the size and the fit of the pictures that the weights know, whichever recipe is named', () => {
    const parent = { name: 'short', settings: { ...stored, imageSize: 96, fit: 'pad' } };
    for (const name of [undefined, 'tiny']) {
      expect(resolveContinuation({ name, parent }).settings).toMatchObject({ imageSize: 96, fit: 'pad' });
      expect(resolveContinuation({ name, parent }, ['fit=crop']).settings).toMatchObject({
        imageSize: 96,
        fit: 'crop',
      });
    }
    const earlier = { name: 'short', settings: stored };
    expect(resolveContinuation({ parent: earlier }).settings).toMatchObject({ imageSize: 32, fit: 'crop' });
  });

  test('has the activations, batch normalization, scale and standardization of the weights, whichever recipe is named', () => {
    const changes = { activation: 'elu', batchNormalization: 'on', logitScale: 0.5, standardize: 'on' };
    const parent = { name: 'short', settings: { ...stored, ...changes, dropout: 0.1 } };
    expect(resolveContinuation({ name: 'quick', parent }).settings).toMatchObject({ ...changes, dropout: 'default' });
  });

  test('has the settings that are asked for, rates included', () => {
    const { settings } = resolveContinuation({ name: 'tiny', parent: undefined }, ['learningRate=0.2', 'epochs=3']);
    expect(settings).toMatchObject({ learningRate: 0.2, epochs: 3 });
  });

  test('has rates that do not fall with each continuation', () => {
    const once = resolveContinuation({ parent: { name: 'quick', settings: { ...recipes.quick } } });
    const twice = resolveContinuation({ parent: { name: 'quick', settings: { ...once.settings } } });
    expect(twice).toEqual(once);
    const slower = { ...once.settings, learningRate: 0.001 };
    expect(resolveContinuation({ parent: { name: 'quick', settings: slower } }).settings.learningRate).toBe(0.001);
  });

  test('trains a new head at the rates of the recipe, and the body at a tenth of them', () => {
    const parent = { name: 'short', settings: { ...stored, learningRate: 0.04, probeEpochs: 2, freeze: 'body' } };
    const { settings } = resolveContinuation({ parent, hasNewHead: true });
    const { learningRate, muonLearningRate } = recipes.short;
    expect(settings).toMatchObject({ epochs: 0.5, learningRate, muonLearningRate, bodyLearningRate: 0.1 });
    expect(settings, 'how the head of the parent was trained').toMatchObject({ freeze: 'none', probeEpochs: 0 });
    expect(resolveContinuation({ parent, hasNewHead: true }, ['freeze=body']).settings.freeze).toBe('body');
  });

  test('has to be named where the weights do not say', () => {
    expect(() => resolveContinuation({ parent: undefined })).toThrow(/do not say which recipe .* Name one/);
  });
});

test('the description names every setting with its value', () => {
  const text = describeSettings(recipes.quick);
  for (const key of Object.keys(recipes.quick)) expect(text).toContain(`${key}=${recipes.quick[key as keyof Recipe]}`);
});

test.each(Object.entries(recipes))('the net of recipe %s holds together', (_, recipe) => {
  expect(() => shapesOf(netOf(recipe))).not.toThrow();
});
