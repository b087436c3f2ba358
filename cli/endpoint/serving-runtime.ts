import type { Predict } from '#models/gate.ts';

/** Predicts as the endpoint will: the gate runs it before it promotes a version. */
export const predictAsServed: Predict = async (version, images) => {
  const { openClassifier } = await import('#inference/serving/classifier.ts'); // Loads the engine, which `models list` can do without.
  const classifier = await openClassifier(version);
  try {
    return classifier.classify(images);
  } finally {
    classifier.dispose();
  }
};
