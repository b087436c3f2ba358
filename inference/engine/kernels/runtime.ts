import { assemble, type FunctionSource, relaxedMultiplyAdd, separateMultiplyAdd } from './assembler.ts';
import { kernelSources } from './kernels.ts';

/** WebAssembly as far as it is used here; TypeScript declares it for browsers only. */
interface WebAssemblyApi {
  readonly Memory: new (size: { readonly initial: number }) => Memory;
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: Readonly<Record<string, Positional>> }>;
}

type Positional = (...numbers: readonly number[]) => void;

/** WebAssembly's memory; it is garbage-collected. */
export interface Memory {
  readonly buffer: ArrayBuffer;
}

/** A call of a kernel, with its arguments by parameter. */
export type Call = {
  readonly [Name in keyof Sources]: Sources[Name] extends FunctionSource<infer Parameter>
    ? { readonly kernel: Name } & Readonly<Record<Parameter, number>>
    : never;
}[keyof Sources];

type Sources = ReturnType<typeof kernelSources>;

const api = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;

interface Compiled {
  readonly module: object;
  readonly sources: Sources;
}

let compiling: Promise<Compiled> | undefined;

/** Once a process, for all models. Browsers refuse to compile this much synchronously. */
async function compile(): Promise<Compiled> {
  const sources = kernelSources(hasMultiplyAdd() ? relaxedMultiplyAdd : separateMultiplyAdd);
  return { module: await api.compile(assemble(Object.values(sources))), sources };
}

/** Whether this runtime has fused multiply-add. Node has it from 22 on; Node 20 has it too, and has to be told to use it. */
function hasMultiplyAdd(): boolean {
  const bytes = assemble([kernelSources(relaxedMultiplyAdd).affine]);
  if (api.validate(bytes)) return true;
  const { process } = globalThis as { readonly process?: { getBuiltinModule?(name: string): unknown } };
  const v8 = process?.getBuiltinModule?.('node:v8') as { setFlagsFromString(flag: string): void } | undefined;
  v8?.setFlagsFromString('--experimental-wasm-relaxed-simd');
  return api.validate(bytes);
}

/** The kernels, with a memory. */
export interface Machine {
  readonly memory: Memory;
  /** @returns a function that runs these calls, at the least cost */
  prepare(calls: readonly Call[]): () => void;
}

/** @param bytes size of the memory, which starts as zeros */
export async function startMachine(bytes: number): Promise<Machine> {
  compiling ??= compile();
  const { module, sources } = await compiling;
  const memory = new api.Memory({ initial: Math.ceil(bytes / 65536) });
  const { exports } = await api.instantiate(module, { env: { memory } });
  return {
    memory,
    prepare(calls) {
      const prepared = calls.map((call) => {
        const numbers: Readonly<Record<string, number | string>> = call;
        const positions = sources[call.kernel].parameters.map(([name]) => Number(numbers[name]));
        return { run: exports[call.kernel]!, positions };
      });
      return () => {
        for (const { run, positions } of prepared) run(...positions);
      };
    },
  };
}
