import { goldenDifference } from '#models/golden.ts';
import type { VerifiedVersion } from '#models/versions.ts';
import { type OpenableVersion, openClassifier } from '../../serving/classifier.ts';
import { pixelsFromBase64 } from './base64.ts';

/** The served model, in this browser. */
export interface Engine {
  readonly version: string;
  /** How many golden images it answers as training did. */
  readonly goldenImages: number;
  /** Of the answers that count as the same. */
  readonly tolerance: number;
  classify(pixels: Uint8Array): { readonly probabilities: Float32Array; readonly milliseconds: number };
  dispose(): void;
}

/** @throws it does not answer the golden images as training did, so it must not be shown */
export async function openEngine(version: OpenableVersion & Pick<VerifiedVersion, 'golden'>): Promise<Engine> {
  const classifier = await openClassifier(version);
  const { images, tolerance } = version.golden;
  const answers = images.flatMap(({ pixels }) => [...classifier.classify(pixelsFromBase64(pixels))]);
  const difference = goldenDifference(version.golden, answers);
  if (!(difference <= tolerance)) {
    classifier.dispose();
    throw new Error(`This browser computes otherwise than training did: a probability differs by ${difference}.`);
  }
  return {
    version: version.id,
    goldenImages: images.length,
    tolerance,
    classify(pixels) {
      const started = performance.now();
      const probabilities = classifier.classify(pixels);
      return { probabilities, milliseconds: performance.now() - started };
    },
    dispose: () => classifier.dispose(),
  };
}
