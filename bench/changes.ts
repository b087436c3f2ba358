import { withServing } from '#cli/commands/serve.fixture.ts';
import { UserError } from '#errors/user-error.ts';
import { watchAliasMoves } from '#inference/serving/alias-moves.fixture.ts';
import { exampleModel } from '#inference/serving/example-model.fixture.ts';
import { moveAlias, readAlias, rollback } from '#models/aliases.ts';
import { publishVersion } from '#models/versions.ts';

/** As the endpoint promises: nobody gets an answer of a model that was replaced longer ago. */
const POLL = 30_000;

/**
 * Eight clients ask `cifar10 serve` without a pause while `production` moves forth and back, at times of no pattern. Prints
 * how many answers there were, and how long a model that was replaced went on answering.
 *
 * @throws {UserError} a request was lost, or an answer was older than a poll
 */
export async function benchmarkChanges({ moves }: { readonly moves: number }): Promise<void> {
  await withServing(async ({ url, store }) => {
    const to = await publishVersion(store, await exampleModel({ seed: 2 }));
    await moveAlias(store, 'production', { to, by: 'bench', expected: await readAlias(store, 'production') });
    const move = async () => (await rollback(store, 'production', { by: 'bench' })).version;
    const pause = () => 1_000 + 24_000 * Math.random();
    const { answers, lost, stale, lags, last } = await watchAliasMoves({ url, move, moves, pause, poll: POLL });
    const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1);
    const mean = lags.reduce((sum, lag) => sum + lag, 0) / lags.length;
    process.stdout.write(
      `${answers} answers during ${moves} moves: ${lost.length} lost, ${stale.length} older than ${seconds(POLL)} s; ` +
        `a replaced model went on for ${seconds(mean)} s on average, ${seconds(Math.max(...lags))} s at most\n`,
    );
    const isLast = new Set(last).size === 1 && last[0] === (await readAlias(store, 'production'))?.version;
    if (lost.length > 0 || stale.length > 0 || !isLast) {
      throw new UserError(`Answered wrongly: ${[...lost, ...stale, ...new Set(last)].slice(0, 5).join(', ')}.`);
    }
  });
}
