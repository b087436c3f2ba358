import { execFileSync, spawn } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** A block of commands in a Markdown page, between ` ```sh ` and ` ``` `. */
export interface CommandBlock {
  /** The page, relative to the root. */
  readonly page: string;
  /** The line of its first command, from 1. */
  readonly line: number;
  /** As printed. */
  readonly commands: readonly string[];
  /** Whether the comment `<!-- needs AWS -->` is above it. */
  readonly needsAws: boolean;
}

/** @param page relative to the root */
export function commandBlocks(page: string): CommandBlock[] {
  const lines = readFileSync(path.join(root, page), 'utf8').split('\n');
  return lines.flatMap((text, at): CommandBlock[] => {
    if (text !== '```sh') return [];
    const commands = lines.slice(at + 1, lines.indexOf('```', at));
    return [{ page, line: at + 2, commands, needsAws: lines[at - 1] === '<!-- needs AWS -->' }];
  });
}

/** Copies the files of the work tree that belong to the project, as `git clone` would after a commit. */
export function cloneWorkTree(folder: string): void {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const file of listed.toString().split('\0').filter(Boolean)) {
    cpSync(path.join(root, file), path.join(folder, file), { verbatimSymlinks: true });
  }
}

/** Commands that run until Ctrl-C, and what they print once they serve. */
const servers: readonly (readonly [command: RegExp, ready: string])[] = [
  [/^npm start( |$)/, 'Serving until Ctrl-C'],
  [/^\.\/cifar10 serve( |$)/, 'Try it:'],
  [/^\.\/cifar10 tensorboard( |$)/, 'http://'],
];

/**
 * Runs a block in one shell, as a reader would type it: the next command after the last one has succeeded. A command that
 * serves until Ctrl-C gets it at the end of the block.
 *
 * @returns what the commands printed
 * @throws {Error} a command failed; the message ends with what was printed
 */
export function runBlock(commands: readonly string[], folder: string): Promise<string> {
  const shell = spawn('bash', ['-c', script(commands)], {
    cwd: folder,
    env: readersEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  return new Promise((resolve, reject) => {
    shell.on('error', reject);
    shell.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${commands.join('\n')}\nended with ${code}:\n${output}`));
    });
  });
}

function script(commands: readonly string[]): string {
  const lines = commands.map((command) => {
    const [, ready] = servers.find(([pattern]) => pattern.test(command)) ?? [];
    return ready === undefined ? command : `serve ${quoted(command)} ${quoted(ready)}`;
  });
  return `
set -euo pipefail
set -m # Without job control, processes in the background ignore Ctrl-C.
log=$(mktemp)
server=
serve() {
  bash -c "$1" >"$log" 2>&1 &
  server=$!
  until grep -q "$2" "$log"; do
    kill -0 $server 2>/dev/null || { echo "$1 ended before it served."; exit 1; }
    sleep 0.2
  done
}
end() {
  code=$?
  if [ -n "$server" ]; then
    kill -INT -- "-$server" 2>/dev/null || true
    ended=0
    wait "$server" || ended=$?
    [ $ended = 0 ] || [ $ended = 130 ] || code=1
    cat "$log"
  fi
  rm -f "$log"
  exit $code
}
trap end EXIT
${lines.join('\n')}
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Without what the test runner and npm set. */
function readersEnvironment(): NodeJS.ProcessEnv {
  const isOurs = (name: string) => /^(AWS_|CIFAR10_|npm_|VITEST|NODE_ENV$|TEST$)/i.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)));
}
