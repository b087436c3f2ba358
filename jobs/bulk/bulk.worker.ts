import { workerData } from 'node:worker_threads';
import type { PredictorData } from './predictor-thread.ts';
import type { ThreadData } from './threads.ts';

/** A thread of the bulk engine: native TensorFlow's, or one that reads and decodes pictures and makes their rows. */
const data = workerData as { readonly predicts: PredictorData } | { readonly answers: ThreadData };
if ('predicts' in data) await (await import('./predictor-thread.ts')).predict(data.predicts);
else await (await import('./answer-thread.ts')).answer(data.answers);
