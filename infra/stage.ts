/** Stages of the system that stand side by side in one account, each a stack with a bucket, queues and an endpoint of its own. */
export const stages = ['dev', 'prod'] as const;

export type Stage = (typeof stages)[number];

/** The name of a stage's stack: `Cifar10-dev`, `Cifar10-prod`, and `Cifar10` where the system has no stages. */
export function stackNameOf(stage: Stage | undefined): string {
  return stage === undefined ? 'Cifar10' : `Cifar10-${stage}`;
}

/** @throws {Error} there is no such stage */
export function checkStage(name: string): Stage {
  const stage = stages.find((each) => each === name);
  if (stage === undefined) {
    throw new Error(`The stage ${JSON.stringify(name)} is not valid. Give ${stages.join(' or ')}, or none.`);
  }
  return stage;
}
