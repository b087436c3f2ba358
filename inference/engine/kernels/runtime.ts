import { assemble, type FunctionSource, relaxedMultiplyAdd, separateMultiplyAdd } from './assembler.ts';
import { kernelSources } from './kernels.ts';

/** What every JavaScript runtime has of WebAssembly, as far as it is used here: its types come with a browser's only. */
interface WebAssemblyApi {
  readonly Memory: new (size: { readonly initial: number }) => Memory;
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ readonly exports: Readonly<Record<string, Positional>> }>;
}

type Positional = (...numbers: readonly number[]) => void;

/** WebAssembly's memory; it goes when nobody holds it any more. */
export interface Memory {
  readonly buffer: ArrayBuffer;
}

/** A call of a function of `kernels.ts`, with all its numbers by the names of the parameters. */
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

/** Once a process, for whatever models come. Browsers refuse to do it at once. */
async function compile(): Promise<Compiled> {
  const sources = kernelSources(hasMultiplyAdd() ? relaxedMultiplyAdd : separateMultiplyAdd);
  return { module: await api.compile(assemble(Object.values(sources))), sources };
}

/** Whether a product and a sum are one instruction here; Node knows it from 22 on. */
function hasMultiplyAdd(): boolean {
  return api.validate(assemble([kernelSources(relaxedMultiplyAdd).affine]));
}

/** Kernels on a memory of their own. */
export interface Machine {
  readonly memory: Memory;
  /** Puts calls in the form that costs least to run again and again. */
  prepare(calls: readonly Call[]): () => void;
}

/** @param bytes of memory, which is all zeros */
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
