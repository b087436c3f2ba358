import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram, runProgram } from './program.ts';
import { BadArguments, explainBadArguments } from './terminal/bad-arguments.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** `./cifar10`, as a person runs it. */
function cifar10(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' };
    const child = execFile('./cifar10', args, { cwd: root, env }, (failure, out, error) => {
      resolve({ code: failure === null ? 0 : Number(failure.code), out, error });
    });
    child.stdin?.end();
  });
}

interface Action {
  readonly command: Command;
  /** That call it. */
  readonly words: readonly string[];
}

/** Every command that does something. */
function actionsOf(command: Command, words: readonly string[] = []): Action[] {
  if (command.commands.length === 0) return [{ words, command }];
  return command.commands.flatMap((child) => actionsOf(child, [...words, child.name()]));
}

const actions = actionsOf(await createProgram(() => true));

/** Values that options take; each is given the first that it accepts. */
const values = ['candidate', '1', '10m'];

/** An option as it is written, with a value that it accepts. */
function written(option: Option): string[] {
  const flag = option.long ?? option.short!;
  if (!option.required && !option.optional) return [flag];
  const accepted = (option.argChoices ?? values).find((value) => {
    try {
      option.parseArg?.(value, undefined);
      return true;
    } catch {
      return false;
    }
  });
  if (accepted === undefined) throw new Error(`No value for ${flag}: add one to the values of this test.`);
  return [flag, accepted];
}

/** Options of which only one may be given: the last stays. */
function together({ options }: Command): readonly Option[] {
  return options.filter(({ long }) => long !== '--store' || options.every((each) => each.long !== '--target'));
}

test('every command that finds a stack takes --stage', () => {
  const takes = (name: string) => actions.filter(({ command }) => command.options.some(({ long }) => long === name));
  const named = (found: readonly Action[]) => found.map(({ words }) => words.join(' '));
  expect(named(takes('--stage'))).toEqual(named(takes('--target')));
  expect(named(takes('--stage')).length).toBeGreaterThan(15);
});

/** A call of a command with these options, and what it cannot do without. */
function call({ words, command }: Action, options: readonly Option[]): string[] {
  const needed = command.options.filter((option) => option.mandatory && !options.includes(option));
  const things = command.registeredArguments.filter(({ required }) => required);
  const given = things.map(({ argChoices }) => argChoices?.[0] ?? 'something');
  return [...words, ...given, ...[...needed, ...options].flatMap(written)];
}

/** Parses as the program does, up to the action, which is not taken. @returns the command that the arguments reach */
async function reachedBy(argv: readonly string[]): Promise<Command | undefined> {
  const program = await createProgram((name) => name === argv[0]);
  const reached = new Error('The command is reached.');
  let action: Command | undefined;
  program.hook('preAction', (_, command) => {
    action = command;
    throw reached;
  });
  await program.parseAsync(argv, { from: 'user' }).catch((error: unknown) => {
    if (error !== reached) throw error;
  });
  return action;
}

describe.each(actions)('$words', (action) => {
  const { words, command } = action;

  test.each(command.options)('takes $long', async (option) => {
    const reached = await reachedBy(call(action, [option]));
    expect(reached?.name()).toBe(words.at(-1));
    expect(reached?.getOptionValueSource(option.attributeName())).toBe('cli');
    const [, value = !option.negate] = written(option);
    if (!option.parseArg) expect([reached?.opts()[option.attributeName()]].flat()).toEqual([value]);
  });
});

// A second command of a group is parsed no other way than its first.
const firsts = actions.filter(({ words }, index) => actions[index - 1]?.words[0] !== words[0]);
const everyOption = (action: Action) => [...call(action, together(action.command)), '--no-such-option'];
const unknown = ({ words }: Action) => `Unknown option '--no-such-option'.\nSee "./cifar10 ${words.join(' ')} --help".`;

test.each(firsts)('$words takes all its options together', async (action) => {
  const refused: unknown = await runProgram(everyOption(action)).catch((error: unknown) => error);
  expect(refused).toMatchObject({ exitCode: 2 });
  expect(await explainBadArguments(refused as BadArguments)).toBe(unknown(action));
});

test('./cifar10 gives every option to its command, and says what is wrong with one', async () => {
  const chosen = ['train', 'models'].map((name) => firsts.find(({ words }) => words[0] === name)!);
  for (const action of chosen) {
    const answer = await cifar10(...everyOption(action));
    expect(answer).toEqual({ code: 2, out: '', error: `error ${unknown(action)}\n` });
  }
}, 180_000);

test.each([
  ['predict photo.png', /Unknown command 'predict'\. Did you mean "\.\/cifar10 classify"\?/],
  ['predict --help', /Did you mean "\.\/cifar10 classify"\?/],
  ['help predict', /Did you mean "\.\/cifar10 classify"\?/],
  ['trian', /Unknown command 'trian'\. Did you mean train\?/],
  ['train --epochs 3', /Unknown option '--epochs'\. Did you mean --set epochs=3\?/],
  ['train --lr=0.1 --json', /Did you mean --set learningRate=0\.1\?/],
  ['submit quick --batch-size 64', /Did you mean --set batchSize=64\?/],
  ['train quick epochs=3', /Too many arguments .* Did you mean --set epochs=3\?/],
  ['train --seeds 3', /Did you mean --seed\?/],
  ['train --dataset cifar10', /Did you mean --data\?/],
  ['--json jobs', /Did you mean "\.\/cifar10 jobs … --json", with the option after the command\?/],
  ['logs', /Missing required argument 'what'\./],
])('"%s" is refused with what was meant', async (line, message) => {
  const refused: unknown = await runProgram(line.split(' ')).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(BadArguments);
  expect(refused).toMatchObject({ exitCode: 2 });
  expect(await explainBadArguments(refused as BadArguments)).toMatch(message);
});

test('"classify" without a picture says what to give', async () => {
  const message = expect.stringContaining('Give files or folders, or - for standard input.');
  await expect(runProgram(['classify'])).rejects.toMatchObject({ exitCode: 2, message });
});
