import { UsageError } from '#errors/user-error.ts';
import { compileEager } from '../engine/eager/engine.ts';
import type { Engine, EngineOptions } from '../engine/engine.ts';
import { compileGraph } from '../engine/graph/engine.ts';
import { checkMemory } from '../engine/graph/out-of-memory.ts';
import { isBfloat16Coarse, precisionOf, processors } from '../engine/graph/precision.ts';
import { hasTensorFlow, loadTensorFlow } from '../engine/tensorflow.ts';
import type { Net } from '../nets/net.ts';
import type { BatchPreparation } from '../recipe/batch-preparation.ts';
import type { Recipe } from '../recipe/recipes.ts';

/** Compiles a net for native TensorFlow, or for WebAssembly. */
export function compileEngine(choice: Recipe['engine'], options: EngineOptions): Promise<Engine> {
  return isNative(choice) ? compileGraph(options) : compileEager(options);
}

/** Whether a run with this setting uses native TensorFlow. */
export function isNative(choice: Recipe['engine']): boolean {
  return choice === 'tensorflow' || (choice === 'auto' && hasTensorFlow());
}

/** Resolves `auto`. */
export async function choosePreparation({ batchPreparation, engine }: Recipe): Promise<BatchPreparation> {
  if (batchPreparation !== 'auto') return batchPreparation;
  return isNative(engine) && (await loadTensorFlow()).device === 'GPU' ? 'graph' : 'inline';
}

/**
 * @throws {UserError} native TensorFlow is not installed, or a step needs more memory than there is
 * @throws {UsageError} the processor's gradients in bfloat16 would be wrong
 */
export async function checkEngine({ engine, batchSize, precision }: Recipe, net: Net): Promise<void> {
  if (!isNative(engine)) return;
  const tensorflow = await loadTensorFlow();
  if (tensorflow.device !== 'CPU') return;
  if (precision === 'bfloat16' && isBfloat16Coarse(processors())) {
    throw new UsageError(
      'precision=bfloat16 takes a processor with AVX-512: on this one its gradients are off by a fifth and more. ' +
        'Set precision=auto, which is float32 here.',
    );
  }
  checkMemory({ net, batchSize }, precisionOf({ precision }, tensorflow));
}
