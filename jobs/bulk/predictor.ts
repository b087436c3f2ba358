import { availableMemory } from 'node:process';
import { MessageChannel, type MessagePort, SHARE_ENV, Worker } from 'node:worker_threads';
import { hasTensorFlow } from '#training/engine/tensorflow.ts';
import type { BulkModel } from './bulk-model.ts';
import { ASKED, type EngineChoice, type EngineName } from './choose-engine.ts';
import type { NewClient, PredictorData } from './predictor-thread.ts';

/** The engine that was chosen, and the thread that computes by it, if there is one for all. */
export interface Predictor {
  readonly choice: EngineChoice;
  /**
   * For another thread, which sends images and gets logits; undefined where each thread has a network of its own.
   *
   * @throws why its thread has failed or ended
   */
  connect(): MessagePort | undefined;
  /** Calls the listener when its thread has failed or ended. */
  onFailure(listener: (error: Error) => void): void;
  end(): Promise<void>;
}

/** So few pictures are classified by WebAssembly before TensorFlow is loaded, and the two are compared. */
const FEW = 5000;
/** Bytes. */
const MEMORY = 1.5e9;

/**
 * Chooses the engine. Native TensorFlow runs in one thread for all, on as many cores as there are: its addon cannot be loaded by
 * several.
 *
 * @param pictures about how many are to be classified
 * @param wanted the engine, where it is not to be chosen
 */
export async function openPredictor(model: BulkModel, pictures: number, wanted?: EngineName): Promise<Predictor> {
  if (wanted === 'WebAssembly') return onWebAssembly({ engine: wanted, reason: ASKED });
  const reason = wanted === undefined ? whyWebAssembly(pictures) : undefined;
  if (reason !== undefined) return onWebAssembly({ engine: 'WebAssembly', reason });
  try {
    const predictor = await startPredictor(model, wanted);
    if (predictor.choice.engine === 'TensorFlow') return predictor;
    await predictor.end();
    return onWebAssembly(predictor.choice);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return onWebAssembly({ engine: 'WebAssembly', reason: `TensorFlow fails here: ${message}` });
  }
}

/** @param wanted the engine. @default TensorFlow, unless WebAssembly is found to be better: then the thread computes nothing */
export async function startPredictor(model: BulkModel, wanted?: EngineName): Promise<Predictor> {
  const worker = new Worker(new URL('./bulk.worker.mjs', import.meta.url), {
    workerData: { predicts: { model, wanted } satisfies PredictorData },
    execArgv: [],
    env: SHARE_ENV, // TensorFlow reads its settings from the process's own.
  });
  let failure: Error | undefined;
  const listeners: ((error: Error) => void)[] = [];
  const choice = await new Promise<EngineChoice>((resolve, reject) => {
    worker.once('message', resolve);
    const fail = (error: Error) => {
      if (failure) return; // An exit follows each error.
      failure = error;
      reject(error);
      for (const listener of listeners) listener(error);
    };
    worker.on('error', (error) => fail(error as Error));
    worker.on('exit', (code) => fail(new Error(`The thread that computes the network ended, with exit code ${code}.`)));
  });
  return {
    choice,
    onFailure: (listener) => listeners.push(listener),
    connect() {
      if (failure) throw failure;
      const { port1, port2 } = new MessageChannel();
      worker.postMessage({ port: port1 } satisfies NewClient, [port1]);
      return port2;
    },
    async end() {
      await worker.terminate();
    },
  };
}

function onWebAssembly(choice: EngineChoice): Predictor {
  return { choice, connect: () => undefined, onFailure: () => {}, end: async () => {} };
}

function whyWebAssembly(pictures: number): string | undefined {
  if (pictures < FEW) return 'for few pictures it answers sooner';
  if (!hasTensorFlow()) return 'native TensorFlow is not installed';
  if (availableMemory() < MEMORY) return `TensorFlow needs ${MEMORY / 1e9} GB of free memory`;
  return undefined;
}
