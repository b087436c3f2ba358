import { variable } from '#environment/variables.ts';
import { UsageError, UserError } from '#errors/user-error.ts';
import { probeGpu } from '../engine/gpu-probe.ts';
import { installedAddon } from '../engine/tensorflow.ts';
import { describeFacts, gpuFacts, whyNoGpu } from '../engine/why-no-gpu.ts';

/** A training job that was to have a GPU has none. Trained on the processor it would take hours at a GPU's price. */
class NoGpu extends UserError {
  override readonly name = 'NoGpu';

  constructor(reason: string) {
    super(`${variable.device} is gpu, but TensorFlow sees no GPU: ${reason}`);
  }
}

/**
 * Does what CIFAR10_DEVICE says, before TensorFlow is loaded: `gpu` makes sure that there is one, in two minutes at most;
 * `cpu` hides it. Without the variable a run takes a GPU if there is one.
 *
 * @throws {UsageError} the variable has another value
 * @throws {NoGpu}
 * @throws the reason of the signal, if it is aborted
 */
export async function prepareDevice(signal: AbortSignal): Promise<void> {
  const device = process.env[variable.device];
  if (!device) return;
  if (device === 'cpu') process.env[variable.visibleGpus] = '-1';
  else if (device === 'gpu') await checkGpu(signal);
  else throw new UsageError(`${variable.device} is ${JSON.stringify(device)}: it takes gpu or cpu.`);
}

async function checkGpu(signal: AbortSignal): Promise<void> {
  const addon = installedAddon();
  if (!addon?.hasCuda) {
    const found = addon === undefined ? 'it is not installed' : 'the one that is installed is built without CUDA';
    throw new NoGpu(
      `${found}. Use the image of training/Dockerfile, or run \`npm run setup -- --gpu\`; ${variable.device}=cpu trains on the processor.`,
    );
  }
  const probe = await probeGpu(addon.file, { signal });
  if (probe.device === 'GPU') return;
  const facts = await gpuFacts();
  throw new NoGpu(`${whyNoGpu(probe, facts)} (${describeFacts(facts)})`);
}
