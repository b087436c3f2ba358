import fc from 'fast-check';
import { killableStore } from './interrupted-store.ts';
import type { ObjectStore } from './object-store.ts';

/** How a process ends before its work does: killed just before an operation of the store (from 0), or told to end there. */
export interface End {
  readonly by: 'kill' | 'signal';
  readonly operation: number;
}

export const anyEnd: fc.Arbitrary<End | undefined> = fc.option(
  fc.record({ by: fc.constantFrom('kill' as const, 'kill' as const, 'signal' as const), operation: fc.nat(24) }),
  { nil: undefined, freq: 3 },
);

/** A process is slow before one operation of the store (from 0): others get about as many turns. */
export interface Pause {
  readonly operation: number;
  readonly turns: number;
}

export const anyPause: fc.Arbitrary<Pause> = fc.record({ operation: fc.nat(12), turns: fc.nat(60) });

/** A store as a process sees it: each operation waits for its turn, and one of them is the last. */
export function scheduledStore(
  shared: ObjectStore,
  scheduler: fc.Scheduler,
  { ending, pause }: { readonly ending?: End | undefined; readonly pause?: Pause } = {},
) {
  const { store, kill, alive } = killableStore(shared, () => false);
  const controller = new AbortController();
  let [asked, operations] = [0, 0];
  const inTurn = async <Result>(operation: () => Promise<Result>): Promise<Result> => {
    const turns = asked++ === pause?.operation ? pause.turns : 0;
    for (let turn = 0; turn < turns; turn++) await scheduler.schedule(Promise.resolve());
    return await scheduler
      .scheduleFunction(async () => {
        if (operations++ === ending?.operation) {
          if (ending.by === 'kill') kill();
          else controller.abort('SIGTERM');
        }
        const whileAlive = async () => {
          alive();
          return await operation();
        };
        return { settled: await whileAlive().then(...settle<Result>()) };
      })()
      .then(({ settled }) => settled());
  };
  const process: ObjectStore = {
    url: store.url,
    commandOption: store.commandOption,
    get: (key) => inTurn(() => store.get(key)),
    put: (key, body, options) => inTurn(() => store.put(key, body, options)),
    concatenate: (key, parts, options) => inTurn(() => store.concatenate(key, parts, options)),
    delete: (key) => inTurn(() => store.delete(key)),
    async *list(prefix) {
      yield* await inTurn(async () => {
        const listed = [];
        for await (const object of store.list(prefix)) listed.push(object);
        return listed;
      });
    },
  };
  return { store: process, signal: controller.signal };
}

/** A failed operation is over, too: the scheduler continues, and the process gets the error. */
function settle<Result>(): [(result: Result) => () => Result, (error: unknown) => () => Result] {
  return [
    (result) => () => result,
    (error) => () => {
      throw error;
    },
  ];
}
