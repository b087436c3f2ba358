import { setTimeout as sleep } from 'node:timers/promises';
import { examplePixels } from './example-model.fixture.ts';

export interface AliasMovesOptions {
  readonly url: string;
  /** Moves the alias. @returns the version that it points to afterwards */
  readonly move: () => Promise<string>;
  readonly moves: number;
  /** Milliseconds until the next move. */
  readonly pause: () => number;
  /** Milliseconds after which a model that was replaced must not answer. */
  readonly poll: number;
  /** @default 8 */
  readonly clients?: number;
}

export interface AliasMoves {
  /** Number of answers, of all versions. */
  readonly answers: number;
  /** Answers other than 200, and requests without an answer. */
  readonly lost: readonly string[];
  /** Versions that answered although they were not current at any time from one poll before the request until its answer. */
  readonly stale: readonly string[];
  /** Milliseconds from each move to the last request that the previous version answered; 0 if there was none. */
  readonly lags: readonly number[];
  /** The version of each client's last answer. */
  readonly last: readonly (string | undefined)[];
}

interface Answer {
  readonly version: string | undefined;
  /** When the request was sent, by `performance.now()`. */
  readonly asked: number;
  readonly answered: number;
}

/** Clients send requests to an endpoint without pause while the served alias moves; then their answers are checked. */
export async function watchAliasMoves(options: AliasMovesOptions): Promise<AliasMoves> {
  const { url, move, moves, pause, poll, clients = 8 } = options;
  const lost: string[] = [];
  const answers: Answer[][] = Array.from({ length: clients }, () => []);
  const current: { readonly version: string; readonly from: number; until: number }[] = [];
  /** When the first move had ended: which version was current before is not known. */
  let knownFrom: number | undefined;
  let isOver = false;
  const asking = answers.map(async (own) => {
    while (!isOver) {
      const asked = performance.now();
      const version = await ask(url).catch((error: unknown) => void lost.push(String(error)));
      if (version) own.push({ version, asked, answered: performance.now() });
      await sleep(1);
    }
  });
  for (let count = 0; count < moves; count++) {
    const from = performance.now();
    const version = await move();
    const moved = performance.now();
    knownFrom ??= moved;
    if (current.length > 0) current.at(-1)!.until = moved;
    current.push({ version, from, until: Number.POSITIVE_INFINITY });
    await sleep(count === moves - 1 ? poll : pause());
  }
  await sleep(100);
  isOver = true;
  await Promise.all(asking);

  const all = answers.flat().filter(({ asked }) => asked > knownFrom! + poll);
  const isCurrent = ({ version, asked, answered }: Answer) =>
    current.some((each) => each.version === version && each.from <= answered && each.until >= asked - poll);
  return {
    answers: answers.flat().length,
    lost,
    stale: all.filter((answer) => !isCurrent(answer)).map(({ version }) => String(version)),
    lags: current.slice(1).map(({ from }, index) => {
      const until = current[index + 2]?.from ?? Number.POSITIVE_INFINITY;
      const before = current[index]!.version;
      const late = all.filter(({ version, asked }) => version === before && asked > from && asked < until);
      return Math.max(0, ...late.map(({ asked }) => asked - from));
    }),
    last: answers.map((own) => own.at(-1)?.version),
  };
}

async function ask(url: string): Promise<string> {
  const response = await fetch(`${url}/classify`, { method: 'POST', body: new Uint8Array(examplePixels(1)) });
  const body = (await response.json()) as { readonly model?: { readonly version: string } };
  if (response.status !== 200 || !body.model) throw new Error(`${response.status}: ${JSON.stringify(body)}`);
  return body.model.version;
}
