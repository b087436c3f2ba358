import { goldenDifference } from '#models/golden.ts';
import type { VerifiedVersion } from '#models/versions.ts';
import { type OpenableVersion, openClassifier } from '../../serving/classifier.ts';
import { pixelsFromBase64 } from './base64.ts';

/** The served model, running in this browser. */
export interface BrowserModel {
  readonly version: string;
  /** Number of golden images that it passed. */
  readonly goldenImageCount: number;
  /** Largest difference between two probabilities that count as equal. */
  readonly tolerance: number;
  classify(pixels: Uint8Array): {
    readonly probabilities: Float32Array;
    /** Absent where the card does not say how to tell. */
    readonly unfamiliar: boolean | undefined;
    readonly milliseconds: number;
  };
  dispose(): void;
}

/** Loads the model and checks its golden images. @throws {Error} it fails them */
export async function openBrowserModel(
  version: OpenableVersion & Pick<VerifiedVersion, 'golden'>,
): Promise<BrowserModel> {
  const classifier = await openClassifier(version);
  const { images, tolerance } = version.golden;
  const answers = images.flatMap(({ pixels }) => [...classifier.classify(pixelsFromBase64(pixels))]);
  const difference = goldenDifference(version.golden, answers);
  if (!(difference <= tolerance)) {
    classifier.dispose();
    throw new Error(`This browser computes other results than training did: a probability differs by ${difference}.`);
  }
  return {
    version: version.id,
    goldenImageCount: images.length,
    tolerance,
    classify(pixels) {
      const started = performance.now();
      const { probabilities, unfamiliar } = classifier.answer(pixels);
      return { probabilities, unfamiliar: unfamiliar?.[0], milliseconds: performance.now() - started };
    },
    dispose: () => classifier.dispose(),
  };
}
