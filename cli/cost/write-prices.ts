/**
 * Reads the prices of `prices.json` anew from AWS's public price list, without credentials, and prints what has changed:
 *
 *     npm run prices
 *
 * The list of EC2 has hundreds of megabytes, so it takes minutes. Look at the changes before you commit them.
 */
import { writeFile } from 'node:fs/promises';
import { UserError } from '#errors/user-error.ts';
import prices from './prices.json' with { type: 'json' };
import { refreshPrices } from './refresh-prices.ts';

try {
  const { prices: refreshed, changes, missing } = await refreshPrices(prices);
  await writeFile(new URL('prices.json', import.meta.url), `${JSON.stringify(refreshed, undefined, 2)}\n`);
  const changed = changes.filter(({ before, now }) => before !== now);
  for (const { price, before, now } of changed) console.log(`${price} $${now}, before $${before}`);
  for (const price of missing) console.log(`${price} is not in AWS's list, and stays as it was`);
  console.log(`${changes.length} prices read, ${changed.length} of them changed: cli/cost/prices.json`);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`error: ${error.message}\ncli/cost/prices.json is as it was.`);
  process.exitCode = error.exitCode;
}
