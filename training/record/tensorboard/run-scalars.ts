import type { TrainingEvent } from '../events.ts';
import type { Scalar } from './event-file.ts';

/** The scalars of a run's events for TensorBoard, each tag at most once per step. */
export interface RunScalars {
  /** @returns whether the event only appended scalars; false where the run went back to an earlier step */
  learn(event: TrainingEvent): boolean;
  all(): Scalar[];
}

export function runScalars(): RunScalars {
  let scalars = new Map<string, Scalar>();

  /** Discards scalars after a step from which the run continued. */
  const forgetAfter = (last: number): boolean => {
    const before = scalars.size;
    scalars = new Map([...scalars].filter(([, { step }]) => step <= last));
    return scalars.size === before;
  };

  return {
    all: () => [...scalars.values()],
    learn(event) {
      if (event.type === 'started') return forgetAfter(event.fromStep);
      if (event.type === 'recovered') return forgetAfter(event.toStep);
      const figures = figuresOf(event);
      if (figures === undefined) return true;
      const wallTime = Date.parse(event.at) / 1000;
      let isAppended = true;
      for (const [tag, value] of Object.entries(figures.values)) {
        const name = `${tag} ${figures.step}`;
        if (scalars.delete(name)) isAppended = false; // Evaluated again after an interruption.
        scalars.set(name, { tag, step: figures.step, value, wallTime });
      }
      return isAppended;
    },
  };
}

interface Figures {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

function figuresOf(event: TrainingEvent): Figures | undefined {
  if (event.type === 'step') {
    const { step, loss, learningRate, imagesPerSecond } = event;
    const values = { loss, learning_rate: learningRate, images_per_second: imagesPerSecond };
    return { step, values: tagged('training', values) };
  }
  if (event.type === 'epoch' && event.validation) {
    return { step: event.step, values: tagged('validation', event.validation) };
  }
  if (event.type === 'evaluated') {
    const { step, plain, tta, loss } = event;
    return { step, values: tagged('test', { accuracy: plain, accuracy_with_augmentation: tta, loss }) };
  }
  return undefined;
}

function tagged(group: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]));
}
