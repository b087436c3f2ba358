import type { RunArguments } from '#models/runs.ts';
import { Message } from '../../protobuf/message.ts';
import { fromStoredSettings } from '../../recipe/stored-settings.ts';

/** What TensorBoard's HParams tab shows of a run: its settings, and whether it has ended. */
export interface Session {
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Seconds since 1970. */
  readonly startedAt: number;
  /** Absent while the run can resume. */
  readonly ended?: { readonly at: number; readonly isSuccess: boolean };
}

/** All that decides a run, as settings of a session. Numbers stay numbers, so that the tab sorts by them. */
export function sessionSettings({ recipe, seed, data, settings, parent }: RunArguments): Session['settings'] {
  const plain = Object.entries(fromStoredSettings(settings)).map(([name, value]) => [
    name,
    typeof value === 'number' || typeof value === 'boolean' ? value : String(value),
  ]);
  return {
    recipe,
    seed,
    data: data.name,
    ...(parent && { from: 'version' in parent ? parent.version : 'a file' }),
    ...Object.fromEntries(plain),
  };
}

const SUCCESS = 1;
const FAILURE = 2;

/**
 * The summaries of a session: that of its end is absent until it has ended.
 *
 * @returns messages of `Summary.Value`
 * @see tensorboard/plugins/hparams/summary.py and plugin_data.proto
 */
export function sessionSummaries({ settings, startedAt, ended }: Session): Message[] {
  const start = new Message();
  for (const [name, value] of Object.entries(settings))
    start.message(1, new Message().text(1, name).message(2, fieldOf(value)));
  start.double(5, startedAt);
  const end = ended && new Message().number(1, ended.isSuccess ? SUCCESS : FAILURE).double(2, ended.at);
  return [
    summary('_hparams_/session_start_info', new Message().message(3, start)),
    ...(end ? [summary('_hparams_/session_end_info', new Message().message(4, end))] : []),
  ];
}

/** A `google.protobuf.Value`. */
function fieldOf(value: string | number | boolean): Message {
  if (typeof value === 'number') return new Message().double(2, value);
  return typeof value === 'boolean' ? new Message().number(4, Number(value)) : new Message().text(3, value);
}

function summary(tag: string, content: Message): Message {
  const plugin = new Message().text(1, 'hparams').bytes(2, content.encode());
  const noValue = new Message().number(1, 1).message(2, new Message()).float(5, 0); // TensorBoard keeps no summary without a tensor.
  return new Message().text(1, tag).message(8, noValue).message(9, new Message().message(1, plugin));
}
