import { withServing } from '#cli/commands/serve.fixture.ts';
import { UserError } from '#errors/user-error.ts';
import { watchAliasMoves } from '#inference/serving/alias-moves.fixture.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias, readAlias } from '#models/aliases.ts';
import { publishVersion } from '#models/versions.ts';

/** Milliseconds. The endpoint promises: a model that was replaced longer ago no longer answers. */
const POLL = 30_000;

/**
 * Eight clients send requests to `cifar10 serve` without a pause while `production` moves back and forth at random times.
 * Prints the number of answers, and for how long a replaced model still answered.
 *
 * @throws {UserError} a request was lost, or a model answered more than a poll interval after it was replaced
 */
export async function benchmarkChanges({ moves }: { readonly moves: number }): Promise<void> {
  await withServing(async ({ url, store }) => {
    const to = await publishVersion(store, await exampleModel({ seed: 2 }));
    await moveAlias(store, 'production', { to, by: 'bench', expected: await readAlias(store, 'production') });
    const move = async () => {
      const expected = (await readAlias(store, 'production'))!;
      return (await moveAlias(store, 'production', { to: expected.previous!, by: 'bench', expected })).version;
    };
    const pause = () => 1_000 + 24_000 * Math.random();
    const { answers, lost, stale, lags, last } = await watchAliasMoves({ url, move, moves, pause, poll: POLL });
    const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1);
    const mean = lags.reduce((sum, lag) => sum + lag, 0) / lags.length;
    process.stdout.write(
      `${answers} answers during ${moves} moves: ${lost.length} lost, ${stale.length} from a model replaced over ${seconds(POLL)} s before; ` +
        `a replaced model still answered for ${seconds(mean)} s on average, ${seconds(Math.max(...lags))} s at most\n`,
    );
    const isLast = new Set(last).size === 1 && last[0] === (await readAlias(store, 'production'))?.version;
    if (lost.length > 0 || stale.length > 0 || !isLast) {
      throw new UserError(`Wrong answers under load: ${[...lost, ...stale, ...new Set(last)].slice(0, 5).join(', ')}.`);
    }
  });
}
