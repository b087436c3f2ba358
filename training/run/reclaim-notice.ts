import * as z from 'zod/mini';
import { askMetadata, metadataAddress } from '#environment/instance-metadata.ts';
import { variable } from '#environment/variables.ts';
import { decodeJson } from '#models/json.ts';
import type { Emit } from './run-log.ts';

/** Seconds between two looks, as AWS advises. */
const EVERY_SECONDS = 5;
/** How long a token is asked for: the longest that there is. It is renewed a minute earlier. */
const TOKEN_SECONDS = 21_600;
/** An answer is read between two calls of the engine, and reading one takes up to three turns of the event loop. */
const ANSWER_SECONDS = 30;
/** A checkpoint so long before the announced time, which is approximate, still has the time to be tried several times. */
const LAST_CHECKPOINT_SECONDS = 30;

const NOTICE = '/latest/meta-data/spot/instance-action';

/** What will happen to the instance (`terminate`, `stop` or `hibernate`), and approximately when. */
const ReclaimNotice = z.object({ action: z.string(), time: z.iso.datetime() });
type ReclaimNotice = z.infer<typeof ReclaimNotice>;

/** Waits for the notice that EC2 takes back the Spot Instance on which a job runs. */
export interface ReclaimWatch {
  /** Whether a checkpoint is due: once when the notice has arrived, and once more shortly before the instance goes. */
  isCheckpointDue(): boolean;
  close(): void;
}

interface WatchOptions {
  /** Base address of the instance's metadata. @default nothing is asked */
  readonly metadata: string | undefined;
  /** Is given one event when the notice arrives, and one warning if it cannot be asked for. */
  readonly emit: Emit;
  /** Seconds between two looks. @default 5 */
  readonly everySeconds?: number;
}

/** The base address of the instance's metadata in an AWS Batch job; undefined elsewhere, and as for `metadataAddress`. */
export function instanceMetadata(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment[variable.jobId] ? metadataAddress(environment) : undefined;
}

/**
 * Looks for the notice until it is there or the watch is closed. The program has to look by itself: ECS drains an instance
 * that is taken back, but stops only the tasks of services, and a Batch job is none. A service that fails is asked again, and
 * never disturbs the training.
 *
 * Only tokens of version 2 are used, and no proxy is asked.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html the notice, two minutes ahead
 * @see https://docs.aws.amazon.com/batch/latest/userguide/networking-modes-jobs.html the host's network
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html what draining stops
 */
export function watchForReclaim({ metadata, emit, everySeconds = EVERY_SECONDS }: WatchOptions): ReclaimWatch {
  let dueAt: readonly number[] = [];
  const closing = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let hasWarned = false;

  const look = async (read: () => Promise<ReclaimNotice | undefined>): Promise<void> => {
    try {
      const notice = await read();
      if (closing.signal.aborted) return;
      if (notice !== undefined) {
        emit({ type: 'reclaimed', ...notice });
        dueAt = [Date.now(), Date.parse(notice.time) - 1000 * LAST_CHECKPOINT_SECONDS];
        return;
      }
    } catch (error) {
      if (closing.signal.aborted) return;
      if (!hasWarned) emit({ type: 'warning', message: unreadable(metadata!, error) });
      hasWarned = true;
    }
    timer = setTimeout(() => void look(read), 1000 * everySeconds).unref();
  };
  if (metadata !== undefined) void look(noticeReader(metadata, closing.signal));

  return {
    isCheckpointDue() {
      const later = dueAt.filter((at) => at > Date.now());
      const isDue = later.length < dueAt.length;
      dueAt = later;
      return isDue;
    },
    close() {
      closing.abort();
      clearTimeout(timer);
    },
  };
}

/** @returns a function that reads the notice; its result is undefined while there is none */
function noticeReader(metadata: string, closing: AbortSignal): () => Promise<ReclaimNotice | undefined> {
  let token: { readonly value: string; readonly validUntil: number } | undefined;

  const ask = (method: 'GET' | 'PUT', path: string, headers: Readonly<Record<string, string>>) =>
    askMetadata(method, new URL(path, metadata), headers, timeLimit(closing));
  const newToken = async () => {
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) };
    const { status, body } = await ask('PUT', '/latest/api/token', headers);
    if (status !== 200) throw new Error(`it gives no token, and answers ${status}`);
    return { value: body.toString(), validUntil: performance.now() + 1000 * (TOKEN_SECONDS - 60) };
  };
  const askForNotice = async () => {
    token ??= await newToken();
    return await ask('GET', NOTICE, { 'X-aws-ec2-metadata-token': token.value });
  };

  return async () => {
    if (token !== undefined && token.validUntil < performance.now()) token = undefined;
    let answer = await askForNotice();
    if (answer.status === 401) {
      token = undefined; // It has expired.
      answer = await askForNotice();
    }
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new Error(`it answers ${answer.status}`);
    return decodeJson(ReclaimNotice, answer.body, NOTICE);
  };
}

function timeLimit(closing: AbortSignal): AbortSignal {
  return AbortSignal.any([closing, AbortSignal.timeout(1000 * ANSWER_SECONDS)]);
}

function unreadable(metadata: string, error: unknown): string {
  const reason = error instanceof Error ? error.message || error.name : String(error);
  return (
    `${metadata} does not tell whether EC2 takes this instance back (${reason}). The training continues and asks again; if the ` +
    'instance goes without notice, the run resumes from its last checkpoint.'
  );
}
