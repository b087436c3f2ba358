import type { Predict } from '#models/gate.ts';

/** Answers as the endpoint will: what the gate asks before it lets a version into production. */
export const predictAsServed: Predict = async (version, images) => {
  const { openClassifier } = await import('#inference/serving/classifier.ts'); // Loads the engine, which `models list` can do without.
  const classifier = await openClassifier(version);
  try {
    return classifier.classify(images);
  } finally {
    classifier.dispose();
  }
};
