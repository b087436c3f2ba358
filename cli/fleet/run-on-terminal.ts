import { shownPath } from '#environment/home.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';
import { logFolder } from './child-process.ts';
import { explainFailures } from './plan-failures.ts';
import { planView } from './plan-view.ts';
import { runPlanHere } from './run-plan-here.ts';
import type { StoredPlan } from './submit-plan.ts';
import { stateHere, watchPlan } from './watch-plan.ts';

export interface RunOnTerminalOptions {
  readonly atMost?: number | undefined;
  /** Print lines of JSON. @default false */
  readonly json?: boolean;
  /** The command that does what is missing, for messages. */
  readonly retry: string;
}

/**
 * Does the missing shards of a plan in processes of this machine, and shows how far it is on standard output. Ctrl-C asks the
 * processes to end with checkpoints, and waits for them; a second one kills them.
 *
 * @returns the exit code for this process: 0 if every shard has a result, 1 if not, 130 after Ctrl-C, 75 after SIGTERM
 * @throws as `runPlanHere`
 */
export async function runPlanOnTerminal(
  store: ObjectStore,
  stored: StoredPlan,
  { atMost, json = false, retry }: RunOnTerminalOptions,
): Promise<number> {
  const view = planView(process.stdout, { json });
  const [interrupt, kill, over] = [new AbortController(), new AbortController(), new AbortController()];
  let exitCode = 130;
  const onSignal = (signal: NodeJS.Signals) => {
    if (interrupt.signal.aborted) {
      kill.abort();
      return;
    }
    exitCode = signal === 'SIGTERM' ? 75 : 130;
    view.note('The processes keep checkpoints and end. Press Ctrl-C again to kill them.');
    interrupt.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  let processes = 0;
  const watched = (async () => {
    const look = () => stateHere(store, stored, processes);
    // A failed look is no reason to end what the processes do: the next one may succeed, and they say themselves what fails.
    const options = { seconds: 1, signal: over.signal, onTrouble: async () => {} };
    for await (const state of watchPlan(look, options)) {
      if (state.done > 0 || processes > 0) view.show(state);
    }
  })();
  try {
    const ran = await runPlanHere(store, stored, {
      ...{ atMost, signal: interrupt.signal, kill: kill.signal, onNote: view.note },
      onChildren: (running) => {
        processes = running;
      },
    });
    over.abort();
    await watched;
    view.end();
    if (ran.left === 0) return 0;
    if (ran.wasInterrupted) {
      process.stderr.write(`${ran.left} shards are left. To do them: ${retry}\n`);
      return exitCode;
    }
    process.stderr.write(await explainFailures(store, stored.id, { retry }));
    process.stderr.write(`Output of the processes: ${shownPath(logFolder(stored.id))}\n`);
    return 1;
  } finally {
    over.abort();
    view.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
