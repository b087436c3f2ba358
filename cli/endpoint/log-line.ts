import pc from 'picocolors';
import type { Level } from '#inference/telemetry/log.ts';

export interface LoggedLine {
  readonly level: Level;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What the runtime of Lambda logs about each request that went well; the line of the request itself says more. */
const ROUTINE = /^(?:START RequestId|END RequestId|INIT_START|REPORT RequestId(?!.*\tStatus: ))/;

/** A line of the endpoint's log for people: `200 POST /classify 13 ms cat 0.95`, or what was logged besides requests. */
export function describeLine({ level, message, facts }: LoggedLine): string {
  if (message === 'request') {
    const { method, path, status, milliseconds } = facts;
    const color = Number(status) < 400 ? pc.green : Number(status) < 500 ? pc.yellow : pc.red;
    return `${color(String(status))} ${method} ${path} ${pc.dim(`${milliseconds} ms`)} ${answerOf(facts)}`.trimEnd();
  }
  const { error: _, ...others } = facts;
  const details = Object.entries(others).map(([name, value]) => `${name} ${value}`);
  return `${level === 'error' ? pc.red('!') : pc.dim('·')} ${message} ${pc.dim(details.join(', '))}`.trimEnd();
}

/** The trace of an error among the facts; `undefined` where there is none. */
export function traceOf({ error }: LoggedLine['facts']): string | undefined {
  const { stack } = (error ?? {}) as { stack?: unknown };
  return typeof stack === 'string' ? stack : undefined;
}

/** @returns what a line of the deployed endpoint's log says to people; `undefined` for what the runtime logs about each request */
export function describeLoggedText(text: string): string | undefined {
  const logged = parseLine(text);
  if (logged === undefined) return ROUTINE.test(text) ? undefined : text;
  const trace = logged.level === 'error' ? traceOf(logged.facts) : undefined;
  return [describeLine(logged), ...(trace === undefined ? [] : [pc.dim(trace)])].join('\n');
}

/** @returns `undefined` where the endpoint did not write the line */
function parseLine(text: string): LoggedLine | undefined {
  try {
    const { timestamp: _, level, message, _aws, ...facts } = JSON.parse(text);
    const metrics = Object.keys(facts).filter((name) => /^[A-Z]/.test(name));
    for (const name of metrics) delete facts[name];
    return typeof message === 'string' ? { level, message, facts } : undefined;
  } catch {
    return undefined;
  }
}

/** The best class with its probability; the number of images where several were asked for; or what was wrong. */
function answerOf({ label, score, detail, images, failed }: LoggedLine['facts']): string {
  const count = Array.isArray(label) ? label.length : images;
  if (count !== undefined) return `${count} images${failed ? `, ${failed} refused` : ''}`;
  return label === undefined ? String(detail ?? '') : `${label} ${Number(score).toFixed(2)}`;
}
