import type { Writable } from 'node:stream';
import pc from 'picocolors';
import { duration } from '#training/commands/run-view.ts';
import { describeDollars } from './estimate.ts';
import type { PlanState } from './watch-plan.ts';

interface Terminal extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface PlanView {
  /** Shows how far the plan is; called repeatedly. */
  show(state: PlanState): void;
  /** Prints a line that stays. */
  note(line: string): void;
  /** Clears the live line. */
  end(): void;
}

/** Milliseconds between two lines where each of them stays. */
const PLAIN_INTERVAL = 10_000;

/** Shows a plan: on a terminal as a live line, elsewhere as a line every ten seconds at most, with `json` as lines of JSON. */
export function planView(stream: Terminal, { json = false }: { readonly json?: boolean } = {}): PlanView {
  let shown = '';
  let shownAt = Number.NEGATIVE_INFINITY;
  const erase = () => {
    if (stream.isTTY && shown !== '' && !json) stream.write('\r\x1b[2K');
  };
  return {
    show(state) {
      if (json) {
        const line = JSON.stringify({ type: 'plan', ...state });
        if (line !== shown) stream.write(`${line}\n`);
        shown = line;
        return;
      }
      const line = describePlanState(state);
      if (stream.isTTY) {
        erase();
        stream.write(pc.dim(line.slice(0, (stream.columns || 80) - 1)));
        shown = line;
        return;
      }
      const isLast = state.done === state.total;
      if (line === shown || (!isLast && performance.now() - shownAt < PLAIN_INTERVAL)) return;
      stream.write(`${line}\n`);
      [shown, shownAt] = [line, performance.now()];
    },
    note(line) {
      erase();
      if (stream.isTTY) shown = '';
      if (!json) stream.write(`${line}\n`);
    },
    end: erase,
  };
}

/** Such as `12 of 40 done, 4 running, 23 waiting, 1 failed, about 6:20 left, $0.12 so far`. */
export function describePlanState(state: PlanState): string {
  const { done, total, running, waiting, failed, children, etaSeconds, dollars } = state;
  const hasNoMachine = children.running === 0 && children.waiting > 0;
  return [
    `${done} of ${total} done`,
    ...(running > 0 ? [`${running} running`] : []),
    ...(waiting > 0 ? [`${waiting} waiting${hasNoMachine ? ' for a machine' : ''}`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(etaSeconds !== undefined && done < total ? [`about ${duration(etaSeconds)} left`] : []),
    ...(dollars === undefined ? [] : [`${describeDollars(dollars)} so far`]),
  ].join(', ');
}
