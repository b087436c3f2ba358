import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { probabilities } from '../../evaluation/temperature.ts';
import { anyNet, everything, trainedWeights } from '../../nets/net.fixture.ts';
import { exampleNets, expectSameLogits, python, trainedNet, unlessSkipped } from '../export.fixture.ts';
import { encodeOnnx } from './encode.ts';

const trained = trainedNet(everything, 1);

describe('an ONNX model', () => {
  test('is the same every time, in whatever order the weights are given', () => {
    const weights = trainedWeights(everything, 1).reverse();
    expect(Buffer.compare(encodeOnnx({ ...trained, weights }), encodeOnnx(trained))).toBe(0);
  });

  test('weights that are not the net’s are refused', () => {
    expect(() => encodeOnnx({ ...trained, weights: trained.weights.slice(1) })).toThrow('lack whiten/kernel');
  });
});

test.skipIf(python === undefined)(
  `ONNX Runtime returns the logits of the engine, for every net and any number of images ${unlessSkipped}`,
  async () => {
    const nets = [...exampleNets(), ...fc.sample(anyNet, 20).map(trainedNet)];
    const answers = await expectSameLogits(
      nets,
      encodeOnnx,
      `
import onnx, onnxruntime
def answer(file, images):
  onnx.checker.check_model(onnx.load(file), full_check=True)
  session = onnxruntime.InferenceSession(file)
  probabilities, logits = session.run(['probabilities', 'logits'], {'images': images})
  unbatched = [session.run(['logits'], {'images': image[None]})[0][0] for image in images]
  return logits, {
    'probabilities': probabilities.ravel().tolist(),
    'unbatched': float(np.abs(np.stack(unbatched) - logits).max() / max(1, np.abs(logits).max())),
    'classes': session.get_modelmeta().custom_metadata_map['classes'],
  }
`,
    );
    for (const [index, { logits, ...answer }] of answers.entries()) {
      const { classes, temperature } = nets[index]!;
      const expected = probabilities(Float32Array.from(logits), classes.length, temperature);
      expect(answer.probabilities).toHaveLength(expected.length);
      for (const [at, value] of (answer.probabilities as number[]).entries())
        expect(value).toBeCloseTo(expected[at]!, 5);
      expect(answer.unbatched).toBeLessThan(1e-5);
      expect(JSON.parse(answer.classes as string)).toEqual(classes);
    }
  },
);
