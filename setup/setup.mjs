/** `npm run setup`: whatever this clone needs to run, and what is there already. */
import { nodeVersionProblem } from './node-version.mjs';

const problem = nodeVersionProblem(process.versions.node);
if (problem === undefined) {
  // Imported only now: an older Node would not even parse it.
  const { main } = await import('./main.mjs');
  process.exitCode = await main(process.argv.slice(2));
} else {
  console.error(problem);
  process.exitCode = 1;
}
